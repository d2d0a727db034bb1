/**
 * Everyone who receives one broadcast, laid out for the fan-out, which goes through all of them at
 * every frame:
 *
 *     slot          0     1     2     3
 *                ┌─────┬─────┬─────┬─────┐
 *     cursors    │ 812 │ 812 │ 640 │ 812 │   absolute offset of the next byte to send
 *     blocked    │  0  │  0  │  1  │  0  │   OPEN; or a write fell short: wait for the sink to drain
 *     handles    │  17 │  18 │  23 │  24 │   the peer, as its sink knows it
 *     sinks      │ tcp │ tcp │ tls │ tcp │
 *                ├─────┼─────┼─────┼─────┤   a fan-out touches what is above this line,
 *     movedAt    │     │     │ 9.4 │     │   and what is below it only for those who lag
 *     watchers   │  W  │  W  │  W  │  W  │
 *                └─────┴─────┴─────┴─────┘
 *
 * Invariants: watchers[w.slot] is w, for every watcher w in it; the rows above `count` are full; a
 * slot that is OPEN has the cursor at the ring's head, or a fan-out is pending. A watcher
 * leaves by the last one taking its slot, so that a loop from the last slot to the first may remove
 * the one it is at.
 */
import type { Watcher } from "./model.ts";
import { indexOf, type Ring } from "./ring.ts";
import { isLapped } from "./shared.ts";
import type { Sink } from "./sink.ts";

export interface Roster {
  count: number;
  cursors: Float64Array;
  blocked: Uint8Array;
  handles: Int32Array;
  /** When a blocked watcher last took a byte, by the clock. */
  movedAt: Float64Array;
  readonly sinks: Sink[];
  readonly watchers: Watcher[];
}

/** A fan-out writes to this watcher. */
export const OPEN = 0;

/** A write fell short: the watcher goes on when its sink drains. */
export const BLOCKED = 1;

/** It goes on when its sink drains, and not just with the next byte: see course.ts. */
export const DETOUR = 2;

/** What `flush` returns where the bytes may have been overwritten before they were sent. */
export const LAPPED = -2;

const FIRST_SLOTS = 8;

export function newRoster(): Roster {
  return {
    count: 0,
    cursors: new Float64Array(FIRST_SLOTS),
    blocked: new Uint8Array(FIRST_SLOTS),
    handles: new Int32Array(FIRST_SLOTS),
    movedAt: new Float64Array(FIRST_SLOTS),
    sinks: [],
    watchers: [],
  };
}

/** Adds `watcher`, whose next byte is the one at the absolute offset `cursor`. */
export function add(roster: Roster, watcher: Watcher, cursor: number): void {
  const slot = roster.count++;
  if (slot === roster.cursors.length) {
    enlarge(roster);
  }
  watcher.slot = slot;
  roster.cursors[slot] = cursor;
  roster.blocked[slot] = OPEN;
  roster.handles[slot] = watcher.handle;
  roster.movedAt[slot] = 0;
  roster.sinks.push(watcher.sink);
  roster.watchers.push(watcher);
}

/** Removes `watcher` and puts the last one in its slot. */
export function remove(roster: Roster, watcher: Watcher): void {
  const { slot } = watcher;
  const last = --roster.count;
  const sink = roster.sinks.pop();
  const mover = roster.watchers.pop();
  if (mover !== undefined && sink !== undefined && mover !== watcher) {
    roster.cursors.copyWithin(slot, last, last + 1);
    roster.blocked.copyWithin(slot, last, last + 1);
    roster.handles.copyWithin(slot, last, last + 1);
    roster.movedAt.copyWithin(slot, last, last + 1);
    roster.sinks[slot] = sink;
    roster.watchers[slot] = mover;
    mover.slot = slot;
  }
  watcher.slot = -1;
}

/** The absolute offset of the next byte for the watcher in `slot`. */
export function cursorAt(roster: Roster, slot: number): number {
  return roster.cursors[slot] ?? 0;
}

/** The lowest cursor of all; `head` where there are none. */
export function lowestCursor(roster: Roster, head: number): number {
  let lowest = head;
  for (let slot = 0; slot < roster.count; slot++) {
    lowest = Math.min(lowest, cursorAt(roster, slot));
  }
  return lowest;
}

/**
 * Writes what the watcher in `slot` lacks, up to the absolute offset `end`. Returns the bytes taken,
 * -1 when the peer is gone, or LAPPED. The slot is BLOCKED afterwards if the sink took less than all, and
 * OPEN if not.
 *
 * This is the hot path: one call a watcher a fan-out. It makes no object and no string, and calls
 * nothing but the sink.
 */
export function flush(roster: Roster, slot: number, ring: Ring, end: number): number {
  const sink = roster.sinks[slot];
  const from = cursorAt(roster, slot);
  if (sink === undefined) {
    return -1;
  }
  const handle = roster.handles[slot] ?? -1;
  let cursor = from;
  let state = OPEN;
  while (cursor < end && state === OPEN) {
    const index = indexOf(ring, cursor);
    const length = Math.min(end - cursor, ring.capacity - index);
    const taken = sink.write(handle, ring.bytes, index, length);
    if (taken < 0) {
      return -1;
    }
    if (ring.guard !== null && isLapped(ring.guard, cursor)) {
      return LAPPED;
    }
    cursor += taken;
    state = taken < length ? BLOCKED : OPEN;
  }
  roster.cursors[slot] = cursor;
  roster.blocked[slot] = state;
  return cursor - from;
}

function enlarge(roster: Roster): void {
  const slots = roster.cursors.length * 2;
  const { cursors, blocked, handles, movedAt } = roster;
  roster.cursors = new Float64Array(slots);
  roster.blocked = new Uint8Array(slots);
  roster.handles = new Int32Array(slots);
  roster.movedAt = new Float64Array(slots);
  roster.cursors.set(cursors);
  roster.blocked.set(blocked);
  roster.handles.set(handles);
  roster.movedAt.set(movedAt);
}
