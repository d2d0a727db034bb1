/**
 * The way in: what a broadcaster sends is appended to the ring, looked at, and handed to the fan-out.
 *
 *     chunk ──► room in the ring? ──yes──► append ──► scan ──► marks ──► who awaits a join point
 *                    │ no                     └──► rebase ──► the copy's ring
 *                    └──► held until there is
 */
import { PROBE_MAX_MS, RING_MIN_BYTES, SEQUEL_MAX_MS } from "../core/limits.ts";
import { endProbe, look } from "../media/scan.ts";
import { placeAll } from "./course.ts";
import { scheduleFanOut } from "./fan-out.ts";
import { ARRIVALS, noteArrival } from "./grace.ts";
import { fitMarks, forgetMarks } from "./marks.ts";
import type { Broadcast, Held } from "./model.ts";
import { append, indexOf, newRing } from "./ring.ts";
import { makeRoom } from "./room.ts";
import { newRoster } from "./roster.ts";

/**
 * Takes in `chunk`, and fans out now or when the pace allows. Returns whether there is room for
 * more; if not, `onRoom` is called once there is.
 */
export function receive(broadcast: Broadcast, chunk: Uint8Array): boolean {
  const now = broadcast.clock.now();
  broadcast.heardAt = now;
  broadcast.counters.bytesIn += chunk.length;
  broadcast.tally.bytesIn += chunk.length;
  if (broadcast.ring.capacity === 0) {
    broadcast.ring = newRing(RING_MIN_BYTES);
    broadcast.outlet?.renew(broadcast.ring);
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
      broadcast.outlet?.hunger(true);
      return broadcast.held;
    }
    noteArrival(broadcast, length, now);
    const piece = length === chunk.length ? chunk : chunk.subarray(from, from + length);
    broadcast.outlet?.announce(ring.head + length - ring.capacity);
    append(ring, piece);
    if (broadcast.original === null) {
      feedCopy(broadcast, piece);
      examine(broadcast, piece);
    }
    from += length;
  }
  if (broadcast.unsentSince < 0) {
    broadcast.unsentSince = now;
  }
  broadcast.closing?.();
  scheduleFanOut(broadcast, now);
  return null;
}

/** Tries again to take in what is held, and asks for more when that is done. */
export function takeInHeld(broadcast: Broadcast): void {
  const { held } = broadcast;
  if (held !== null) {
    held.cancelTimer();
    broadcast.held = null;
    broadcast.outlet?.hunger(false);
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
  if (broadcast.copy === null && marks.newest !== null && marks.joins !== joins) {
    makeCopy(broadcast, marks.newest.offset);
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
  broadcast.outlet?.tell({ kind: "format", format: broadcast.scan.format });
}

/** A stream that does not show in time what it is counts as unknown. */
export function limitProbe(broadcast: Broadcast, now: number): void {
  const { begunAt, inlet, remote, ring, scan } = broadcast;
  if (inlet !== null || remote !== null) {
    return;
  }
  const patience = scan.sequel === null ? PROBE_MAX_MS : SEQUEL_MAX_MS;
  if (scan.format === undefined && ring.head > 0 && now - begunAt >= patience) {
    endProbe(scan);
    noteFormat(broadcast);
    placeAll(broadcast);
  }
}

/**
 * Where newcomers need a rewritten copy of the stream, it begins at the first join point that is
 * found.
 */
export function makeCopy(broadcast: Broadcast, from: number): void {
  const rebase = broadcast.scan.scanner?.rebase?.();
  const { ring } = broadcast;
  if (rebase === undefined) {
    return;
  }
  const copy: Broadcast = {
    ...broadcast,
    roster: newRoster(),
    awaiting: new Set(),
    ring: { ...newRing(ring.capacity), head: from, tail: from },
    floor: from,
    arrivals: new Float64Array(ARRIVALS),
    original: broadcast,
    closing: null,
    outlet: null,
    // The original is held back where somebody needs grace; a copy that lags would need a queue.
    impatient: true,
    fannedOutAt: -Infinity,
    unsentSince: -1,
    pending: null,
    farApart: true,
  };
  const rebaser = rebase.newRebaser(from);
  broadcast.copy = { broadcast: copy, rebaser };
  shareCopy(broadcast, copy, from);
  for (let offset = from; offset < ring.head;) {
    const index = indexOf(ring, offset);
    const length = Math.min(ring.head - offset, ring.capacity - index);
    feedCopy(broadcast, ring.bytes.subarray(index, index + length));
    offset += length;
  }
}

function shareCopy({ outlet }: Broadcast, copy: Broadcast, from: number): void {
  if (outlet !== null) {
    copy.outlet = outlet.copy();
    outlet.tell({ kind: "copy", stream: copy.outlet.stream, from });
    copy.outlet.renew(copy.ring);
  }
}

function feedCopy({ clock, copy }: Broadcast, piece: Uint8Array): void {
  if (copy !== null) {
    const ready = copy.rebaser.push(piece);
    const edge = copy.broadcast.ring.head + ready.length;
    takeIn(copy.broadcast, ready, edge, clock.now());
  }
}
