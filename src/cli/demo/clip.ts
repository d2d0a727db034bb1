/**
 * The picture of the demo: a short H.264 clip, cut into the access units that a broadcaster sends
 * frame by frame.
 */
import picture from "./picture.h264" with { type: "file" };

/** Frames a second of the clip. */
export const CLIP_FPS = 30;

/**
 * What an access unit delimiter begins with: the start code and NAL unit type 9 (H.264, section
 * 7.3.2.4).
 */
const DELIMITER: Uint8Array = Uint8Array.of(0, 0, 1, 9);

/** The bytes of the clip. It is an Annex B byte stream, and may be played in a loop. */
export async function loadClip(): Promise<Uint8Array> {
  return await Bun.file(picture).bytes();
}

/**
 * Cuts an H.264 byte stream before each access unit delimiter, into views of `bytes` that add up to
 * the whole. What stands before the first delimiter belongs to the first unit.
 */
export function accessUnits(bytes: Uint8Array): readonly Uint8Array[] {
  const starts = delimiters(bytes);
  starts[0] = 0;
  return starts.map((start, i) => bytes.subarray(start, starts[i + 1]));
}

/**
 * Where the delimiters begin, each with the zero byte that may stand before its start code (section
 * B.1.1).
 */
function delimiters(bytes: Uint8Array): number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const starts: number[] = [];
  let at = buffer.indexOf(DELIMITER);
  while (at !== -1) {
    starts.push(bytes[at - 1] === 0 ? at - 1 : at);
    at = buffer.indexOf(DELIMITER, at + DELIMITER.length);
  }
  return starts;
}
