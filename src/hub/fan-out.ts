/**
 * From the ring to everyone who is not blocked, at once or when the pace allows.
 */
import { observe } from "../core/buckets.ts";
import { advance } from "./course.ts";
import type { Broadcast } from "./model.ts";
import { lowestCursor, OPEN } from "./roster.ts";
import { expelFaulty } from "./watcher.ts";

/**
 * Watchers whose fan-out takes longer than another thread takes to wake: it begins meanwhile. With
 * fewer it is woken once for all broadcasts whose bytes came in the same turn of the loop. That saves a
 * wake where frames come together; where they come apart, little: see ARCHITECTURE.md.
 */
const LONG_FAN_OUT = 32;

/**
 * What comes after a quiet time goes out at once; what comes sooner waits for the rest of the
 * interval.
 */
export function scheduleFanOut(broadcast: Broadcast, now: number): void {
  if (broadcast.pending !== null) {
    return;
  }
  const wait = broadcast.fannedOutAt + broadcast.settings.coalesce - now;
  if (wait <= 0) {
    fanOut(broadcast);
    return;
  }
  broadcast.pending = broadcast.clock.after(wait, () => fanOut(broadcast));
}

/**
 * Writes to every watcher that is not blocked. From the last to the first: a watcher may leave as
 * it is written to. One whose sink throws is sent away, and the others get theirs.
 */
export function fanOut(broadcast: Broadcast): void {
  broadcast.pending?.();
  broadcast.pending = null;
  broadcast.fannedOutAt = broadcast.clock.now();
  const { roster } = broadcast;
  broadcast.outlet?.publish(broadcast.ring.head, roster.count >= LONG_FAN_OUT);
  let slot = roster.count - 1;
  while (slot >= 0) {
    try {
      for (; slot >= 0; slot--) {
        if (roster.blocked[slot] === OPEN) {
          advance(broadcast, slot, broadcast.fannedOutAt);
        }
      }
    } catch (error) {
      expelFaulty(broadcast, roster.watchers[slot], error);
      slot--;
    }
  }
  const { clock, counters, unsentSince } = broadcast;
  if (unsentSince >= 0) {
    broadcast.unsentSince = -1;
    observe(counters.fanOutLags, clock.now() - unsentSince);
  }
  reportFloor(broadcast);
}

/** Tells the thread that owns the broadcast how far the last watcher of this one is. */
export function reportFloor(broadcast: Broadcast): void {
  const { awaiting, inlet, ring, roster } = broadcast;
  if (inlet === null) {
    return;
  }
  // Who has no place yet may get one anywhere.
  const isSettled = awaiting.size === 0 && roster.count > 0;
  broadcast.floor = isSettled ? lowestCursor(roster, ring.head) : ring.tail;
  inlet.report(broadcast.floor);
}
