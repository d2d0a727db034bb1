/**
 * How old the bytes in a ring are, to an eighth of the ring:
 *
 *       eighth   0     1     2     3     4     5     6     7
 *             ┌─────┬─────┬─────┬─────┬─────┬─────┬─────┬─────┐
 *     entered │ 12  │ 19  │ 25  │ 3   │ 4   │ 6   │ 8   │ 10  │   ms, by the clock
 *             └─────┴─────┴─────┴─────┴─────┴─────┴─────┴─────┘
 *                            └─ head   └─ tail
 *
 * Invariant: no byte in an eighth arrived before the head entered that eighth, or before the ring
 * last grew.
 */
import { GRACE_MS } from "../core/limits.ts";
import type { Broadcast } from "./model.ts";

export const EIGHTHS = 8;

/** Notes that `length` bytes are about to be appended. */
export function noteArrival(broadcast: Broadcast, length: number, now: number): void {
  const { entered, ring } = broadcast;
  const eighth = ring.capacity / EIGHTHS;
  const last = Math.floor((ring.head + length - 1) / eighth);
  for (let at = Math.ceil(ring.head / eighth); at <= last; at++) {
    entered[at % EIGHTHS] = now;
  }
}

/** Notes that the ring has grown: where its bytes lie now says nothing about when they came. */
export function noteGrowth(broadcast: Broadcast, now: number): void {
  broadcast.entered.fill(now);
}

/**
 * Milliseconds until the byte at the absolute `offset` may be overwritten although a watcher lacks
 * it.
 */
export function graceLeft(broadcast: Broadcast, offset: number, now: number): number {
  const eighth = broadcast.ring.capacity / EIGHTHS;
  const entered = broadcast.entered[Math.floor(offset / eighth) % EIGHTHS] ?? now;
  return entered + GRACE_MS - now;
}
