/**
 * One run of bytes on its way from a broadcaster to everyone who watches: append, pace, fan out,
 * drain, end.
 */
import type { Clock } from "../core/clock.ts";
import { refusal } from "../core/errors.ts";
import { RING_MIN_BYTES } from "../core/limits.ts";
import type { Broadcast, ChannelSettings, Held, HubCounters, Watcher } from "./model.ts";
import { ARRIVALS, graceLeft, noteArrival, noteGrowth, sameGrace } from "./grace.ts";
import { append, grow, newRing } from "./ring.ts";
import { cursorAt, flush, lowestCursor, newRoster } from "./roster.ts";
import { capacityFor, overtake, renewPace, usualSpan } from "./slow.ts";
import { dismiss, expel } from "./watcher.ts";

/** A broadcast that has no byte yet. Its ring costs nothing before the first one comes. */
export function newBroadcast(
  clock: Clock,
  settings: ChannelSettings,
  counters: HubCounters,
): Broadcast {
  const now = clock.now();
  return {
    clock,
    settings,
    counters,
    roster: newRoster(),
    ring: newRing(0),
    floor: 0,
    arrivals: new Float64Array(ARRIVALS),
    held: null,
    impatient: false,
    onRoom: () => {},
    ended: false,
    fannedOutAt: -Infinity,
    pending: null,
    heardAt: now,
    pace: 0,
    pacedAt: now,
    pacedHead: 0,
  };
}

/**
 * Takes in `chunk`, and fans out now or when the pace allows. Returns whether there is room for
 * more; if not, `onRoom` is called once there is.
 */
export function receive(broadcast: Broadcast, chunk: Uint8Array): boolean {
  const now = broadcast.clock.now();
  broadcast.heardAt = now;
  broadcast.counters.bytesIn += chunk.length;
  if (broadcast.ring.capacity === 0) {
    broadcast.ring = newRing(RING_MIN_BYTES);
  }
  const rest = takeIn(broadcast, chunk, broadcast.ring.head + chunk.length, now);
  return rest === null;
}

/** Appends `chunk`, which ends at the absolute offset `edge`, and holds what has no room yet. */
function takeIn(broadcast: Broadcast, chunk: Uint8Array, edge: number, now: number): Held | null {
  const { ring } = broadcast;
  for (let from = 0; from < chunk.length;) {
    // A quarter of a ring at a time, so that nobody who keeps up is lapped by one large chunk.
    const length = Math.min(chunk.length - from, Math.floor(ring.capacity / 4));
    const wait = makeRoom(broadcast, length, edge, now);
    if (wait > 0) {
      const cancelTimer = broadcast.clock.after(wait, () => takeInHeld(broadcast));
      broadcast.held = { chunk: chunk.subarray(from), edge, cancelTimer };
      return broadcast.held;
    }
    noteArrival(broadcast, length, now);
    append(ring, length === chunk.length ? chunk : chunk.subarray(from, from + length));
    from += length;
  }
  scheduleFanOut(broadcast, now);
  return null;
}

/** Tries again to take in what is held, and asks for more when that is done. */
function takeInHeld(broadcast: Broadcast): void {
  const { held } = broadcast;
  if (held !== null) {
    held.cancelTimer();
    broadcast.held = null;
    if (takeIn(broadcast, held.chunk, held.edge, broadcast.clock.now()) === null) {
      broadcast.onRoom();
    }
  }
}

/**
 * Takes in what is held at once, whoever is left behind: its broadcaster is gone or has been
 * replaced.
 */
export function settleHeld(broadcast: Broadcast): void {
  broadcast.impatient = true;
  takeInHeld(broadcast);
  broadcast.impatient = false;
}

/**
 * Makes sure that `length` more bytes overwrite nothing that a watcher still needs: by looking
 * where the watchers are, by bringing those forward who can take bytes, by a larger ring, and at
 * last by leaving the slowest behind. Returns 0, or the milliseconds to wait because they would be
 * left behind too soon. Almost every call ends at the first line: the lowest cursor is looked for
 * once a turn of the ring.
 */
function makeRoom(broadcast: Broadcast, length: number, edge: number, now: number): number {
  const { ring, roster } = broadcast;
  const keepsAll = (): boolean => ring.head + length - ring.capacity <= broadcast.floor;
  if (keepsAll()) {
    return 0;
  }
  enlarge(broadcast, usualSpan(broadcast), now);
  broadcast.floor = lowestCursor(roster, ring.head);
  if (keepsAll()) {
    return 0;
  }
  fanOut(broadcast);
  broadcast.floor = lowestCursor(roster, ring.head);
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
    overtake(broadcast, Math.min(tail, sameGrace(broadcast, broadcast.floor)), edge);
    broadcast.floor = lowestCursor(roster, ring.head);
  }
  return 0;
}

/** Lets the ring grow towards `bytes`, as far as it may. */
function enlarge(broadcast: Broadcast, bytes: number, now: number): void {
  const capacity = capacityFor(broadcast, bytes, now);
  if (capacity > broadcast.ring.capacity) {
    grow(broadcast.ring, capacity);
    noteGrowth(broadcast, now);
  }
}

/**
 * What comes after a quiet time goes out at once; what comes sooner waits for the rest of the
 * interval.
 */
function scheduleFanOut(broadcast: Broadcast, now: number): void {
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
 * it is written to.
 */
export function fanOut(broadcast: Broadcast): void {
  broadcast.pending?.();
  broadcast.pending = null;
  broadcast.fannedOutAt = broadcast.clock.now();
  const { roster } = broadcast;
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    if (roster.blocked[slot] === 0) {
      advance(broadcast, slot, broadcast.fannedOutAt);
    }
  }
}

/** The sink of `watcher` can take bytes again. Tolerates a call that finds nothing to do. */
export function drained(broadcast: Broadcast, watcher: Watcher): void {
  const wasLowest = cursorAt(broadcast.roster, watcher.slot) <= broadcast.floor;
  advance(broadcast, watcher.slot, broadcast.clock.now());
  if (wasLowest) {
    takeInHeld(broadcast);
  }
}

/** Writes to one watcher, and lets it go where it is gone or has all of a broadcast that ended. */
function advance(broadcast: Broadcast, slot: number, now: number): void {
  const { roster } = broadcast;
  const wasBlocked = roster.blocked[slot] === 1;
  const taken = flush(roster, slot, broadcast.ring);
  broadcast.counters.bytesOut += Math.max(taken, 0);
  if (taken >= 0 && roster.blocked[slot] === 1) {
    // A drain that finds no room is no sign of life.
    if (taken > 0 || !wasBlocked) {
      roster.movedAt[slot] = now;
    }
  } else if (taken < 0 || broadcast.ended) {
    letGo(broadcast, slot, taken >= 0);
  }
}

function letGo(broadcast: Broadcast, slot: number, hasAll: boolean): void {
  const watcher = broadcast.roster.watchers[slot];
  if (watcher !== undefined) {
    dismiss(broadcast, watcher);
    if (hasAll) {
      watcher.attendant.close(null);
    }
  }
}

/** No more bytes come: everyone gets what was received, and then a clean close. */
export function finish(broadcast: Broadcast): void {
  settleHeld(broadcast);
  broadcast.ended = true;
  fanOut(broadcast);
}

/** Renews the pace and sends those away who have stalled. Called every HOUSEKEEPING_MS. */
export function inspect(broadcast: Broadcast): void {
  const { clock, counters, roster, settings } = broadcast;
  const now = clock.now();
  renewPace(broadcast, now);
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    const watcher = roster.watchers[slot];
    const still = now - (roster.movedAt[slot] ?? now);
    if (roster.blocked[slot] === 1 && still >= settings.stall && watcher !== undefined) {
      counters.tooSlow++;
      expel(broadcast, watcher, refusal("too-slow", "took no byte for too long"));
    }
  }
}
