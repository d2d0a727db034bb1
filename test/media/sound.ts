/**
 * What the tests of bare sound share.
 */
import { concatBytes } from "../../src/core/bytes.ts";

/** An ID3v2.4 tag with `body` bytes of what looks like sync words, and, where asked for, a footer. */
export function id3Tag(body: number, hasFooter = false): Uint8Array {
  const size = [21, 14, 7, 0].map((shift) => (body >> shift) & 0x7f);
  const fields = [4, 0, hasFooter ? 0x10 : 0, ...size];
  const head = Uint8Array.from([0x49, 0x44, 0x33, ...fields]);
  const footer = Uint8Array.from(hasFooter ? [0x33, 0x44, 0x49, ...fields] : []);
  return concatBytes(head, new Uint8Array(body).fill(0xff), footer);
}

/** Whether each of `some` is one of `all`. */
export function isSubset(some: readonly number[], all: readonly number[]): boolean {
  const known = new Set(all);
  return some.every((one) => known.has(one));
}
