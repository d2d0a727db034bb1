/**
 * A channel whose broadcaster another node has: its bytes come by a link, into a ring of our own, for
 * as long as somebody here watches.
 *
 *     owner's node                             here
 *     ring ► link ─ bytes, frames, joins ──►  Following ► append ► marks ► fan-out ► watchers
 *                 ◄── want, ready, end ───  Upstream
 *
 *     asleep ──first watcher──► wanted ──begin──► started ──last watcher has gone──► asleep
 *                                 ▲                  │ begin, further on: bytes are missing
 *                                 └──── ask again ───┘
 *
 * Offsets are the owner's. Where bytes between the newest one here and those that follow are lost, the
 * ring goes on as if they had come, and nobody is sent any of them: who has all of a frame skips, who
 * has a part of one is closed.
 */
import { RING_MIN_BYTES } from "../core/limits.ts";
import { rebaserOf } from "../media/formats.ts";
import type { Known } from "../media/scan.ts";
import type { JoinPoint, Scanner } from "../media/scanner.ts";
import type { Request } from "../protocol/request.ts";
import { withCopy } from "./broadcast.ts";
import { admitWaiting, goLive, type Surroundings } from "./channel.ts";
import { LEFT_BEHIND, placeAll, skip } from "./course.ts";
import { makeCopy, receive, settleHeld } from "./intake.ts";
import { firstFrameFrom, fitMarks, forgetMarks, noteFrame, noteJoin, offsetAt } from "./marks.ts";
import type { Broadcast, Channel, Opens, Watcher } from "./model.ts";
import type { Remote, Upstream } from "./remote.ts";
import { newRing } from "./ring.ts";
import { cursorAt, DETOUR, lowestCursor, OPEN } from "./roster.ts";
import { divert, isUntouched } from "./slow.ts";
import { newAbsentee, standInFor, toldOfFaults, type StandIn } from "./stand-in.ts";
import { expel } from "./watcher.ts";

/** Where the bytes of a broadcast begin to come, or go on. */
export interface Start {
  /** The absolute offset of the next byte. */
  readonly offset: number;
  /** Whether what came before ends where a frame does. */
  readonly clean: boolean;
  readonly format: Known;
}

/** The way in for what comes of a broadcast of another node. */
export interface Following extends StandIn {
  begin(start: Start): void;
  format(format: Known): void;
  /** Takes the next bytes. False where there is no room for more before `ready`. They may be kept. */
  take(chunk: Uint8Array): boolean;
  /** Makes room for what was taken and has none yet, whoever is left behind. */
  settle(): void;
  frame(offset: number): void;
  /** `isCopied` says whether newcomers need a rewritten copy: see Rebase in media/scanner.ts. */
  join(point: JoinPoint, isCopied: boolean): void;
  /** The same broadcaster is there again. False where it was waited for no longer. */
  revive(): boolean;
}

/** How a broadcast of another node is reached, and what compares with the hash of its password. */
export interface Reach {
  readonly upstream: Upstream;
  readonly opens: Opens | null;
}

/** Puts a broadcaster of another node on air. The upstream may be called before this returns. */
export function followInto(
  around: Surroundings,
  channel: Channel,
  request: Request,
  { opens, upstream }: Reach,
): Following {
  const source = newAbsentee();
  const remote: Remote = { upstream, wanted: false, started: false, points: [] };
  const result = goLive(following(around), channel, request, source, { remote, opens });
  if ("code" in result) {
    throw new Error(result.message);
  }
  const broadcast = result;
  // Also when the broadcaster has gone: what has come of it is still to be taken in.
  broadcast.onRoom = () => upstream.ready();
  return {
    ...standInFor(around, channel, broadcast, source),
    begin: (start) => begin(broadcast, remote, start),
    format: (format) => learnFormat(broadcast, format),
    take(chunk) {
      const hasRoom = receive(broadcast, chunk);
      takePoints(broadcast, remote);
      return hasRoom;
    },
    settle: () => settleHeld(broadcast),
    frame(offset) {
      noteFrame(broadcast.marks, offset, broadcast.clock.now());
      broadcast.closing?.();
    },
    join(point, isCopied) {
      remote.points.push({ point, isCopied });
      takePoints(broadcast, remote);
    },
    revive() {
      const isPresent = channel.live === broadcast;
      if (isPresent && channel.source === null) {
        channel.lingering?.();
        channel.lingering = null;
        channel.source = source;
        admitWaiting(channel, broadcast);
      }
      return isPresent;
    },
  };
}

/** Who has the broadcaster records it and tells what it is. */
function following(around: Surroundings): Surroundings {
  return { ...toldOfFaults(around), began: () => {} };
}

function begin(broadcast: Broadcast, remote: Remote, start: Start): void {
  const { clock, marks } = broadcast;
  remote.points.length = 0;
  if (broadcast.ring.capacity === 0) {
    const { offset } = start;
    broadcast.ring = { ...newRing(RING_MIN_BYTES), head: offset, tail: offset };
    broadcast.floor = offset;
    broadcast.pacedHead = offset;
    broadcast.begunAt = clock.now();
    fitMarks(marks, RING_MIN_BYTES);
  } else {
    settleHeld(broadcast);
    if (start.offset !== broadcast.ring.head) {
      remote.started = false;
      jump(broadcast, start);
    }
  }
  if (start.format !== undefined && start.format !== broadcast.scan.format) {
    learnFormat(broadcast, start.format);
  }
  remote.started = true;
  placeAll(broadcast);
}

/** What comes next is further on. */
function jump(broadcast: Broadcast, { clean, offset }: Start): void {
  const end = broadcast.ring.head;
  const both = withCopy(broadcast);
  // Nobody may go on at a join point from where the way leads through what is missing.
  broadcast.marks.newest = null;
  broadcast.marks.eldest = null;
  for (const each of both) {
    const { ring, roster } = each;
    // A copy that waited for the rest of what it rewrites ends before the original does.
    const isClean = clean && ring.head === end;
    const oldest = offset - ring.capacity;
    for (let slot = roster.count - 1; slot >= 0; slot--) {
      const watcher = roster.watchers[slot];
      if (watcher !== undefined) {
        leaveOff(each, watcher, isClean ? ring.head : -1, oldest);
      }
    }
    each.pacedHead += offset - ring.head;
    ring.head = offset;
    ring.tail = Math.max(lowestCursor(roster, offset), oldest);
    each.floor = ring.tail;
  }
  const { copy, scan } = broadcast;
  if (copy !== null && scan.format !== undefined && scan.format !== "unknown") {
    const rebaser = rebaserOf(scan.format)?.(offset);
    copy.rebaser = rebaser ?? copy.rebaser;
  }
}

/**
 * Has `watcher` finish the frame that it is in, and skip then. Closes it where that cannot be: the end of
 * the frame is not here. The bytes here end at `edge` where a frame does; else that is -1. What lies
 * before `oldest` is not kept.
 */
function leaveOff(broadcast: Broadcast, watcher: Watcher, edge: number, oldest: number): void {
  const { marks, ring, roster } = broadcast;
  const { head } = ring;
  const cursor = cursorAt(roster, watcher.slot);
  const isOnTheWay = roster.blocked[watcher.slot] === DETOUR && watcher.until <= head;
  if (isOnTheWay && cursor >= oldest) {
    return;
  }
  const next = offsetAt(marks, firstFrameFrom(marks, cursor));
  const frameEnd = next <= head ? next : edge;
  const stop = isUntouched(broadcast, watcher) ? cursor : frameEnd;
  const isWhole = stop >= cursor && watcher.prefaced === 0;
  if (isWhole && stop === cursor && roster.blocked[watcher.slot] === OPEN) {
    // Its sink has refused nothing, and says nothing before it has.
    skip(broadcast, watcher);
  } else if (isWhole && (stop === cursor || cursor >= oldest)) {
    divert(broadcast, watcher, stop);
  } else {
    broadcast.counters.tooSlow++;
    expel(broadcast, watcher, LEFT_BEHIND);
  }
}

function learnFormat(broadcast: Broadcast, format: Known): void {
  const { marks, notify, scan } = broadcast;
  scan.format = format;
  scan.scanner = format === "unknown" ? null : scannerElsewhere(format);
  if (format === "unknown") {
    forgetMarks(marks);
  }
  notify({ kind: "format", format });
  placeAll(broadcast);
}

/** What has frames that we are told of has a scanner, wherever that runs. */
function scannerElsewhere(format: Known): Scanner {
  const newRebaser = format === undefined || format === "unknown" ? undefined : rebaserOf(format);
  return {
    scan: () => true,
    rebase: () => (newRebaser === undefined ? undefined : { from: 0, newRebaser }),
  };
}

/** Notes the join points whose bytes are there by now, for those who wait for one. */
function takePoints(broadcast: Broadcast, { points }: Remote): void {
  const ready = points.filter(({ point }) => point.offset < broadcast.ring.head);
  points.splice(0, ready.length);
  ready.forEach(({ isCopied, point }) => learnJoin(broadcast, point, isCopied));
}

function learnJoin(broadcast: Broadcast, point: JoinPoint, isCopied: boolean): void {
  const { clock, marks, ring } = broadcast;
  const isNews = marks.joins === 0 || point.offset > marks.joinOffset || marks.newest === null;
  if (!isNews || point.offset < ring.tail) {
    return;
  }
  noteJoin(marks, point, clock.now());
  if (isCopied && broadcast.copy === null) {
    makeCopy(broadcast, point.offset);
  }
  placeAll(broadcast);
}
