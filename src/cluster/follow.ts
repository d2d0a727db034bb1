/**
 * Broadcasts of other nodes, and the links by which their bytes come, while somebody here watches:
 *
 *     messages ──► session? number? offset? ──► whole run? ──► room in the hub? ──► hub/far.ts
 *                       │ not the next one         staged          queue
 *                       ▼
 *                  a new session, from the next byte that is lacked
 *
 * Invariant of a link: the hub has had all bytes before `at` but those in `staged` and `queue`, which
 * follow on one another and end there.
 */
import { concatBytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import type { Refusal } from "../core/errors.ts";
import {
  CONFIRM_BYTES,
  LINK_QUIET_MS,
  LINK_WINDOW_BYTES,
  SETUP_MAX_BYTES,
} from "../core/limits.ts";
import type { Following } from "../hub/far.ts";
import type { Upstream } from "../hub/remote.ts";
import { isFormat } from "../media/format.ts";
import type { Known } from "../media/scan.ts";
import { NOTHING, type JoinPoint } from "../media/scanner.ts";
import type { ClusterCounters } from "./figures.ts";
import * as layout from "./layout.ts";
import type { Stream, ToOne } from "./words.ts";

export interface InLink {
  /** The node that has the broadcaster, and what it says of it. */
  readonly owner: string;
  stream: Stream;
  readonly upstream: Upstream;
  /** Null until the hub has it. */
  following: Following | null;
  wanted: boolean;
  /** Whether somebody waits who wants all from the first byte on. */
  whole: boolean;
  /** The present session; 0 where there is none. */
  session: number;
  /** The number of the next message. */
  number: number;
  /** The absolute offset of the next byte to come; -1 before there is one. */
  at: number;
  confirmed: number;
  /** Bytes that wait for those which belong to them, and those that wait for room. */
  staged: Uint8Array[];
  queue: Uint8Array[];
  isFull: boolean;
  /** What the next join points need first. */
  blob: Uint8Array[];
  last: JoinPoint | null;
  /** When the last message came or was asked for, by the clock. */
  heardAt: number;
  /** Milliseconds that the last message took, by the times of day; null before one came. */
  lag: number | null;
  gaps: number;
  resyncs: number;
  /** Whether the last word has come: there are no more bytes but those in `queue`. */
  isFinal: boolean;
  /** What is to be done when it has. */
  readonly afterwards: Set<() => void>;
}

export interface FollowOptions {
  readonly clock: Clock;
  readonly counters: ClusterCounters;
  readonly self: string;
  readonly tell: (node: string, word: ToOne) => void;
}

export interface Followings {
  /** A link to a broadcast of another node, which the caller gives its `following`. */
  open(owner: string, stream: Stream): InLink;
  /** The hub has it: bytes may come. */
  ready(link: InLink, following: Following): void;
  close(link: InLink): void;
  message(bytes: Uint8Array): void;
  /** The owner has let a link go. */
  lapsed(owner: string, session: number): void;
  /** Calls `then` when the hub has had the rest, or nothing of it has come for so long. */
  after(link: InLink, ms: number, then: () => void): void;
  /** Asks for what is lacked again, for links to a node, or to all. */
  again(owner?: string): void;
  /** Confirms what has come, and asks again where nothing does. To be called every BEAT_MS. */
  tick(isThere: (owner: string) => boolean): void;
}

/** What following keeps. */
interface Desk {
  readonly options: FollowOptions;
  readonly links: Set<InLink>;
  readonly sessions: Map<number, InLink>;
  lastSession: number;
}

export function newFollowings(options: FollowOptions): Followings {
  const desk: Desk = { options, links: new Set(), sessions: new Map(), lastSession: 0 };
  const { clock } = options;
  return {
    open: (owner, stream) => open(desk, owner, stream),
    ready(link, following) {
      link.following = following;
      if (link.wanted) {
        ask(desk, link);
      }
    },
    close(link) {
      hangUp(desk, link);
      desk.links.delete(link);
    },
    message(bytes) {
      const message = layout.readMessage(bytes);
      const link = desk.sessions.get(message?.session ?? 0);
      if (message !== undefined && link !== undefined && link.following !== null) {
        hear(desk, link, link.following, message);
      }
    },
    lapsed(owner, session) {
      const link = desk.sessions.get(session);
      if (link?.owner === owner) {
        resync(desk, link);
      }
    },
    after(link, ms, then) {
      if (isOver(link) || link.session === 0) {
        then();
      } else {
        waitFor(clock, link, ms, then);
      }
    },
    again(owner) {
      for (const link of desk.links) {
        if (link.wanted && !link.isFinal && (owner === undefined || link.owner === owner)) {
          ask(desk, link);
        }
      }
    },
    tick(isThere) {
      const now = clock.now();
      for (const link of desk.links) {
        confirm(desk, link, 1);
        const isQuiet = now - link.heardAt >= LINK_QUIET_MS;
        if (link.wanted && !link.isFinal && isQuiet && isThere(link.owner)) {
          ask(desk, link);
        }
      }
    },
  };
}

function open(desk: Desk, owner: string, stream: Stream): InLink {
  const { self, tell } = desk.options;
  const link: InLink = {
    owner,
    stream,
    upstream: {
      want(wanted) {
        link.wanted = wanted;
        // Whoever wants it before the hub has it has waited for it, or watched the one before.
        link.whole = wanted && link.following === null;
        if (!wanted) {
          hangUp(desk, link);
          link.at = -1;
        } else if (link.following !== null) {
          ask(desk, link);
        }
      },
      ready: () => refill(desk, link),
      end({ code, message }: Refusal) {
        tell(owner, { k: "end", from: self, seq: link.stream.seq, code, message });
      },
    },
    following: null,
    wanted: false,
    whole: false,
    session: 0,
    number: 0,
    at: -1,
    confirmed: -1,
    staged: [],
    queue: [],
    isFull: false,
    blob: [],
    last: null,
    heardAt: 0,
    lag: null,
    gaps: 0,
    resyncs: 0,
    isFinal: false,
    afterwards: new Set(),
  };
  desk.links.add(link);
  return link;
}

/** Asks the owner to send the broadcast from the next byte on that is lacked. */
function ask(desk: Desk, link: InLink): void {
  const { clock, self, tell } = desk.options;
  const { owner, stream, whole } = link;
  desk.sessions.delete(link.session);
  const session = ++desk.lastSession;
  desk.sessions.set(session, link);
  link.session = session;
  link.number = 0;
  // A run of which a part is lacked comes again as a whole.
  link.at -= lengthOf(link.staged);
  link.staged = [];
  link.blob = [];
  link.last = null;
  link.heardAt = clock.now();
  tell(owner, { k: "follow", from: self, seq: stream.seq, session, at: link.at, whole });
}

function resync(desk: Desk, link: InLink): void {
  link.resyncs++;
  desk.options.counters.resyncs++;
  ask(desk, link);
}

/** Nothing is to come any more. */
function hangUp(desk: Desk, link: InLink): void {
  const { self, tell } = desk.options;
  if (link.session > 0) {
    desk.sessions.delete(link.session);
    tell(link.owner, { k: "leave", from: self, session: link.session });
    link.session = 0;
    link.staged = [];
    link.queue = [];
    link.isFull = false;
    link.afterwards.forEach((done) => done());
  }
}

function hear(desk: Desk, link: InLink, following: Following, message: layout.Message): void {
  const { clock, counters } = desk.options;
  const { flags, number, payload } = message;
  if (message.epoch !== link.stream.epoch) {
    return;
  }
  const isStart = (flags & layout.START) !== 0;
  const isNext = number === link.number && (number > 0 || isStart);
  const fits = isStart || message.offset === link.at;
  counters.messagesIn++;
  if (!isNext || !fits) {
    counters.gaps++;
    link.gaps++;
    resync(desk, link);
    return;
  }
  link.number++;
  link.heardAt = clock.now();
  link.lag = Math.max(Date.now() - message.sent, 0);
  if (isStart) {
    start(link, following, message);
  } else if ((flags & layout.FORMAT) !== 0) {
    following.format(formatOf(message.format));
  }
  if ((flags & layout.BLOB) !== 0) {
    keepBlob(link, payload);
  } else if (payload.length > 0) {
    counters.bytesIn += payload.length;
    take(link, following, payload, (flags & layout.MORE) !== 0);
  }
  message.frames.forEach((offset) => following.frame(offset));
  if ((flags & layout.JOIN) !== 0) {
    join(link, following, message);
  }
  confirm(desk, link, CONFIRM_BYTES);
  if ((flags & layout.FINAL) !== 0) {
    link.isFinal = true;
    endIfOver(link);
  }
}

function start(link: InLink, following: Following, message: layout.Message): void {
  const { flags, offset } = message;
  if (offset !== link.at) {
    // What waits for room here goes first: nothing of it comes again. Room made calls `refill`.
    for (let left = link.queue.length; left >= 0 && link.isFull; left--) {
      following.settle();
    }
  }
  const isClean = (flags & layout.CLEAN) !== 0;
  const format = (flags & layout.FORMAT) === 0 ? undefined : formatOf(message.format);
  const isOn = offset === link.at && link.isFull;
  link.at = offset;
  link.confirmed = offset;
  if (!isOn) {
    link.isFull = false;
    following.begin({ offset, clean: isClean, format });
  }
}

/** Hands bytes to the hub, once all are there that were sent together. */
function take(link: InLink, following: Following, bytes: Uint8Array, more: boolean): void {
  link.at += bytes.length;
  link.staged.push(bytes);
  if (more && lengthOf(link.staged) < LINK_WINDOW_BYTES) {
    return;
  }
  const { staged } = link;
  link.staged = [];
  for (const each of staged) {
    if (link.isFull) {
      link.queue.push(each);
    } else {
      link.isFull = !following.take(each);
    }
  }
}

/** The hub has room again. */
function refill(desk: Desk, link: InLink): void {
  const { following } = link;
  link.isFull = false;
  if (following === null) {
    return;
  }
  while (!link.isFull && link.queue.length > 0) {
    link.isFull = !following.take(link.queue.shift() ?? NOTHING);
  }
  confirm(desk, link, CONFIRM_BYTES);
  endIfOver(link);
}

/** Whether the hub has had all that there is. */
function isOver({ isFinal, isFull, queue }: InLink): boolean {
  return isFinal && !isFull && queue.length === 0;
}

function endIfOver(link: InLink): void {
  if (isOver(link)) {
    link.afterwards.forEach((done) => done());
  }
}

/** Calls `then` once the link is over, or has been quiet for `ms` milliseconds. */
function waitFor(clock: Clock, link: InLink, ms: number, then: () => void): void {
  const timer = { cancel: () => {} };
  const done = (): void => {
    if (link.afterwards.delete(done)) {
      timer.cancel();
      then();
    }
  };
  const watch = (): void => {
    const left = link.heardAt + ms - clock.now();
    timer.cancel = clock.after(Math.max(left, 1), () => (left > 1 ? watch() : done()));
  };
  link.afterwards.add(done);
  timer.cancel = clock.after(ms, watch);
}

/** Says what has come, where that is `least` bytes more than was said last. */
function confirm({ options }: Desk, link: InLink, least: number): void {
  const { at, confirmed, isFull, owner, session } = link;
  if (session > 0 && !isFull && at - confirmed >= least) {
    link.confirmed = at;
    options.tell(owner, { k: "taken", from: options.self, session, at });
  }
}

function keepBlob(link: InLink, part: Uint8Array): void {
  if (lengthOf(link.blob) <= 2 * SETUP_MAX_BYTES) {
    link.blob.push(part);
  }
}

function join(link: InLink, following: Following, message: layout.Message): void {
  const { last } = link;
  const isSame = message.setup === layout.SAME;
  const blob = concatBytes(...link.blob);
  link.blob = [];
  if (isSame ? last === null : blob.length !== message.setup + message.splice) {
    return;
  }
  const told = layout.joinOf(message, blob);
  const point =
    isSame && last !== null ? { ...last, offset: told.offset, clean: told.clean } : told;
  link.last = point;
  following.join(point, (message.flags & layout.COPIED) !== 0);
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** A format that this version does not know has no frames that it knows. */
export function formatOf(name: string): Known {
  return isFormat(name) ? name : "unknown";
}
