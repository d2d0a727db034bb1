/**
 * What becomes of those who cannot keep up. Nobody waits for them:
 *
 *     … ──┬───────────┬───────────────────┬─────────────────┬─────┬──► head
 *         │ tail      │ B, in a frame     │ where it ends   │     └─ newest join point
 *         │           └────── sent ──────►┘                 │              ▲
 *         │                               └───────────── skipped ──────────┘
 *         └─ who is here in the middle of a frame is closed
 *
 * The ring grows as long as it holds less than the stall time's worth of its stream. Who lags too far
 * finishes its frame and skips; whom the ring passes before that is closed.
 */
import { RING_SPAN_MS } from "../core/limits.ts";
import type { Broadcast, Watcher } from "./model.ts";
import { LEFT_BEHIND, skip, takesUp } from "./course.ts";
import { firstFrameFrom, offsetAt, timeAt } from "./marks.ts";
import { BLOCKED, cursorAt, DETOUR } from "./roster.ts";
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
  return doubled(broadcast.ring.capacity, Math.min(bytes, useful), window);
}

/** `capacity`, doubled until it holds `bytes` or is at the `window`. */
export function doubled(capacity: number, bytes: number, window: number): number {
  let larger = capacity;
  while (larger < bytes && larger < window) {
    larger = Math.min(larger * 2, window);
  }
  return larger;
}

/**
 * The bytes that a ring should hold of a stream of the present pace: some seconds, and twice what lies
 * between two join points, so that the newest one is there for whoever joins.
 */
export function usualSpan(broadcast: Broadcast): number {
  const { marks, pace, ring, settings } = broadcast;
  const sinceJoin = marks.newest === null ? 0 : ring.head - marks.newest.offset;
  const span = pace * Math.min(RING_SPAN_MS, settings.stall);
  return Math.max(span, 2 * Math.max(marks.interval, sinceJoin));
}

/**
 * Sends those on a detour who lag too far behind, in time or in bytes, and would gain by it: they
 * finish their frame and go on at the newest join point. Who has not taken a byte since it was placed
 * goes on there at once.
 */
export function divertLate(broadcast: Broadcast, now: number): void {
  const { marks, ring, roster, settings } = broadcast;
  const { newest } = marks;
  if (newest === null) {
    return;
  }
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    const watcher = roster.watchers[slot];
    const cursor = cursorAt(roster, slot);
    if (watcher === undefined || cursor >= newest.offset || !mayDivert(broadcast, watcher)) {
      continue;
    }
    const frame = firstFrameFrom(marks, cursor);
    const stop = isUntouched(broadcast, watcher) ? cursor : offsetAt(marks, frame);
    const late = now - timeAt(marks, frame) > settings.lag;
    const far = ring.head - cursor > settings.window / 2;
    if ((late || far) && stop < newest.offset) {
      divert(broadcast, watcher, stop);
    }
  }
}

/**
 * Whether a watcher waits for its sink, and has neither begun a detour nor would be harmed by one.
 * Who wants the bytes as they are misses none until the ring has lost them.
 */
function mayDivert(broadcast: Broadcast, watcher: Watcher): boolean {
  const { marks, roster } = broadcast;
  return (
    watcher.join !== "raw" &&
    !watcher.tap &&
    (roster.blocked[watcher.slot] === BLOCKED || isUntouched(broadcast, watcher)) &&
    marks.newest !== null &&
    takesUp(broadcast, watcher, marks.newest)
  );
}

/** Whether a watcher has been placed at a join point, and has not taken a byte since. */
export function isUntouched({ roster }: Broadcast, { prefaced, slot, until }: Watcher): boolean {
  return roster.blocked[slot] === DETOUR && until === Infinity && prefaced === 0;
}

/** Has `watcher`, whose sink refuses, skip at the absolute offset `until`, where a frame begins. */
export function divert(broadcast: Broadcast, watcher: Watcher, until: number): void {
  const { roster } = broadcast;
  if (until > cursorAt(roster, watcher.slot)) {
    watcher.until = until;
    roster.blocked[watcher.slot] = DETOUR;
  } else {
    watcher.refusedAt = roster.movedAt[watcher.slot] ?? 0;
    skip(broadcast, watcher);
  }
}

/**
 * Leaves every watcher behind whose next byte is about to be overwritten, because it lies before
 * `tail`. Where a frame begins there it can skip; in the middle of one it is closed, for the rest of
 * the frame is about to be gone. Who wants the bytes as they are, or watches a stream without frames
 * that we know, is closed, or goes on at `edge`, where the chunk that is now arriving ends.
 */
export function overtake(broadcast: Broadcast, tail: number, edge: number): void {
  const { roster, scan, settings } = broadcast;
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    const watcher = roster.watchers[slot];
    if (watcher === undefined || cursorAt(roster, slot) >= tail) {
      continue;
    }
    const hasFrames = scan.scanner !== null && watcher.join !== "raw";
    if (!watcher.tap && hasFrames && isBetweenFrames(broadcast, watcher)) {
      divert(broadcast, watcher, cursorAt(roster, slot));
    } else if (!watcher.tap && !hasFrames && settings.slow === "skip") {
      skipTo(broadcast, watcher, edge);
    } else {
      broadcast.counters.tooSlow++;
      expel(broadcast, watcher, LEFT_BEHIND);
    }
  }
}

/** Whether nothing that the watcher has got is cut when it goes on elsewhere. */
function isBetweenFrames(broadcast: Broadcast, watcher: Watcher): boolean {
  const { marks, roster, settings } = broadcast;
  const cursor = cursorAt(roster, watcher.slot);
  const isAtFrame = offsetAt(marks, firstFrameFrom(marks, cursor)) === cursor;
  const canSkip = settings.slow === "skip" || marks.clean;
  return canSkip && watcher.prefaced === 0 && (isAtFrame || isUntouched(broadcast, watcher));
}
