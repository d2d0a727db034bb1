/**
 * How old the bytes in a ring are, to an eighth of the ring:
 *
 *       eighth     8     9    10     3     4     5     6     7
 *               ┌─────┬─────┬─────┬─────┬─────┬─────┬─────┬─────┐
 *     arrivals  │ 19  │ 25  │ 27  │  3  │  4  │  6  │  8  │ 10  │   ms, by the clock
 *               └─────┴─────┴─────┴─────┴─────┴─────┴─────┴─────┘
 *                        head ─┘ └─ tail
 *
 * The times have sixteen places, for two turns: where head and tail are in the same eighth of the
 * ring, what arrives there now says nothing about the bytes of the turn before.
 *
 * Invariant: no byte of an eighth arrived after the time at its place.
 */
import { GRACE_MS } from "../core/limits.ts";
import type { Broadcast } from "./model.ts";

const EIGHTHS = 8;

/** A place for each eighth of this turn of the ring and of the one before. */
export const ARRIVALS: number = 2 * EIGHTHS;

/** Notes that `length` bytes are about to be appended. */
export function noteArrival(broadcast: Broadcast, length: number, now: number): void {
  const { arrivals, ring } = broadcast;
  const last = eighthOf(broadcast, ring.head + length - 1);
  for (let at = eighthOf(broadcast, ring.head); at <= last; at++) {
    arrivals[at % ARRIVALS] = now;
  }
}

/** Notes that the ring has grown: where its bytes lie now says nothing about when they came. */
export function noteGrowth(broadcast: Broadcast, now: number): void {
  broadcast.arrivals.fill(now);
}

/**
 * Milliseconds until the byte at the absolute `offset` may be overwritten although a watcher lacks
 * it.
 */
export function graceLeft(broadcast: Broadcast, offset: number, now: number): number {
  const arrived = broadcast.arrivals[eighthOf(broadcast, offset) % ARRIVALS] ?? now;
  return arrived + GRACE_MS - now;
}

/** The absolute offset up to which bytes have the same grace as the one at `offset`. */
export function sameGrace(broadcast: Broadcast, offset: number): number {
  return (eighthOf(broadcast, offset) + 1) * (broadcast.ring.capacity / EIGHTHS);
}

function eighthOf(broadcast: Broadcast, offset: number): number {
  return Math.floor(offset / (broadcast.ring.capacity / EIGHTHS));
}
