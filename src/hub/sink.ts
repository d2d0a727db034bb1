/**
 * What the hub writes to and whom it tells. Every kind of peer is one small adapter behind these two interfaces.
 */
import type { Refusal } from "../core/errors.ts";

/** The way to one watcher. */
export interface Sink {
  /** Called once, when the watcher is let in and before the first byte of the stream. */
  admitted(): void;
  /**
   * Offers `length` bytes of `buffer` from `offset` on and returns how many were taken; -1 when the peer is gone.
   *
   * MUST have copied what it takes when it returns: the bytes are overwritten later. After taking fewer than offered
   * it MUST call `drained` when it can take more. It MUST NOT call the hub before it returns, except to leave.
   */
  write(buffer: Uint8Array, offset: number, length: number): number;
  /** Ends the watcher: with null cleanly, after all that was taken; else because of the refusal. Called once at most. */
  close(why: Refusal | null): void;
}

/** The way back to one broadcaster. */
export interface Source {
  /** There is room for bytes again, after the feed said that there was none. */
  ready(): void;
  /** Sends the broadcaster away. The hub has forgotten it already. Called once at most. */
  close(why: Refusal): void;
}
