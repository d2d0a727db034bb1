/**
 * The boxes of which MP4 is made (ISO/IEC 14496-12, section 4.2).
 *
 *     ┌──────────┬──────┬─────────────────────────┐
 *     │ size u32 │ type │ body, or boxes          │      size counts all three
 *     └──────────┴──────┴─────────────────────────┘
 *     ┌──────────┬──────┬──────────┬──────────────┐
 *     │ 1        │ type │ size u64 │ body         │      and all four here
 *     └──────────┴──────┴──────────┴──────────────┘
 *
 * A size of 0 means that the box goes on to the end of the stream.
 */
import { readUint32, readUint64 } from "../core/bytes.ts";

/** Bytes of a box's size and type, and those of the two and a large size. */
export const BOX_HEAD_BYTES = 8;
export const LARGE_BOX_HEAD_BYTES = 16;

/** A box's type, its four characters as an integer, which is what comparing them costs least as. */
export type BoxType = number;

export function boxType(characters: string): BoxType {
  return readUint32(Buffer.from(characters, "latin1"), 0);
}

/** What stands before a box's body. */
export interface BoxHead {
  readonly type: BoxType;
  /** Bytes of the whole box; Infinity up to the end of the stream. */
  readonly size: number;
  /** Bytes of the head itself. */
  readonly length: number;
}

/** A box's place in the bytes that hold it. */
export interface Box {
  readonly from: number;
  readonly body: number;
  readonly to: number;
}

/**
 * The head of the box at `at`, where eight bytes are; undefined where none can be. Where the rest of
 * a large one is missing, the size is not yet known: 0.
 */
export function boxHead(bytes: Uint8Array, at: number): BoxHead | undefined {
  const type = readUint32(bytes, at + 4);
  const size = readUint32(bytes, at);
  if (!isPrintable(type) || (size > 1 && size < BOX_HEAD_BYTES)) {
    return undefined;
  }
  if (size !== 1) {
    return { type, size: size === 0 ? Infinity : size, length: BOX_HEAD_BYTES };
  }
  const isThere = bytes.length - at >= LARGE_BOX_HEAD_BYTES;
  const large = isThere ? readUint64(bytes, at + BOX_HEAD_BYTES) : 0;
  return isThere && large < LARGE_BOX_HEAD_BYTES
    ? undefined
    : { type, size: large, length: LARGE_BOX_HEAD_BYTES };
}

/** All types that are registered are printable ASCII, but that some of QuickTime begin with "©". */
function isPrintable(type: BoxType): boolean {
  const first = type >>> 24;
  return (
    (first === 0xa9 || isAscii(first)) &&
    isAscii((type >> 16) & 0xff) &&
    isAscii((type >> 8) & 0xff) &&
    isAscii(type & 0xff)
  );
}

function isAscii(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e;
}

/** The boxes of one type within `outer`, up to the first box that is not wholly there. */
export function boxesOf(bytes: Uint8Array, outer: Box, type: BoxType): Box[] {
  const found: Box[] = [];
  for (let at = outer.body; at + BOX_HEAD_BYTES <= outer.to;) {
    const head = boxHead(bytes, at);
    if (head === undefined || head.size < head.length || at + head.size > outer.to) {
      break;
    }
    if (head.type === type) {
      found.push({ from: at, body: at + head.length, to: at + head.size });
    }
    at += head.size;
  }
  return found;
}

/** The first box within `outer` that one comes to by this path of types. */
export function boxAt(bytes: Uint8Array, outer: Box, ...path: readonly BoxType[]): Box | undefined {
  let box: Box | undefined = outer;
  for (const type of path) {
    box = box && boxesOf(bytes, box, type)[0];
  }
  return box;
}
