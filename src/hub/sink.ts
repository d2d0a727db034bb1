/**
 * What the hub writes to and whom it tells. Every kind of peer is one small adapter behind these.
 */
import type { Refusal } from "../core/errors.ts";
import type { Known } from "../media/scan.ts";

/**
 * Where the bytes of many watchers go: one sink for every kind of peer, and a handle for each peer
 * of that kind.
 *
 * One object a watcher would be simpler and cost a sixth of the CPU of a fan-out: between two small
 * writes the kernel takes the processor's caches for itself, and each object that is touched for a
 * watcher comes back from memory.
 */
export interface Sink {
  /**
   * Offers `length` bytes of `buffer` from `offset` on to one peer and returns how many were taken;
   * -1 when it is gone.
   *
   * MUST have copied what it takes when it returns: the bytes are overwritten later. After taking
   * fewer than offered its owner MUST call `drained` when the peer can take more. It MUST NOT call
   * the hub before it returns.
   */
  write(handle: number, buffer: Uint8Array, offset: number, length: number): number;
}

/** Who is told what becomes of a watcher. */
export interface Attendant {
  /** Called once, when the watcher is let in and before the first byte of the stream. */
  admitted(): void;
  /**
   * Where there is one, it is called once before the first byte of the stream, which waits until the
   * format is known; undefined is for those who want the bytes as they are, before that is known.
   * Returns whether the stream is to follow: if not, the watcher is ended cleanly.
   */
  announce?(format: Known): boolean;
  /**
   * Ends the watcher: with null cleanly, after all that was taken; else because of the refusal.
   * Called once at most.
   */
  close(why: Refusal | null): void;
}

/** One peer that wants to watch. */
export interface Peer {
  readonly sink: Sink;
  readonly handle: number;
  readonly attendant: Attendant;
}

/** The way back to one broadcaster. */
export interface Source {
  /** There is room for bytes again, after the feed said that there was none. */
  ready(): void;
  /** Sends the broadcaster away. The hub has forgotten it already. Called once at most. */
  close(why: Refusal): void;
}
