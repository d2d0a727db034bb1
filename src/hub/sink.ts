/**
 * What the hub writes to and whom it tells. Every kind of peer is one small adapter behind these.
 */
import type { Refusal } from "../core/errors.ts";

/**
 * Where one watcher's bytes go. It has the one method that Bun's own sockets have, so that in the fan-out nothing stands
 * between the hub and the socket: an adapter in between costs 0.3 µs a write, a twentieth of a small one.
 */
export interface Sink {
  /**
   * Offers `length` bytes of `buffer` from `offset` on and returns how many were taken; -1 when the peer is gone.
   *
   * MUST have copied what it takes when it returns: the bytes are overwritten later. After taking fewer than offered
   * its owner MUST call `drained` when it can take more. It MUST NOT call the hub before it returns, except to leave.
   */
  write(buffer: Uint8Array, offset: number, length: number): number;
}

/** Who is told what becomes of a watcher. */
export interface Attendant {
  /** Called once, when the watcher is let in and before the first byte of the stream. */
  admitted(): void;
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
