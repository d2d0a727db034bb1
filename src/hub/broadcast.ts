/**
 * The bytes of one broadcaster on their way to everyone who watches: append, look, pace, fan out,
 * drain, end.
 */
import type { Clock } from "../core/clock.ts";
import { refusal } from "../core/errors.ts";
import { PROBE_MAX_MS, RING_MIN_BYTES, SEQUEL_MAX_MS } from "../core/limits.ts";
import { endProbe, look, newScan, type Known } from "../media/scan.ts";
import { advance, goOn, placeAll } from "./course.ts";
import { ARRIVALS, graceLeft, noteArrival, noteGrowth, sameGrace } from "./grace.ts";
import { fitMarks, forgetMarks, newMarks, noteFrame, noteJoin } from "./marks.ts";
import type { Broadcast, ChannelSettings, Held, HubCounters, Notice, Watcher } from "./model.ts";
import { append, grow, newRing } from "./ring.ts";
import { cursorAt, lowestCursor, newRoster, OPEN } from "./roster.ts";
import { capacityFor, divertLate, overtake, renewPace, usualSpan } from "./slow.ts";
import { dismiss, expel } from "./watcher.ts";

/** What a broadcast needs of the world. */
export interface BroadcastOptions {
  readonly clock: Clock;
  readonly settings: ChannelSettings;
  readonly counters: HubCounters;
  readonly notify: (notice: Notice) => void;
  /** The format of the broadcast that it follows on its channel. */
  readonly before: Known;
}

/** A broadcast that has no byte yet. Its ring costs nothing before the first one comes. */
export function newBroadcast(options: BroadcastOptions): Broadcast {
  const { before, clock, counters, notify, settings } = options;
  const now = clock.now();
  const marks = newMarks();
  const scan = newScan(
    {
      frame: (offset) => noteFrame(marks, offset, clock.now()),
      join: (point) => noteJoin(marks, point, clock.now()),
    },
    before === "unknown" ? undefined : before,
  );
  return {
    clock,
    settings,
    counters,
    notify,
    roster: newRoster(),
    awaiting: new Set(),
    ring: newRing(0),
    scan,
    marks,
    next: null,
    farApart: false,
    floor: 0,
    arrivals: new Float64Array(ARRIVALS),
    held: null,
    impatient: false,
    onRoom: () => {},
    ended: false,
    begunAt: 0,
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
    fitMarks(broadcast.marks, RING_MIN_BYTES);
    broadcast.begunAt = now;
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
    const piece = length === chunk.length ? chunk : chunk.subarray(from, from + length);
    append(ring, piece);
    examine(broadcast, piece);
    from += length;
  }
  scheduleFanOut(broadcast, now);
  return null;
}

/** Looks for frames and join points in what has just been appended. */
function examine(broadcast: Broadcast, piece: Uint8Array): void {
  const { awaiting, marks, ring, scan } = broadcast;
  if (scan.format === "unknown") {
    return;
  }
  const { format } = scan;
  const { joins } = marks;
  look(scan, piece);
  if (marks.newest !== null && marks.newest.offset < ring.tail) {
    marks.newest = null;
  }
  if (scan.format !== format) {
    noteFormat(broadcast);
  }
  if (awaiting.size > 0 && (scan.format !== format || marks.joins !== joins)) {
    placeAll(broadcast);
  }
}

function noteFormat(broadcast: Broadcast): void {
  if (broadcast.scan.format === "unknown") {
    forgetMarks(broadcast.marks);
  }
  broadcast.notify({ kind: "format", format: broadcast.scan.format });
}

/** A stream that does not show in time what it is counts as unknown. */
function limitProbe(broadcast: Broadcast, now: number): void {
  const { begunAt, ring, scan } = broadcast;
  const patience = scan.sequel === null ? PROBE_MAX_MS : SEQUEL_MAX_MS;
  if (scan.format === undefined && ring.head > 0 && now - begunAt >= patience) {
    endProbe(scan);
    noteFormat(broadcast);
    placeAll(broadcast);
  }
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
 * where the watchers are, by a ring that holds what it usually should, by bringing those forward who
 * can take bytes, by a larger ring, and at last by leaving the slowest behind. Returns 0, or the
 * milliseconds to wait because they would be left behind too soon. Almost every call ends at the
 * first line: the lowest cursor is looked for once a turn of the ring.
 */
function makeRoom(broadcast: Broadcast, length: number, edge: number, now: number): number {
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
    overtake(broadcast, Math.min(tail, sameGrace(broadcast, broadcast.floor)), edge);
    renewFloor(broadcast);
  }
  return 0;
}

/** The lowest cursor, or the newest join point where that is lower. */
function renewFloor(broadcast: Broadcast): void {
  const { marks, ring, roster } = broadcast;
  broadcast.floor = Math.min(lowestCursor(roster, ring.head), marks.newest?.offset ?? Infinity);
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
  let { capacity } = ring;
  while (capacity < needed && capacity < settings.window) {
    capacity = Math.min(capacity * 2, settings.window);
  }
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
    fitMarks(broadcast.marks, capacity);
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
    if (roster.blocked[slot] === OPEN) {
      advance(broadcast, slot, broadcast.fannedOutAt);
    }
  }
}

/** The sink of `watcher` can take bytes again. Tolerates a call that finds nothing to do. */
export function drained(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.slot === -1) {
    watcher.refusedAt = -1;
    return;
  }
  const wasLowest = cursorAt(broadcast.roster, watcher.slot) <= broadcast.floor;
  advance(broadcast, watcher.slot, broadcast.clock.now());
  if (wasLowest) {
    takeInHeld(broadcast);
  }
}

/**
 * No more bytes come: everyone gets what was received, and then goes on to the `next` broadcast of the
 * channel, or gets a clean close.
 */
export function finish(broadcast: Broadcast, next: Broadcast | null): void {
  settleHeld(broadcast);
  broadcast.ended = true;
  broadcast.next = next;
  fanOut(broadcast);
  for (const watcher of broadcast.awaiting) {
    dismiss(broadcast, watcher);
    goOn(broadcast, watcher);
  }
}

/** Renews the pace and sends those away who have stalled. Called every HOUSEKEEPING_MS. */
export function inspect(broadcast: Broadcast): void {
  const { clock, counters, roster, settings } = broadcast;
  const now = clock.now();
  renewPace(broadcast, now);
  limitProbe(broadcast, now);
  divertLate(broadcast, now);
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    const watcher = roster.watchers[slot];
    const still = now - (roster.movedAt[slot] ?? now);
    if (roster.blocked[slot] !== OPEN && still >= settings.stall && watcher !== undefined) {
      counters.tooSlow++;
      expel(broadcast, watcher, refusal("too-slow", "took no byte for too long"));
    }
  }
}
