/**
 * Compares what a watcher receives, in whatever chunks, with what was sent.
 *
 *     following ──another byte than the expected──► boundary  (where a frame should begin)
 *         ▲                                     └─► damaged   (within a frame)
 *         │                                             │
 *         └─────── a frame begins ◄── seeking ◄── none does
 *
 * While all is well this is one native comparison of memory a piece, without a copy and without an
 * allocation. Everything else happens at a fault, and at the beginning, where a watcher may be in the
 * middle of a frame.
 *
 * Invariant: in `following`, `at` bytes of `frame` have come and were right. In the other states
 * `pending` has all that came since, `damaged` owes `owed` bytes of `frame` from there on.
 */
import { START_CODE } from "../stream/bits.ts";
import type { Frame, Synthetic } from "../stream/synthetic.ts";
import { matching, nextStart, readStart, type Known, type Start } from "./known.ts";
import { deliver, type Tally } from "./tally.ts";

export interface Watch {
  readonly known: Known;
  readonly tally: Tally;
  state: "following" | "boundary" | "damaged" | "seeking";
  broadcast: Synthetic | undefined;
  frame: Frame | undefined;
  at: number;
  pending: Buffer;
  owed: number;
  /** The highest sequence number so far; -1 before the first. */
  highest: number;
  /** The lowest number that it was owed or has got. */
  lowest: number;
  /** Numbers below it that have not come. */
  readonly missing: Set<number>;
  /** Torn frames of which not even the number is known: they are missing, but not lost. */
  unnamed: number;
  /** When the first byte of a keyframe came, in microseconds since the epoch; 0 before that. */
  keyAt: number;
}

/** Numbers of missing frames that a watcher remembers: half a minute. */
const MISSING_MAX = 1_024;

/** Bytes at a frame's end by which it is told from a frame spliced with another. */
const TAIL_BYTES = 16;

/** Bytes of another frame's beginning that may pass for this one's: both have start codes. */
const START_REACH: number = START_CODE.length;

/** A head with this many wrong bytes is a damaged head; with more it is none. */
const HEAD_FLAWS_MAX = 8;

const EMPTY: Buffer = Buffer.alloc(0);

export function newWatch(known: Known, tally: Tally): Watch {
  return {
    known,
    tally,
    state: "seeking",
    broadcast: undefined,
    frame: undefined,
    at: 0,
    pending: EMPTY,
    owed: 0,
    highest: -1,
    lowest: 0,
    missing: new Set(),
    unnamed: 0,
    keyAt: 0,
  };
}

/** Checks `bytes` from `from` to `to`, which came at `now`. They are not kept. */
export function check(watch: Watch, bytes: Buffer, from: number, to: number, now: number): void {
  let input = bytes;
  let at = from;
  let end = to;
  while (at < end) {
    if (watch.state === "following" && watch.frame !== undefined) {
      at = follow(watch, watch.frame, input, at, end, now);
      continue;
    }
    const rest = Buffer.concat([watch.pending, input.subarray(at, end)]);
    const began = resolve(watch, rest);
    if (began === -1) {
      return;
    }
    input = rest;
    at = began;
    end = rest.length;
  }
}

/** Compares as far as one piece of the frame goes, and returns where the next one begins. */
function follow(
  watch: Watch,
  frame: Frame,
  bytes: Buffer,
  from: number,
  to: number,
  now: number,
): number {
  const headBytes = frame.head.length;
  const inHead = watch.at < headBytes;
  const model = inHead ? frame.head : frame.body;
  const at = inHead ? watch.at : watch.at - headBytes;
  const count = Math.min(model.length - at, to - from);
  if (bytes.compare(model, at, at + count, from, from + count) !== 0) {
    derail(watch, frame);
    return from;
  }
  watch.at += count;
  if (watch.keyAt === 0 && frame.key) {
    watch.keyAt = now;
  }
  if (watch.at === frame.length) {
    if (account(watch, frame)) {
      deliver(watch.tally, frame.due, now);
    }
    watch.frame = watch.broadcast?.frame(frame.sequence + 1);
    watch.at = 0;
  }
  return from + count;
}

/**
 * Leaves `following`. What has come of a head is put back, for it may be the beginning of another one;
 * of a body as much as may be the beginning of a start code.
 */
function derail(watch: Watch, frame: Frame): void {
  const { head, body } = frame;
  const inHead = watch.at < head.length;
  const inBody = watch.at - head.length;
  watch.state = inHead ? "boundary" : "damaged";
  watch.pending = inHead
    ? head.subarray(0, watch.at)
    : Buffer.concat([head, body.subarray(0, inBody)]).subarray(-START_REACH);
  watch.owed = inHead ? 0 : frame.length - watch.at + START_REACH;
}

/**
 * Finds out what happened and where a frame begins in `bytes`, which is all that came since. Returns
 * -1, having kept them, where more must come first.
 */
function resolve(watch: Watch, bytes: Buffer): number {
  let at = 0;
  for (;;) {
    const state = watch.state;
    const step =
      state === "boundary"
        ? atBoundary(watch, bytes, at)
        : state === "damaged"
          ? inDamage(watch, bytes, at)
          : seek(watch, bytes, at);
    if (step.kind === "more") {
      watch.pending = bytes.subarray(step.at);
      return -1;
    }
    at = step.at;
    if (step.kind === "frame") {
      watch.pending = EMPTY;
      return at;
    }
  }
}

/** What is known now: a frame begins at `at`, or look again from there, or more must come. */
interface Step {
  readonly kind: "frame" | "again" | "more";
  readonly at: number;
}

/** A frame should begin at `at`. */
function atBoundary(watch: Watch, bytes: Buffer, at: number): Step {
  const start = readStart(watch.known, bytes, at);
  if (start.kind === "more") {
    return { kind: "more", at };
  }
  if (start.kind === "frame") {
    return begin(watch, start, at);
  }
  const head = watch.frame?.head ?? EMPTY;
  const length = Math.min(head.length, bytes.length - at);
  if (flaws(bytes, at, head, length) <= HEAD_FLAWS_MAX && start.kind !== "foreign") {
    if (length < head.length) {
      return { kind: "more", at };
    }
    const right = Math.max(matching(bytes, at, head) - START_REACH, 0);
    watch.state = "damaged";
    watch.owed = (watch.frame?.length ?? 0) - right;
    return { kind: "again", at: at + right };
  }
  if (start.kind !== "foreign") {
    watch.tally.faults.torn++;
    watch.unnamed++;
  }
  watch.state = "seeking";
  return { kind: "again", at };
}

function flaws(bytes: Buffer, at: number, model: Buffer, length: number): number {
  let count = 0;
  for (let i = 0; i < length; i++) {
    count += bytes[at + i] === model[i] ? 0 : 1;
  }
  return count;
}

/** The frame has wrong bytes. How it is called depends on where the next one begins. */
function inDamage(watch: Watch, bytes: Buffer, from: number): Step {
  const end = from + watch.owed;
  for (let at = nextStart(bytes, from); at !== -1 && at < end; at = nextStart(bytes, at + 1)) {
    const start = readStart(watch.known, bytes, at);
    if (start.kind === "more") {
      return { kind: "more", at: from };
    }
    if (start.kind === "frame") {
      settle(watch, "torn");
      return begin(watch, start, at);
    }
  }
  const start = bytes.length <= end ? undefined : readStart(watch.known, bytes, end);
  if (start === undefined || start.kind === "more") {
    return { kind: "more", at: from };
  }
  if (start.kind !== "frame") {
    settle(watch, "torn");
    watch.state = "seeking";
    // A start code may have begun within what was owed.
    return { kind: "again", at: Math.max(from, end - START_REACH) };
  }
  const follows = start.frame.sequence === (watch.frame?.sequence ?? 0) + 1;
  settle(watch, follows || endsAsItShould(watch, bytes, end) ? "corrupt" : "torn");
  return begin(watch, start, end);
}

/** Whether the last bytes before `end` are those of the frame that is under way. */
function endsAsItShould(watch: Watch, bytes: Buffer, end: number): boolean {
  const tail = watch.frame?.body.subarray(-Math.min(TAIL_BYTES, watch.owed)) ?? EMPTY;
  return matching(bytes, end - tail.length, tail) === tail.length;
}

function settle(watch: Watch, fault: "torn" | "corrupt"): void {
  watch.tally.faults[fault]++;
  if (watch.frame !== undefined) {
    account(watch, watch.frame);
  }
}

/** A frame may begin anywhere. */
function seek(watch: Watch, bytes: Buffer, from: number): Step {
  for (let at = nextStart(bytes, from); at !== -1; at = nextStart(bytes, at + 1)) {
    const start = readStart(watch.known, bytes, at);
    if (start.kind === "more") {
      return { kind: "more", at };
    }
    if (start.kind === "frame") {
      return begin(watch, start, at);
    }
    watch.tally.faults.foreign += start.kind === "foreign" ? 1 : 0;
  }
  return { kind: "more", at: Math.max(from, bytes.length - START_REACH) };
}

/** Goes on with the frame that was found. */
function begin(watch: Watch, start: Extract<Start, { kind: "frame" }>, from: number): Step {
  if (start.broadcast !== watch.broadcast) {
    // Who was there before a broadcast began should see its first frame; who joins need not.
    watch.highest = watch.broadcast === undefined ? start.frame.sequence - 1 : -1;
    watch.lowest = watch.highest + 1;
    watch.missing.clear();
    watch.broadcast = start.broadcast;
  }
  watch.tally.setups += start.at > from ? 1 : 0;
  watch.state = "following";
  watch.frame = start.frame;
  watch.at = 0;
  return { kind: "frame", at: start.at };
}

/** Enters a frame's number. Returns whether it is the first time that it comes. */
function account(watch: Watch, { sequence }: Frame): boolean {
  const { faults } = watch.tally;
  if (sequence === watch.highest + 1) {
    watch.highest = sequence;
    watch.unnamed = 0;
    return true;
  }
  if (sequence > watch.highest) {
    const gap = sequence - watch.highest - 1;
    faults.lost += Math.max(gap - watch.unnamed, 0);
    watch.unnamed = 0;
    for (let i = Math.max(sequence - MISSING_MAX, watch.highest + 1); i < sequence; i++) {
      watch.missing.add(i);
    }
    while (watch.missing.size > MISSING_MAX) {
      watch.missing.delete(watch.missing.values().next().value ?? -1);
    }
    watch.highest = sequence;
    return true;
  }
  if (watch.missing.delete(sequence)) {
    faults.reordered++;
    faults.lost--;
    return true;
  }
  if (sequence < watch.lowest) {
    watch.lowest = sequence;
    faults.reordered++;
    return true;
  }
  faults.repeated++;
  return false;
}
