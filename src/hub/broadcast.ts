/**
 * One run of bytes on its way from a broadcaster to everyone who watches: append, pace, fan out, drain, end.
 */
import type { Clock } from "../core/clock.ts";
import { refusal } from "../core/errors.ts";
import { RING_MIN_BYTES } from "../core/limits.ts";
import type { Broadcast, ChannelSettings, HubCounters, Watcher } from "./model.ts";
import { append, grow, newRing } from "./ring.ts";
import { capacityFor, lowestCursor, overtake, renewPace } from "./slow.ts";
import { dismiss, expel, flush } from "./watcher.ts";

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
    watchers: [],
    ring: newRing(0),
    floor: 0,
    ended: false,
    fannedOutAt: -Infinity,
    pending: null,
    heardAt: now,
    pace: 0,
    pacedAt: now,
    pacedHead: 0,
  };
}

/** Takes in `chunk`, and fans out now or when the pace allows. */
export function receive(broadcast: Broadcast, chunk: Uint8Array): void {
  const now = broadcast.clock.now();
  broadcast.heardAt = now;
  broadcast.counters.bytesIn += chunk.length;
  if (broadcast.ring.capacity === 0) {
    broadcast.ring = newRing(RING_MIN_BYTES);
  }
  const edge = broadcast.ring.head + chunk.length;
  for (let from = 0; from < chunk.length;) {
    // Half a ring at a time, so that nobody who keeps up is lapped by one large chunk.
    const length = Math.min(chunk.length - from, broadcast.ring.capacity / 2);
    makeRoom(broadcast, length, edge, now);
    append(broadcast.ring, length === chunk.length ? chunk : chunk.subarray(from, from + length));
    from += length;
  }
  scheduleFanOut(broadcast, now);
}

/**
 * Makes sure that `length` more bytes overwrite nothing that a watcher still needs: by looking where the watchers are, by
 * bringing those forward who can take bytes, by a larger ring, and at last by leaving the slowest behind. Almost every call
 * ends at the first line: the lowest cursor is looked for once a turn of the ring.
 */
function makeRoom(broadcast: Broadcast, length: number, edge: number, now: number): void {
  const { ring } = broadcast;
  const keepsAll = (): boolean => ring.head + length - ring.capacity <= broadcast.floor;
  if (keepsAll()) {
    return;
  }
  broadcast.floor = lowestCursor(broadcast);
  if (keepsAll()) {
    return;
  }
  fanOut(broadcast);
  broadcast.floor = lowestCursor(broadcast);
  if (keepsAll()) {
    return;
  }
  const capacity = capacityFor(broadcast, ring.head + length - broadcast.floor, now);
  if (capacity > ring.capacity) {
    grow(ring, capacity);
  }
  if (!keepsAll()) {
    overtake(broadcast, ring.head + length - ring.capacity, edge);
    broadcast.floor = lowestCursor(broadcast);
  }
}

/** What comes after a quiet time goes out at once; what comes sooner waits for the rest of the interval. */
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

/** Writes to every watcher that is not blocked. From the last to the first: a watcher may leave as it is written to. */
export function fanOut(broadcast: Broadcast): void {
  broadcast.pending?.();
  broadcast.pending = null;
  broadcast.fannedOutAt = broadcast.clock.now();
  for (let i = broadcast.watchers.length - 1; i >= 0; i--) {
    const watcher = broadcast.watchers[i];
    if (watcher !== undefined && !watcher.blocked) {
      advance(broadcast, watcher, broadcast.fannedOutAt);
    }
  }
}

/** The sink of `watcher` can take bytes again. Tolerates a call that finds nothing to do. */
export function drained(broadcast: Broadcast, watcher: Watcher): void {
  watcher.blocked = false;
  advance(broadcast, watcher, broadcast.clock.now());
}

/** Writes to one watcher, and lets it go where it is gone or has all of a broadcast that ended. */
function advance(broadcast: Broadcast, watcher: Watcher, now: number): void {
  const taken = flush(watcher, broadcast.ring);
  if (taken < 0) {
    dismiss(broadcast, watcher);
    return;
  }
  broadcast.counters.bytesOut += taken;
  if (watcher.blocked) {
    watcher.movedAt = now;
  } else if (broadcast.ended) {
    dismiss(broadcast, watcher);
    watcher.sink.close(null);
  }
}

/** No more bytes come: everyone gets what was received, and then a clean close. */
export function finish(broadcast: Broadcast): void {
  broadcast.ended = true;
  fanOut(broadcast);
}

/** Renews the pace and sends those away who have stalled. Called every HOUSEKEEPING_MS. */
export function inspect(broadcast: Broadcast): void {
  const now = broadcast.clock.now();
  renewPace(broadcast, now);
  for (let i = broadcast.watchers.length - 1; i >= 0; i--) {
    const watcher = broadcast.watchers[i];
    if (watcher?.blocked === true && now - watcher.movedAt >= broadcast.settings.stall) {
      broadcast.counters.tooSlow++;
      expel(broadcast, watcher, refusal("too-slow", "took no byte for too long"));
    }
  }
}
