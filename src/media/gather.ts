/**
 * Hands a stream on to a parser in pieces of the sizes that it asks for, whatever chunks it comes
 * in:
 *
 *     chunks   ├──────────────┼────┼───────────────────────┼───────
 *                   ┌───┐         ┌───────┐                    ┌───
 *              skip │   │  skip   │ piece │       skip         │
 *                   └───┘         └───────┘                    └───
 *
 * A piece that lies within one chunk is a view of it; one that does not is put together in a buffer.
 * What is skipped is not looked at.
 *
 * Invariant: `at` is the absolute offset of the first byte that is neither skipped nor consumed, and
 * `carry` holds the bytes from there on that have come, fewer than `want`.
 */
import { SETUP_MAX_BYTES } from "../core/limits.ts";

export interface Gather {
  /** The absolute offset behind what was consumed. */
  at: number;
  /** Bytes to pass over before the next piece. Any number up to 2^53. */
  skip: number;
  /** The size of the next piece: 1 to {@link SETUP_MAX_BYTES}. */
  want: number;
  carry: Uint8Array;
  /** How many bytes `carry` holds. */
  have: number;
}

/**
 * Takes a piece of exactly `gather.want` bytes that begins at the absolute offset `gather.at`, and
 * returns how many of them it consumes, 0 to all; the rest is part of what comes next. Before it
 * returns it sets `skip` and `want` anew. It returns -1 when the stream is not what it should be.
 *
 * The piece may be a view of a chunk: MUST NOT be kept. Consuming nothing without asking for more or
 * for less would never end: that counts as -1.
 */
export type TakePiece = (piece: Uint8Array) => number;

/** A gather that first waits for `want` bytes from the absolute offset `start` on. */
export function newGather(start: number, want: number): Gather {
  return { at: start, skip: 0, want, carry: new Uint8Array(64), have: 0 };
}

/** Feeds a chunk through. Returns false when the parser gave up or asked for too large a piece. */
export function gather(state: Gather, chunk: Uint8Array, take: TakePiece): boolean {
  for (let from = 0; ;) {
    from = passOver(state, chunk, from);
    if (state.skip > 0) {
      return true;
    }
    const { want, have } = state;
    if (want < 1 || want > SETUP_MAX_BYTES) {
      return false;
    }
    const missing = want - have;
    if (chunk.length - from < missing) {
      keep(state, chunk, from, chunk.length);
      return true;
    }
    let piece: Uint8Array;
    if (have <= 0) {
      piece = chunk.subarray(from, from + want);
    } else {
      if (missing > 0) {
        keep(state, chunk, from, from + missing);
        from += missing;
      }
      piece = state.carry.subarray(0, want);
    }
    const used = take(piece);
    if (used < 0 || used > want || (used === 0 && state.skip === 0 && state.want === want)) {
      return false;
    }
    state.at += used;
    if (have <= 0) {
      from += used;
    } else {
      state.carry.copyWithin(0, used, state.have);
      state.have -= used;
    }
  }
}

/** Skips what lies in the carry and then in the chunk; returns where the chunk goes on. */
function passOver(state: Gather, chunk: Uint8Array, from: number): number {
  if (state.skip === 0) {
    return from;
  }
  const carried = Math.min(state.skip, state.have);
  if (carried > 0) {
    state.carry.copyWithin(0, carried, state.have);
    state.have -= carried;
  }
  const passed = Math.min(state.skip - carried, chunk.length - from);
  state.skip -= carried + passed;
  state.at += carried + passed;
  return from + passed;
}

/** Adds a part of the chunk to the carry, which grows as it must, up to twice the largest piece. */
function keep(state: Gather, chunk: Uint8Array, from: number, to: number): void {
  const length = state.have + (to - from);
  if (length > state.carry.length) {
    const larger = new Uint8Array(Math.max(length, state.carry.length * 2));
    larger.set(state.carry.subarray(0, state.have));
    state.carry = larger;
  }
  state.carry.set(chunk.subarray(from, to), state.have);
  state.have = length;
}
