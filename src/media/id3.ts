/**
 * The tags that stand in front of sound, and between its frames.
 *
 *     ┌───────┬─────────┬───────┬────────┬──────────────┬─────────────────┐
 *     │ "ID3" │ version │ flags │ size   │ frames…      │ footer, 10      │
 *     │       │ 2 bytes │ 1     │ 4 × 7  │ size bytes   │ if flag 0x10    │
 *     └───────┴─────────┴───────┴────────┴──────────────┴─────────────────┘
 *
 * ID3v2.4.0, sections 3.1 and 3.4. The size's four bytes have seven bits each, so that it never looks
 * like the start of a frame. ID3v1 is "TAG" and 125 bytes more.
 */
import { hasText, readUint32 } from "../core/bytes.ts";

/** The bytes of a tag that tell its length. */
export const ID3_HEAD_BYTES = 10;

export const ID3V1_BYTES = 128;

/** The length of the ID3v2 tag at `at`, or 0 where none begins there, or not so much of it is there. */
export function id3Bytes(bytes: Uint8Array, at: number): number {
  if (at + ID3_HEAD_BYTES > bytes.length || !hasText(bytes, at, "ID3")) {
    return 0;
  }
  const size = readUint32(bytes, at + 6);
  if ((size & 0x80_80_80_80) !== 0) {
    return 0;
  }
  const body =
    ((size & 0x7f_00_00_00) >> 3) |
    ((size & 0x7f_00_00) >> 2) |
    ((size & 0x7f_00) >> 1) |
    (size & 0x7f);
  const footer = (bytes[at + 5]! & 0x10) === 0 ? 0 : ID3_HEAD_BYTES;
  return ID3_HEAD_BYTES + body + footer;
}
