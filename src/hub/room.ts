/**
 * Room in the ring for what arrives: nothing is overwritten that somebody needs, as long as that can
 * be helped.
 */
import { fanOut } from "./fan-out.ts";
import { graceLeft, noteGrowth, sameGrace } from "./grace.ts";
import { fitMarks } from "./marks.ts";
import type { Broadcast } from "./model.ts";
import { grow } from "./ring.ts";
import { lowestCursor } from "./roster.ts";
import { capacityFor, doubled, overtake, usualSpan } from "./slow.ts";

/**
 * Makes sure that `length` more bytes overwrite nothing that a watcher still needs: by looking
 * where the watchers are, by a ring that holds what it usually should, by bringing those forward who
 * can take bytes, by a larger ring, and at last by leaving the slowest behind. Returns 0, or the
 * milliseconds to wait because they would be left behind too soon. Almost every call ends at the
 * first line: the lowest cursor is looked for once a turn of the ring.
 */
export function makeRoom(broadcast: Broadcast, length: number, edge: number, now: number): number {
  const { ring } = broadcast;
  const keepsAll = (): boolean => ring.head + length - ring.capacity <= broadcast.floor;
  if (keepsAll()) {
    return 0;
  }
  keepJoin(broadcast, length, now);
  enlarge(broadcast, usualSpan(broadcast), now);
  renewFloor(broadcast);
  if (keepsAll()) {
    return 0;
  }
  fanOut(broadcast);
  renewFloor(broadcast);
  if (keepsAll()) {
    return 0;
  }
  enlarge(broadcast, ring.head + length - broadcast.floor, now);
  while (!keepsAll()) {
    const wait = broadcast.impatient ? 0 : graceLeft(broadcast, broadcast.floor, now);
    if (wait > 0) {
      return wait;
    }
    const tail = ring.head + length - ring.capacity;
    const lost = Math.min(tail, sameGrace(broadcast, broadcast.floor));
    overtake(broadcast, lost, edge);
    broadcast.outlet?.abandon(lost);
    renewFloor(broadcast);
  }
  return 0;
}

/** The lowest cursor, or the newest join point where that is lower. */
function renewFloor(broadcast: Broadcast): void {
  const { marks, outlet, ring, roster } = broadcast;
  const others = outlet?.floor() ?? Infinity;
  const own = Math.min(lowestCursor(roster, ring.head), marks.newest?.offset ?? Infinity);
  broadcast.floor = Math.min(own, others);
}

/**
 * Lets the ring grow, up to the window, so that the newest join point stays in it: it is what makes a
 * picture appear at once. Where the window is too small for that the point is lost, and newcomers
 * wait for the next one.
 */
function keepJoin(broadcast: Broadcast, length: number, now: number): void {
  const { marks, ring, settings } = broadcast;
  if (marks.newest === null) {
    return;
  }
  const needed = ring.head + length - marks.newest.offset;
  const capacity = doubled(ring.capacity, needed, settings.window);
  setCapacity(broadcast, capacity, now);
  if (needed > capacity) {
    marks.newest = null;
    if (!broadcast.farApart) {
      broadcast.farApart = true;
      broadcast.notify({ kind: "far-apart" });
    }
  }
}

/** Lets the ring grow towards `bytes`, as far as it may. */
function enlarge(broadcast: Broadcast, bytes: number, now: number): void {
  setCapacity(broadcast, capacityFor(broadcast, bytes, now), now);
}

function setCapacity(broadcast: Broadcast, capacity: number, now: number): void {
  if (capacity > broadcast.ring.capacity) {
    grow(broadcast.ring, capacity);
    broadcast.outlet?.renew(broadcast.ring);
    broadcast.counters.ringGrowths++;
    broadcast.tally.ringGrowths++;
    fitMarks(broadcast.marks, capacity);
    noteGrowth(broadcast, now);
  }
}
