/**
 * Films for the hub's own tests: IVF streams whose frames say who they are, and a viewer that finds
 * every broken one.
 */
import { concatBytes } from "../../src/core/bytes.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 12;

/** The least that a frame's payload may have: its kind and its number. */
export const LEAST_BYTES = 5;

/** A film's header: of VP8, whose keyframes have an even first byte. */
export const HEADER: Uint8Array = header();

function header(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(Buffer.from("DKIF\0\0\x20\0VP80"));
  return bytes;
}

/** The frame of the number `number`, with `size` bytes behind its header. */
export function frame(number: number, size: number, isKeyframe: boolean): Uint8Array {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + size, number % 251);
  bytes.writeUInt32LE(size, 0);
  bytes.writeUInt32LE(number, 4);
  bytes.writeUInt32LE(0, 8);
  bytes[FRAME_HEADER_BYTES] = isKeyframe ? 0 : 1;
  bytes.writeUInt32LE(number, FRAME_HEADER_BYTES + 1);
  return bytes;
}

/** A film of `count` frames, each `gop`-th one a keyframe, in the pieces in which it is sent. */
export function film(count: number, gop: number, size: number): Uint8Array[] {
  const frames = Array.from({ length: count }, (_, n) => frame(n, size, n % gop === 0));
  const [first = HEADER, ...rest] = frames;
  return [concatBytes(HEADER, first), ...rest];
}

/** A frame that a viewer has seen. */
export interface Seen {
  readonly number: number;
  readonly isKeyframe: boolean;
}

/**
 * The frames of what a watcher received. Throws at the first broken one, at a missing header, and
 * where what follows a gap is no keyframe. `open` allows the last frame to be incomplete.
 */
export function view(received: Uint8Array, open = false): Seen[] {
  const bytes = Buffer.from(received);
  const seen: Seen[] = [];
  if (bytes.length < HEADER_BYTES && open) {
    return seen;
  }
  if (!bytes.subarray(0, HEADER_BYTES).equals(HEADER)) {
    throw new Error("it does not begin with the header");
  }
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const size = at + FRAME_HEADER_BYTES <= bytes.length ? bytes.readUInt32LE(at) : Infinity;
    const end = at + FRAME_HEADER_BYTES + size;
    if (end > bytes.length && open) {
      return seen;
    }
    const number = bytes.readUInt32LE(at + 4);
    const isKeyframe = bytes[at + FRAME_HEADER_BYTES] === 0;
    if (!bytes.subarray(at, end).equals(frame(number, size, isKeyframe))) {
      throw new Error(`the frame at ${at}, behind number ${seen.at(-1)?.number}, is broken`);
    }
    if (number !== (seen.at(-1)?.number ?? -1) + 1 && !isKeyframe) {
      throw new Error(`number ${number} follows number ${seen.at(-1)?.number} and is no keyframe`);
    }
    if (number <= (seen.at(-1)?.number ?? -1)) {
      throw new Error(`number ${number} comes after number ${seen.at(-1)?.number}`);
    }
    seen.push({ number, isKeyframe });
    at = end;
  }
  return seen;
}

/** The numbers of the frames in what was received. */
export function numbers(received: Uint8Array, open = false): number[] {
  return view(received, open).map(({ number }) => number);
}
