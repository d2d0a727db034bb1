/**
 * What every format's scanner tells about a stream while it passes: where frames begin, and where a
 * decoder can start.
 *
 *     offset →   0 ─────┬────────┬────────┬────────┬────────┬────────► as far as was scanned
 *                set-up │ frame  │ frame  │ frame  │ frame  │ frame…
 *                       │ join   │        │        │ join   │
 *
 * A scanner looks at bytes and keeps none of them but the set-up. It knows no ring, no watcher and
 * no clock. All offsets are absolute, in bytes since the stream began.
 */

/** A place where a decoder can start. */
export interface JoinPoint {
  /** The absolute offset of its first byte, which is the start of a frame. */
  readonly offset: number;
  /**
   * What a newcomer gets before that byte. Empty where the stream itself brings all that a decoder
   * needs.
   */
  readonly setup: Uint8Array;
  /**
   * What a watcher gets before that byte who has had this stream up to the start of an earlier
   * frame, and nothing since.
   */
  readonly splice: Uint8Array;
  /**
   * Whether such a watcher's decoder then shows no broken picture. False where only a decoder that
   * starts anew knows what to leave out.
   */
  readonly clean: boolean;
}

/** Where a scanner puts what it finds. */
export interface Marks {
  /**
   * A frame begins at `offset`: whoever stops right before it has whole frames. Each offset is
   * higher than the one before, and none is beyond what was scanned.
   */
  frame(offset: number): void;
  /**
   * A decoder can start at `point.offset`. That is the offset of the newest frame, and each is
   * higher than the one before. The point and its arrays MUST NOT be changed afterwards; points may
   * share arrays.
   */
  join(point: JoinPoint): void;
}

/**
 * Rewrites a stream as it passes. What it returns is as long as what it was given, byte for byte in
 * its place, though it may come later: a bounded part is held back until it is whole.
 */
export interface Rebaser {
  /**
   * The bytes that are ready. They may be a view of the chunk, and are good until the next call.
   * MUST neither keep the chunk nor change it, and MUST NOT throw.
   */
  push(chunk: Uint8Array): Uint8Array;
}

/**
 * A stream that says where in itself its data are. Who has it from its first byte on finds them; who
 * joins later has fewer bytes before them, and needs a copy that is rewritten so as not to say it.
 * Offsets are the same in both, so that a watcher may change from the one to the other at any frame.
 */
export interface Rebase {
  /** The first frame's start: nothing before it is rewritten. */
  readonly from: number;
  /** Makes the copy from `offset` on, which is that of any frame. */
  newRebaser(offset: number): Rebaser;
}

/** One stream's scanner. It calls its marks only from within `scan`. */
export interface Scanner {
  /**
   * Looks at the next bytes of the stream. Returns false when the stream is not what it seemed to
   * be, or breaks a bound: it counts as unknown from then on, and the scanner is not asked again.
   *
   * MUST neither keep the chunk nor change it. MUST NOT throw or loop, whatever the bytes are. MUST
   * give the same marks however the stream is cut into chunks.
   */
  scan(chunk: Uint8Array): boolean;
  /**
   * Whether those who join or skip need a rewritten copy, and how to make it. That is known when the
   * first join point is reported, and does not change afterwards.
   */
  rebase?(): Rebase | undefined;
}

/** Makes the scanner of a stream whose next byte has the absolute offset `start`. */
export type NewScanner = (marks: Marks, start: number) => Scanner;

/** The set-up of streams that need none. */
export const NOTHING: Uint8Array = new Uint8Array(0);
