/**
 * What becomes of those who cannot keep up. Nobody waits for them: the ring grows as long as it
 * holds less than the stall time's worth of its stream, and whoever it passes then is closed or
 * skips.
 */
import { refusal } from "../core/errors.ts";
import { RING_SPAN_MS } from "../core/limits.ts";
import type { Broadcast } from "./model.ts";
import { cursorAt } from "./roster.ts";
import { expel, skipTo } from "./watcher.ts";

/**
 * Of a pace once reached, this much is left at the next look: a burst is remembered for some ten
 * seconds.
 */
const PACE_KEPT = 0.95;

/**
 * The least time over which a pace is measured, in milliseconds: the first burst of a stream says
 * little.
 */
const PACE_OVER_MS = 250;

/** Takes the pace of the time since the last look, in bytes a millisecond. */
export function renewPace(broadcast: Broadcast, now: number): void {
  broadcast.pace = Math.max(broadcast.pace * PACE_KEPT, paceSince(broadcast, now));
  broadcast.pacedAt = now;
  broadcast.pacedHead = broadcast.ring.head;
}

function paceSince(broadcast: Broadcast, now: number): number {
  const bytes = broadcast.ring.head - broadcast.pacedHead;
  return bytes / Math.max(now - broadcast.pacedAt, PACE_OVER_MS);
}

/**
 * The capacity that a ring which should hold `bytes` may have. It doubles up to the window, but not
 * beyond what the stream fills in the stall time: a thousand slow channels must not cost gigabytes
 * because each has one watcher that hangs.
 */
export function capacityFor(broadcast: Broadcast, bytes: number, now: number): number {
  const { stall, window } = broadcast.settings;
  const useful = Math.max(broadcast.pace, paceSince(broadcast, now)) * stall;
  let { capacity } = broadcast.ring;
  while (capacity < bytes && capacity < useful && capacity < window) {
    capacity = Math.min(capacity * 2, window);
  }
  return capacity;
}

/** The bytes that a ring should hold of a stream of the present pace. */
export function usualSpan(broadcast: Broadcast): number {
  return broadcast.pace * Math.min(RING_SPAN_MS, broadcast.settings.stall);
}

/**
 * Leaves every watcher behind whose next byte is about to be overwritten, because it lies before
 * `tail`. The stream is of no format that we know, so there is no frame to go on at: such a watcher
 * is closed, or goes on at `edge`, where the chunk that is now arriving ends.
 */
export function overtake(broadcast: Broadcast, tail: number, edge: number): void {
  const { roster } = broadcast;
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    const watcher = roster.watchers[slot];
    if (watcher === undefined || cursorAt(roster, slot) >= tail) {
      continue;
    }
    if (broadcast.settings.slow === "skip") {
      skipTo(broadcast, watcher, edge);
    } else {
      broadcast.counters.tooSlow++;
      expel(broadcast, watcher, refusal("too-slow", "fell behind the stream"));
    }
  }
}
