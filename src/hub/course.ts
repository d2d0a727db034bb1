/**
 * A watcher's course through a broadcast:
 *
 *     let in ──┬─────────────────────────────────────────► flowing ◄──► blocked ──┐ lags too far
 *              │                                               ▲                  ▼
 *              ├──► preface: set-up or splice ─── all taken ───┘           detour: to its frame's end
 *              │        ▲                                                         │
 *              │        └──────────────── a join point in the ring ◄──────────────┤
 *              │        │ one comes                                               │
 *              └──► awaiting one ◄──────────────── none ahead in the ring ────────┘
 *
 * Flowing and blocked are the usual states, which a fan-out passes through without looking at
 * anything but the roster. Preface and detour are both DETOUR there: such a watcher is written to
 * when its sink drains, and never by a fan-out. At the end of a broadcast a watcher goes on to the
 * next one of its channel, or is closed.
 */
import { observe } from "../core/buckets.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import { canFollow, type Known } from "../media/scan.ts";
import { NOTHING, type JoinPoint } from "../media/scanner.ts";
import type { Broadcast, Watcher } from "./model.ts";
import { BLOCKED, DETOUR, flush, LAPPED, OPEN } from "./roster.ts";
import { close, countSkip, dismiss, expel, expelFaulty, hold, seat } from "./watcher.ts";

/** Why a watcher is closed whose next byte is overwritten. */
export const LEFT_BEHIND: Refusal = refusal("too-slow", "fell behind the stream");
const FRAMES_LOST = refusal("too-slow", "fell behind a stream whose frames are not known any more");

/** Lets a newcomer in. */
export function admit(broadcast: Broadcast, watcher: Watcher): void {
  broadcast.counters.watchers += watcher.tap ? 0 : 1;
  watcher.admittedAt = watcher.tap ? -1 : broadcast.clock.now();
  hold(broadcast, watcher);
  watcher.passed = watcher.join === "live" ? broadcast.marks.joins : -1;
  watcher.attendant.admitted();
  place(broadcast, watcher);
}

/** A join point was found, or the stream's format: whoever waits for that gets a place. */
export function placeAll(broadcast: Broadcast): void {
  for (const watcher of broadcast.awaiting) {
    place(broadcast, watcher);
  }
}

/**
 * Gives a watcher that waits for one a place in the stream, if there is one for it now. Many get
 * theirs at once, on behalf of a broadcaster: one whose sink throws is nobody else's matter.
 */
function place(broadcast: Broadcast, watcher: Watcher): void {
  try {
    findPlace(broadcast, watcher);
  } catch (error) {
    expelFaulty(broadcast, watcher, error);
  }
}

function findPlace(broadcast: Broadcast, watcher: Watcher): void {
  const { format } = broadcast.scan;
  if (broadcast.remote?.started === false) {
    return;
  }
  if (format === undefined && !watcher.announced && watcher.join !== "raw") {
    return;
  }
  if (isFirst(broadcast, watcher)) {
    begin(broadcast, watcher, 0);
    return;
  }
  const { newest } = broadcast.marks;
  const { past } = watcher;
  if (typeof past === "object") {
    placeFromBefore(broadcast, watcher, past.format);
  } else if (past === "none" && (watcher.join === "raw" || broadcast.ring.head === 0)) {
    begin(broadcast, watcher, broadcast.ring.head);
  } else if (format === "unknown") {
    placeInUnknown(broadcast, watcher);
  } else if (newest !== null && isEntrance(broadcast, watcher, newest)) {
    enter(broadcast, watcher, newest);
  }
}

/** Whether a watcher came before the first byte, waited to be told the format, and can have it all. */
function isFirst({ ring }: Broadcast, { announced, join, since }: Watcher): boolean {
  return !announced && join !== "raw" && since === 0 && ring.tail === 0;
}

/**
 * A watcher that has had another broadcast of the channel, in the format `before`. What has no frames
 * that we know goes on at the next byte; what has goes on at the first join point, in the same format,
 * or at the newest where the ring has lost that.
 */
function placeFromBefore(broadcast: Broadcast, watcher: Watcher, before: Known): void {
  const { marks, ring, scan, settings } = broadcast;
  if (before === undefined || before === "unknown" || watcher.join === "raw") {
    if (ring.tail > 0 && settings.slow === "close") {
      broadcast.counters.tooSlow++;
      expel(broadcast, watcher, LEFT_BEHIND);
    } else {
      begin(broadcast, watcher, ring.tail > 0 ? ring.head : 0);
    }
  } else if (scan.format !== undefined && scan.format !== before) {
    leave(broadcast, watcher);
  } else if (marks.newest !== null) {
    const { eldest, newest } = marks;
    enter(broadcast, watcher, eldest !== null && eldest.offset >= ring.tail ? eldest : newest);
  }
}

/** There are no frames to be true to: a chunk's edge must do. */
function placeInUnknown(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.past === "frames" && broadcast.settings.slow === "close") {
    broadcast.counters.tooSlow++;
    expel(broadcast, watcher, FRAMES_LOST);
  } else if (watcher.announced) {
    begin(broadcast, watcher, broadcast.ring.head);
  } else {
    beginUnnamed(broadcast, watcher);
  }
}

/** Who waited only to be told the format gets what has come since, as far as it is still there. */
function beginUnnamed(broadcast: Broadcast, watcher: Watcher): void {
  const { ring } = broadcast;
  begin(broadcast, watcher, watcher.since >= ring.tail ? watcher.since : ring.head);
}

/** A stream ends before it has shown what it is: who waits to be told that gets it all the same. */
export function placeUnnamed(broadcast: Broadcast): void {
  if (broadcast.scan.format !== undefined || broadcast.ring.head === 0) {
    return;
  }
  for (const watcher of broadcast.awaiting) {
    if (!watcher.announced) {
      beginUnnamed(broadcast, watcher);
    }
  }
}

/** Whether a watcher that waits can go on at `point`, the newest one. */
function isEntrance(broadcast: Broadcast, watcher: Watcher, point: JoinPoint): boolean {
  return broadcast.marks.joins > watcher.passed && takesUp(broadcast, watcher, point);
}

/** Whether the decoder of a watcher that has had frames before shows no broken one from `point` on. */
export function takesUp({ settings }: Broadcast, { past }: Watcher, { clean }: JoinPoint): boolean {
  return clean || past !== "frames" || settings.slow === "skip";
}

/** Has `watcher` begin at a join point, with what its decoder needs first. */
function enter(broadcast: Broadcast, watcher: Watcher, point: JoinPoint): void {
  const isSplice =
    watcher.past !== "none" && (watcher.past === "frames" || point.splice.length > 0);
  watcher.preface = isSplice ? point.splice : point.setup;
  watcher.prefaced = 0;
  begin(broadcast.copy?.broadcast ?? broadcast, watcher, point.offset);
}

/** Has `watcher` begin at the absolute offset `cursor`, and sends it what it lacks. */
function begin(broadcast: Broadcast, watcher: Watcher, cursor: number): void {
  if (!watcher.announced && !announce(broadcast, watcher)) {
    return;
  }
  seat(broadcast, watcher, cursor);
  if (watcher.admittedAt >= 0) {
    observe(broadcast.counters.joinWaits, broadcast.clock.now() - watcher.admittedAt);
    watcher.admittedAt = -1;
  }
  if (broadcast.roster.blocked[watcher.slot] === OPEN) {
    watcher.past = "frames";
  }
  if (watcher.refusedAt < 0 && cursor < broadcast.ring.head) {
    advance(broadcast, watcher.slot, broadcast.clock.now());
  }
}

/** Tells the watcher's attendant the format; sends those away who wanted no more than that. */
function announce(broadcast: Broadcast, watcher: Watcher): boolean {
  watcher.announced = true;
  const goesOn = watcher.attendant.announce?.(broadcast.scan.format) ?? true;
  if (!goesOn) {
    dismiss(watcher.broadcast ?? broadcast, watcher);
    close(watcher, null);
  }
  return goesOn;
}

/** Writes to one watcher, and lets it go where it is gone or has all of a broadcast that ended. */
export function advance(broadcast: Broadcast, slot: number, now: number): void {
  const { ring, roster } = broadcast;
  if (roster.blocked[slot] === DETOUR) {
    followDetour(broadcast, slot, now);
    return;
  }
  const wasBlocked = roster.blocked[slot] === BLOCKED;
  const taken = flush(roster, slot, ring, ring.head);
  if (taken > 0) {
    broadcast.counters.bytesOut += taken;
    broadcast.tally.bytesOut += taken;
  }
  if (taken >= 0 && roster.blocked[slot] === BLOCKED) {
    // A drain that finds no room is no sign of life.
    if (taken > 0 || !wasBlocked) {
      roster.movedAt[slot] = now;
    }
  } else if (taken < 0 || broadcast.ended) {
    letGo(broadcast, slot, taken);
  }
}

/** The rest of the preface; then on with the stream, or to the end of the frame and away from there. */
function followDetour(broadcast: Broadcast, slot: number, now: number): void {
  const { ring, roster } = broadcast;
  const watcher = roster.watchers[slot];
  if (watcher === undefined || !sendPreface(broadcast, slot, watcher, now)) {
    return;
  }
  if (watcher.until === Infinity) {
    roster.blocked[slot] = OPEN;
    advance(broadcast, slot, now);
    return;
  }
  const taken = flush(roster, slot, ring, watcher.until);
  if (taken < 0) {
    letGo(broadcast, slot, taken);
    return;
  }
  credit(broadcast, slot, taken, now);
  if (roster.blocked[slot] === OPEN) {
    skip(broadcast, watcher);
  } else {
    roster.blocked[slot] = DETOUR;
  }
}

/** Sends what is left of the preface; says whether that is all taken now. */
function sendPreface(broadcast: Broadcast, slot: number, watcher: Watcher, now: number): boolean {
  const { handle, preface, prefaced, sink } = watcher;
  const length = preface.length - prefaced;
  watcher.refusedAt = -1;
  if (length === 0) {
    watcher.past = "frames";
    return true;
  }
  const taken = sink.write(handle, preface, prefaced, length);
  if (taken < 0) {
    letGo(broadcast, slot, taken);
    return false;
  }
  credit(broadcast, slot, taken, now);
  watcher.sent += taken;
  watcher.prefaced += taken;
  watcher.past = watcher.prefaced > 0 ? "frames" : watcher.past;
  if (taken < length) {
    return false;
  }
  watcher.preface = NOTHING;
  watcher.prefaced = 0;
  return true;
}

function credit(broadcast: Broadcast, slot: number, taken: number, now: number): void {
  broadcast.counters.bytesOut += taken;
  broadcast.tally.bytesOut += taken;
  if (taken > 0) {
    broadcast.roster.movedAt[slot] = now;
  }
}

/**
 * Takes a watcher away from the start of a frame, where it is, to the newest join point; where the
 * ring does not hold that any more, to the next one.
 */
export function skip(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.past !== "none") {
    countSkip(broadcast, watcher);
  }
  dismiss(broadcast, watcher);
  watcher.until = Infinity;
  watcher.preface = NOTHING;
  watcher.passed = -1;
  const whole = broadcast.original ?? broadcast;
  hold(whole, watcher);
  place(whole, watcher);
}

/** Lets a watcher go after a write that took `taken`: it is gone, was lapped, or has all. */
function letGo(broadcast: Broadcast, slot: number, taken: number): void {
  const watcher = broadcast.roster.watchers[slot];
  if (watcher === undefined) {
    return;
  }
  dismiss(broadcast, watcher);
  if (taken >= 0) {
    goOn(broadcast, watcher);
  } else if (taken === LAPPED) {
    broadcast.counters.tooSlow++;
    close(watcher, LEFT_BEHIND);
  }
}

/** A watcher has all of a broadcast that ended: on to the one that followed it, or the end. */
export function goOn(broadcast: Broadcast, watcher: Watcher): void {
  const next = lastOf(broadcast);
  const { format } = broadcast.scan;
  const isBlank = watcher.past === "none" || broadcast.ring.head === 0;
  if (next === broadcast || watcher.tap || (!isBlank && !canFollow(format))) {
    close(watcher, null);
    return;
  }
  watcher.past = isBlank ? "none" : { format };
  watcher.passed = -1;
  hold(next, watcher);
  place(next, watcher);
  if (next.ended && watcher.broadcast === next && watcher.slot === -1) {
    leave(next, watcher);
  }
}

function lastOf(broadcast: Broadcast): Broadcast {
  let last = broadcast;
  while (last.next !== null) {
    last = last.next;
  }
  return last;
}

function leave(broadcast: Broadcast, watcher: Watcher): void {
  dismiss(broadcast, watcher);
  close(watcher, null);
}
