/**
 * Broadcasts whose broadcaster is here, and the links by which they go to other nodes. A link is a tap
 * (hub/tap.ts): a watcher that is behind like any other, waits for its turn like any other, and is left
 * behind like any other.
 *
 *     ring ──fan-out──► tap ─► sink ── as much as the window and NATS allow ──► messages
 *                        ▲                                                        │
 *                        └───── drained ◄── taken (a node) ◄── room (NATS) ◄──────┘
 *
 * Invariant of a link: `confirmed` ≤ `at`, and `at - confirmed` ≤ LINK_WINDOW_BYTES.
 */
import type { Clock } from "../core/clock.ts";
import { FIRST_ASK_MS, LINK_WINDOW_BYTES, MESSAGE_FRAMES } from "../core/limits.ts";
import { takeInHeld } from "../hub/intake.ts";
import { firstFrameFrom, offsetAt } from "../hub/marks.ts";
import type { Broadcast, Channel } from "../hub/model.ts";
import type { Sink } from "../hub/sink.ts";
import { tapAt, type Tap } from "../hub/tap.ts";
import { NOTHING, type JoinPoint } from "../media/scanner.ts";
import type { ClusterCounters } from "./figures.ts";
import * as layout from "./layout.ts";
import type { Stream, ToOne } from "./words.ts";

/** A broadcast of ours. */
export interface Own {
  readonly channel: Channel;
  readonly broadcast: Broadcast;
  stream: Stream;
  /** Whether no more bytes come. */
  isFinished: boolean;
  /** By the node that they lead to. */
  readonly links: Map<string, OutLink>;
}

/** The way of one broadcast to one node. */
export interface OutLink {
  readonly handle: number;
  readonly own: Own;
  readonly follower: string;
  readonly session: number;
  readonly subject: string;
  /** Null once the hub has closed it. */
  tap: Tap | null;
  /** The number of the next message. */
  number: number;
  /** The absolute offset of the next byte to send, and of the first that is not confirmed. */
  at: number;
  confirmed: number;
  /** The last frame, join point, format, set-up and splice that it was told. */
  frame: number;
  join: number;
  format: string;
  setup: Uint8Array | null;
  splice: Uint8Array | null;
  /** Whether it was refused bytes, and is to be told when there is room. */
  waits: boolean;
  /** Whether it was told that no more bytes come. */
  ended: boolean;
}

/** What leading needs of the world. */
export interface LeadOptions {
  readonly clock: Clock;
  readonly counters: ClusterCounters;
  /** Bytes of a stream that a message may have. */
  readonly most: () => number;
  /** Whether NATS takes more. */
  readonly ready: () => boolean;
  readonly publish: (subject: string, message: Uint8Array) => void;
  readonly tell: (node: string, word: ToOne) => void;
  /** This node. */
  readonly self: string;
  readonly subjectOf: (stream: Stream, node: string) => string;
}

export interface Lead {
  /** A broadcast begins: others have FIRST_ASK_MS to ask for all of it, from the first byte on. */
  reserve(own: Own): void;
  /** A node asks for a broadcast. */
  follow(own: Own, word: Extract<ToOne, { k: "follow" }>): void;
  taken(follower: string, session: number, at: number): void;
  /** A node wants a broadcast no longer. */
  leave(follower: string, session: number): void;
  /** A node is lost, and with it all links to it. */
  lost(follower: string): void;
  /** NATS takes bytes again. */
  room(): void;
  /** Something has become known of a broadcast. */
  noticed(own: Own): void;
  /** No more bytes come. */
  finish(own: Own): void;
}

/** What leading keeps. */
interface Desk {
  readonly options: LeadOptions;
  readonly links: Map<number, OutLink>;
  /** The same by the node and its number of the session. */
  readonly sessions: Map<string, OutLink>;
  readonly sink: Sink;
  handles: number;
}

export function newLead(options: LeadOptions): Lead {
  const links = new Map<number, OutLink>();
  const sink: Sink = {
    write(handle, buffer, offset, length) {
      const link = links.get(handle);
      return link === undefined ? -1 : send(desk, link, buffer, offset, length);
    },
  };
  const sessions = new Map<string, OutLink>();
  const desk: Desk = { options, links, sessions, sink, handles: 0 };
  const { clock } = options;
  return {
    reserve: (own) => reserve(clock, own),
    follow: (own, word) => follow(desk, own, word),
    taken(follower, session, at) {
      const link = sessions.get(sessionOf({ follower, session }));
      if (link !== undefined && at > link.confirmed && at <= link.at) {
        link.confirmed = at;
        goOn(desk, link);
      }
    },
    leave(follower, session) {
      const link = sessions.get(sessionOf({ follower, session }));
      if (link !== undefined) {
        close(desk, link);
      }
    },
    lost(follower) {
      [...links.values()]
        .filter((link) => link.follower === follower)
        .forEach((link) => close(desk, link));
    },
    room() {
      [...links.values()].forEach((link) => goOn(desk, link));
    },
    noticed: (own) => own.links.forEach((link) => sendMarks(desk, link)),
    finish(own) {
      own.isFinished = true;
      own.links.forEach((link) => goOn(desk, link));
    },
  };
}

/** Takes no byte, and so keeps every one from being overwritten. */
const IDLE: Sink = { write: () => 0 };

function reserve(clock: Clock, { broadcast, channel }: Own): void {
  const attendant = { admitted: () => {}, close: () => {} };
  const tap = tapAt(channel, broadcast, 0, () => ({ sink: IDLE, handle: 0, attendant }));
  clock.after(FIRST_ASK_MS, () => {
    tap.leave();
    takeInHeld(broadcast);
  });
}

/** Begins a link: where the node has stopped if that is still there, else at the newest join point. */
function follow(desk: Desk, own: Own, word: Extract<ToOne, { k: "follow" }>): void {
  const { options } = desk;
  const { broadcast, channel, links, stream } = own;
  const { at, from: follower, session } = word;
  const { marks, scan } = broadcast;
  const former = links.get(follower);
  if (former !== undefined) {
    close(desk, former);
  }
  const offset = placeFor(broadcast, word);
  const link: OutLink = {
    handle: desk.handles++,
    own,
    follower,
    session,
    subject: options.subjectOf(stream, follower),
    tap: null,
    number: 0,
    at: offset,
    confirmed: offset,
    frame: offset - 1,
    join: -1,
    format: formatOf(broadcast),
    setup: null,
    splice: null,
    waits: false,
    ended: false,
  };
  desk.links.set(link.handle, link);
  desk.sessions.set(sessionOf(link), link);
  links.set(follower, link);
  const isClean = at === 0 || (at > 0 && offsetAt(marks, firstFrameFrom(marks, at)) === at);
  const named = scan.format === undefined ? 0 : layout.FORMAT;
  post(desk, link, { flags: layout.START | named | (isClean ? layout.CLEAN : 0) });
  if (at >= 0 && offset !== at) {
    options.counters.skips++;
  }
  if (marks.eldest !== null && marks.eldest !== marks.newest && marks.eldest.offset >= offset) {
    sendJoin(desk, link, marks.eldest);
  }
  sendMarks(desk, link);
  tapAt(channel, broadcast, offset, (tap) => {
    link.tap = tap;
    return {
      sink: desk.sink,
      handle: link.handle,
      attendant: {
        admitted: () => {},
        close(why) {
          link.tap = null;
          if (why === null) {
            sendEnd(desk, link);
          } else {
            options.tell(follower, { k: "lapsed", from: options.self, session });
          }
          close(desk, link);
        },
      },
    };
  });
  sendEnd(desk, link);
}

function sessionOf({ follower, session }: Pick<OutLink, "follower" | "session">): string {
  return `${follower}/${session}`;
}

function placeFor(
  { marks, ring }: Broadcast,
  { at, whole }: { at: number; whole: boolean },
): number {
  if (at >= ring.tail && at <= ring.head) {
    return at;
  }
  const isAllThere = ring.tail === 0;
  if (whole && isAllThere) {
    return 0;
  }
  return marks.newest?.offset ?? (isAllThere ? 0 : ring.head);
}

/** Sends what may be sent of `length` bytes, and returns how many that are. */
function send(desk: Desk, link: OutLink, buffer: Uint8Array, from: number, length: number): number {
  const { counters, most, ready } = desk.options;
  const room = Math.min(length, LINK_WINDOW_BYTES - (link.at - link.confirmed));
  if (room <= 0 || !ready()) {
    link.waits = true;
    return 0;
  }
  const { ring } = link.own.broadcast;
  // The ring's end: the rest follows at once, by another call.
  const isCut = room === length && link.at + length < ring.head;
  const piece = most();
  for (let done = 0; done < room;) {
    const count = Math.min(piece, room - done);
    const more = done + count < room || isCut ? layout.MORE : 0;
    sendJoins(desk, link);
    post(desk, link, { flags: more, frames: newFrames(link) }, buffer, from + done, count);
    link.at += count;
    done += count;
  }
  counters.bytesOut += room;
  link.waits = room < length;
  return room;
}

/** Tells what the scanner has found that no bytes are left to go with. */
function sendMarks(desk: Desk, link: OutLink): void {
  sendJoins(desk, link);
  for (let frames = newFrames(link); frames.length > 0; frames = newFrames(link)) {
    post(desk, link, { flags: 0, frames });
  }
}

function sendJoins(desk: Desk, link: OutLink): void {
  const { broadcast } = link.own;
  const format = formatOf(broadcast);
  if (format !== link.format) {
    link.format = format;
    post(desk, link, { flags: layout.FORMAT });
  }
  const { newest } = broadcast.marks;
  if (newest !== null && newest.offset > link.join) {
    sendJoin(desk, link, newest);
  }
}

function sendJoin(desk: Desk, link: OutLink, point: JoinPoint): void {
  const { clean, offset, setup, splice } = point;
  const isSame = same(setup, link.setup) && same(splice, link.splice);
  if (!isSame) {
    sendBlob(desk, link, setup);
    sendBlob(desk, link, splice);
    link.setup = setup;
    link.splice = splice;
  }
  link.join = offset;
  const copied = link.own.broadcast.copy === null ? 0 : layout.COPIED;
  post(desk, link, {
    flags: layout.JOIN | copied | (clean ? layout.CLEAN : 0),
    join: offset,
    setup: isSame ? layout.SAME : setup.length,
    splice: splice.length,
  });
}

function same(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && (a === b || (a.length === b.length && Buffer.compare(a, b) === 0));
}

function sendBlob(desk: Desk, link: OutLink, bytes: Uint8Array): void {
  const piece = desk.options.most();
  for (let from = 0; from < bytes.length; from += piece) {
    post(desk, link, { flags: layout.BLOB }, bytes, from, Math.min(piece, bytes.length - from));
  }
}

/** Starts of frames that were found since the last call, as many as a message takes. */
function newFrames(link: OutLink): number[] {
  const { marks } = link.own.broadcast;
  const first = firstFrameFrom(marks, link.frame + 1);
  const frames: number[] = [];
  for (let place = first; place < marks.count && frames.length < MESSAGE_FRAMES; place++) {
    link.frame = offsetAt(marks, place);
    frames.push(link.frame);
  }
  return frames;
}

/** The last word of a broadcast, once all its bytes are sent. */
function sendEnd(desk: Desk, link: OutLink): void {
  const { own, tap } = link;
  const isAllSent = tap === null || (own.isFinished && tap.cursor() >= own.broadcast.ring.head);
  if (isAllSent && !link.ended) {
    link.ended = true;
    sendMarks(desk, link);
    post(desk, link, { flags: layout.FINAL });
  }
}

function goOn(desk: Desk, link: OutLink): void {
  if (link.waits) {
    link.waits = false;
    link.tap?.drained();
  }
  sendEnd(desk, link);
}

function close(desk: Desk, link: OutLink): void {
  desk.links.delete(link.handle);
  desk.sessions.delete(sessionOf(link));
  if (link.own.links.get(link.follower) === link) {
    link.own.links.delete(link.follower);
  }
  link.tap?.leave();
}

/** Sends one message, with what `said` says of it. */
function post(
  { options }: Desk,
  link: OutLink,
  said: { readonly flags: number } & Partial<layout.MessageHead>,
  bytes: Uint8Array = NOTHING,
  from: number = 0,
  length: number = 0,
): void {
  const head: layout.MessageHead = {
    session: link.session,
    number: link.number++,
    epoch: link.own.stream.epoch,
    offset: link.at,
    sent: Date.now(),
    frames: [],
    format: (said.flags & layout.FORMAT) === 0 ? "" : link.format,
    join: 0,
    setup: 0,
    splice: 0,
    ...said,
  };
  options.counters.messagesOut++;
  options.publish(link.subject, layout.writeMessage(head, bytes, from, length));
}

function formatOf({ scan }: Broadcast): string {
  return scan.format ?? "";
}
