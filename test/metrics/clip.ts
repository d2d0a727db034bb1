/**
 * A stream whose frames can be counted by hand: IVF, each frame with its length in front.
 */

const HEADER_BYTES = 32;
const FRAME_HEAD_BYTES = 12;
const FRAME_BYTES = 1000;

/** VP8 of `frames` frames, of which the first is a keyframe. */
export function clip(frames: number): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("DKIF\0\0", "latin1");
  header.writeUInt16LE(HEADER_BYTES, 6);
  header.write("VP80", 8, "latin1");
  const each = Array.from({ length: frames }, (_, index) => {
    const frame = Buffer.alloc(FRAME_HEAD_BYTES + FRAME_BYTES);
    frame.writeUInt32LE(FRAME_BYTES);
    frame.writeUInt32LE(index, 4);
    frame[FRAME_HEAD_BYTES] = index === 0 ? 0 : 1;
    return frame;
  });
  return Buffer.concat([header, ...each]);
}
