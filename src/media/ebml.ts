/**
 * EBML: the elements of which Matroska and WebM are made.
 *
 *     ┌────────────┬────────────┬─────────────────────────┐
 *     │ identifier │ size       │ body                    │
 *     │ 1 to 4     │ 1 to 8     │ size bytes, or elements │
 *     └────────────┴────────────┴─────────────────────────┘
 *       0x1a45dfa3   0x9f = 31
 *
 * RFC 8794: variable-size integers are section 4, identifiers section 5, sizes section 6.
 */

/** Bytes of the longest head of an element: identifier and size. */
export const ELEMENT_HEAD_MAX_BYTES = 12;

/** What stands before an element's body. */
export interface ElementHead {
  /** The identifier with its length marker, as it is written in tables: 0x1f43b675. */
  readonly id: number;
  /** Bytes of the body. Infinity where the element goes on until one that it cannot hold. */
  readonly size: number;
  /** Bytes of the head itself. */
  readonly length: number;
}

/** An element that is wholly there. */
export interface Element {
  readonly id: number;
  readonly body: Uint8Array;
}

/** The head of the element at `at`, or undefined where there is none or not all of one. */
export function elementHead(bytes: Uint8Array, at: number): ElementHead | undefined {
  const width = vintWidth(bytes[at] ?? 0);
  const size = width <= 4 ? vint(bytes, at + width) : undefined;
  if (size === undefined) {
    return undefined;
  }
  const sizeWidth = size.end - at - width;
  const isUnknown = size.value >= 2 ** (7 * sizeWidth) - 1;
  return {
    id: unsigned(bytes, at, at + width),
    size: isUnknown ? Infinity : size.value,
    length: width + sizeWidth,
  };
}

/** The elements of which `bytes` are made, up to the first one that is not wholly there. */
export function* elements(bytes: Uint8Array): Generator<Element> {
  for (let at = 0; at < bytes.length;) {
    const head = elementHead(bytes, at);
    const end = head === undefined ? Infinity : at + head.length + head.size;
    if (head === undefined || end > bytes.length) {
      return;
    }
    yield { id: head.id, body: bytes.subarray(at + head.length, end) };
    at = end;
  }
}

/** The unsigned integer from `from` to `to` (section 7.2), exact up to 2^53. */
export function unsigned(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    value = value * 256 + bytes[at]!;
  }
  return value;
}

/**
 * The variable-size integer at `at` and where it ends: as many bytes as the first one has leading
 * zeros, and one. An element's identifier has the same form, and for that only the end counts.
 */
export function vint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  const width = vintWidth(bytes[at] ?? 0);
  if (width > 8 || at + width > bytes.length) {
    return undefined;
  }
  const first = bytes[at]! & (0xff >> width);
  const rest = unsigned(bytes, at + 1, at + width);
  return { value: first * 256 ** (width - 1) + rest, end: at + width };
}

/** The length of a variable-size integer that begins with `first`; 9 where none does. */
function vintWidth(first: number): number {
  return Math.clz32(first) - 23;
}
