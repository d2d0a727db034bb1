/**
 * The life of a broadcast between the way in, intake.ts, and the way out, fan-out.ts: its beginning,
 * its watchers' drains, its housekeeping, its end.
 */
import type { Clock } from "../core/clock.ts";
import { refusal } from "../core/errors.ts";
import { newScan, type Known } from "../media/scan.ts";
import { advance, goOn, placeUnnamed } from "./course.ts";
import { fanOut, reportFloor } from "./fan-out.ts";
import { ARRIVALS } from "./grace.ts";
import { limitProbe, settleHeld, takeInHeld } from "./intake.ts";
import { catchUp, heed } from "./mirror.ts";
import { newMarks, noteFrame, noteJoin } from "./marks.ts";
import type { Broadcast, ChannelSettings, HubCounters, Notice, Tally, Watcher } from "./model.ts";
import { forsake, type Remote } from "./remote.ts";
import { newRing } from "./ring.ts";
import { cursorAt, newRoster, OPEN } from "./roster.ts";
import { divertLate, renewPace } from "./slow.ts";
import { dismiss, expel } from "./watcher.ts";

/** What a broadcast needs of the world. */
export interface BroadcastOptions {
  readonly clock: Clock;
  readonly settings: ChannelSettings;
  readonly counters: HubCounters;
  readonly tally: Tally;
  readonly notify: (notice: Notice) => void;
  /** Where another node has its broadcaster. */
  readonly remote: Remote | null;
  /** The format of the broadcast that it follows on its channel. */
  readonly before: Known;
}

/** A broadcast that has no byte yet. Its ring costs nothing before the first one comes. */
export function newBroadcast(options: BroadcastOptions): Broadcast {
  const { before, clock, counters, notify, remote, settings, tally } = options;
  const now = clock.now();
  const marks = newMarks();
  const scan = newScan(
    {
      frame: (offset) => {
        counters.framesIn++;
        tally.framesIn++;
        noteFrame(marks, offset, clock.now());
        broadcast.outlet?.frame(offset);
      },
      join: (point) => {
        noteJoin(marks, point, clock.now());
        broadcast.outlet?.tell({ kind: "join", point });
      },
    },
    before === "unknown" ? undefined : before,
  );
  const broadcast: Broadcast = {
    clock,
    settings,
    counters,
    tally,
    notify,
    roster: newRoster(),
    awaiting: new Set(),
    ring: newRing(0),
    scan,
    marks,
    next: null,
    copy: null,
    original: null,
    farApart: false,
    floor: 0,
    arrivals: new Float64Array(ARRIVALS),
    held: null,
    impatient: false,
    onRoom: () => {},
    closing: null,
    outlet: null,
    inlet: null,
    remote,
    ended: false,
    cameAt: now,
    begunAt: 0,
    fannedOutAt: -Infinity,
    unsentSince: -1,
    pending: null,
    heardAt: now,
    pace: 0,
    pacedAt: now,
    pacedHead: 0,
  };
  return broadcast;
}

/** The sink of `watcher` can take bytes again. Tolerates a call that finds nothing to do. */
export function drained(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.slot === -1) {
    watcher.refusedAt = -1;
    return;
  }
  heed(broadcast);
  if (watcher.slot === -1 || watcher.broadcast !== broadcast) {
    return;
  }
  const wasLowest = cursorAt(broadcast.roster, watcher.slot) <= broadcast.floor;
  advance(broadcast, watcher.slot, broadcast.clock.now());
  if (wasLowest) {
    takeInHeld(broadcast);
    reportFloor(broadcast);
  }
}

/**
 * No more bytes come: everyone gets what was received, and then goes on to the `next` broadcast of the
 * channel, or gets a clean close.
 */
export function finish(broadcast: Broadcast, next: Broadcast | null): void {
  settleHeld(broadcast);
  withCopy(broadcast).forEach(catchUp);
  placeUnnamed(broadcast);
  for (const each of withCopy(broadcast)) {
    each.ended = true;
    each.next = next;
    fanOut(each);
  }
  for (const watcher of broadcast.awaiting) {
    dismiss(broadcast, watcher);
    goOn(broadcast, watcher);
  }
}

/** A broadcast and its copy, where it has one. */
export function withCopy(broadcast: Broadcast): readonly Broadcast[] {
  return broadcast.copy === null ? [broadcast] : [broadcast, broadcast.copy.broadcast];
}

/** Bytes that a broadcast's ring takes, and its copy's. */
export function ringBytesOf(broadcast: Broadcast): number {
  return withCopy(broadcast).reduce((sum, { ring }) => sum + ring.capacity, 0);
}

/** Everyone who is in a broadcast, wherever. */
export function watchersOf(broadcast: Broadcast): Watcher[] {
  const seated = withCopy(broadcast).flatMap(({ roster }) => roster.watchers);
  return [...seated, ...broadcast.awaiting];
}

/**
 * Renews the pace, has those skip who lag, and sends those away who have stalled. Called every
 * HOUSEKEEPING_MS.
 */
export function inspect(broadcast: Broadcast): void {
  const now = broadcast.clock.now();
  limitProbe(broadcast, now);
  for (const each of withCopy(broadcast)) {
    renewPace(each, now);
    divertLate(each, now);
    expelStalled(each, now);
    if (each.roster.count + each.awaiting.size === 0) {
      each.inlet?.want(false);
    }
  }
  const { remote } = broadcast;
  if (remote !== null && remote.wanted && watchersOf(broadcast).length === 0) {
    forsake(broadcast, remote);
  }
}

function expelStalled(broadcast: Broadcast, now: number): void {
  const { counters, roster, settings } = broadcast;
  for (let slot = roster.count - 1; slot >= 0; slot--) {
    const watcher = roster.watchers[slot];
    const still = now - (roster.movedAt[slot] ?? now);
    if (roster.blocked[slot] !== OPEN && still >= settings.stall && watcher !== undefined) {
      counters.tooSlow++;
      expel(broadcast, watcher, refusal("too-slow", "took no byte for too long"));
    }
  }
}
