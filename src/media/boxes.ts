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

/** What stands before a box's body. */
export interface BoxHead {
  readonly type: string;
  /** Bytes of the whole box; Infinity up to the end of the stream. */
  readonly size: number;
  /** Bytes of the head itself. */
  readonly length: number;
}

/** A box's place in the bytes that hold it. */
export interface Box {
  readonly type: string;
  readonly from: number;
  readonly body: number;
  readonly to: number;
}

/**
 * The head of the box at `at`, where eight bytes are; undefined where none can be. Where the rest of
 * a large one is missing, the size is not yet known: 0.
 */
export function boxHead(bytes: Uint8Array, at: number): BoxHead | undefined {
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + BOX_HEAD_BYTES));
  const size = readUint32(bytes, at);
  if (!/^[ -~\u00a9][ -~]{3}$/.test(type) || (size > 1 && size < BOX_HEAD_BYTES)) {
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

/** The boxes from `from` to `to`, up to the first one that is not wholly there. */
export function* boxes(bytes: Uint8Array, from: number, to: number): Generator<Box> {
  for (let at = from; at + BOX_HEAD_BYTES <= to;) {
    const head = boxHead(bytes, at);
    if (head === undefined || head.size < head.length || at + head.size > to) {
      return;
    }
    yield { type: head.type, from: at, body: at + head.length, to: at + head.size };
    at += head.size;
  }
}

/** The boxes of one type within `outer`. */
export function boxesOf(bytes: Uint8Array, outer: Box, type: string): Box[] {
  return [...boxes(bytes, outer.body, outer.to)].filter((box) => box.type === type);
}

/** The first box within `outer` that one comes to by this path of types. */
export function boxAt(bytes: Uint8Array, outer: Box, ...path: readonly string[]): Box | undefined {
  let box: Box | undefined = outer;
  for (const type of path) {
    box = box && boxesOf(bytes, box, type)[0];
  }
  return box;
}
