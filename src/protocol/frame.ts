/**
 * The one frame of the protocol, which carries a request one way and a reply the other:
 *
 *     ┌────────────────────┬──────┬──────────────┐
 *     │ length N, 4 bytes  │ 0x00 │ N bytes text │      N counts neither itself nor the NUL
 *     └────────────────────┴──────┴──────────────┘
 */
import { encodeUtf8, writeUint32 } from "../core/bytes.ts";
import { FRAME_HEAD_BYTES } from "../core/limits.ts";

/** The frame that carries `text`. */
export function writeFrame(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  const frame = new Uint8Array(FRAME_HEAD_BYTES + bytes.length);
  writeUint32(frame, 0, bytes.length);
  frame.set(bytes, FRAME_HEAD_BYTES);
  return frame;
}
