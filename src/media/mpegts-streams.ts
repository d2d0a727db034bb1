/**
 * The streams within a transport stream: which PIDs they have, where their PES packets begin and end,
 * and where a watcher may stop and start.
 *
 *     video   ┌─────────────┐             ┌──────────       PES packets, each over many transport
 *             │ picture     │             │ picture         packets; a picture's length is often
 *             └─────────────┘             └──────────       not given
 *     sound                  ┌─────┐┌─────┐
 *                            │     ││     │
 *                            └─────┘└─────┘
 *             ▲                           ▲
 *             frame                       frame: a picture begins, and no other PES packet is open
 *
 * One stream leads: the first video, or where there is none the first sound. Its PES packets are the
 * frames. What belongs to no followed program costs a look at its PID.
 */
import { concatBytes } from "../core/bytes.ts";
import { PES_HEAD_BYTES, readBeginning, UNREADABLE, type Beginning } from "./mpegts-access.ts";
import {
  NO_TABLES,
  readSections,
  withSection,
  type SectionReader,
  type Tables,
} from "./mpegts-psi.ts";
import {
  PACKET_BYTES,
  SPLICE_PES_MAX_BYTES,
  splicePackets,
  type SplicePart,
} from "./mpegts-splice.ts";
import { goOnMissing, missingOf, newFollowed, type Followed } from "./mpegts-pes.ts";
import { NOTHING, type Marks } from "./scanner.ts";

/** PIDs that are followed, tables included: what a byte tells apart. A transponder has a hundred. */
const FOLLOWED_MAX = 255;

/**
 * Bytes of a PES packet of video in which its first slice is looked for. Parameter sets and the texts
 * that encoders write of themselves take up to 2,500.
 */
const HEAD_MAX_BYTES: number = 32 * (PACKET_BYTES - 4);

/**
 * Pictures in a row that begin within other PES packets, of which the last is a frame nonetheless: a
 * third of a second. Where a multiplexer mixes sound and pictures packet by packet, a watcher that is
 * too slow hears one broken sound, and need not wait for longer.
 */
const MIXED_PICTURES = 8;

/**
 * PES packets of sound without a picture between them after which the sound leads: at least ten
 * seconds of it.
 */
const SOUND_ALONE = 512;

/** A splice takes memory: no more than this part of the stream. */
const SPLICE_SHARE: number = 1 / 4;

/** Stream types of video and of sound (table 2-34, and those of ATSC, AVS and SMPTE). */
const VIDEO: ReadonlySet<number> = new Set([
  0x01, 0x02, 0x10, 0x1b, 0x21, 0x24, 0x32, 0x33, 0x42, 0xd1, 0xd2, 0xd4, 0xea,
]);
const SOUND: ReadonlySet<number> = new Set([
  0x03, 0x04, 0x0f, 0x11, 0x1c, 0x2d, 0x2e, 0x81, 0x83, 0x84, 0x87,
]);

/**
 * PIDs of DVB's service information (EN 300 468, section 5.1.3): networks, services, events, time.
 * Only their counters matter.
 */
const INFORMATION_PIDS: readonly number[] = [0x10, 0x11, 0x12, 0x14];

/** The stream type of what a descriptor says, such as Opus or subtitles. */
const PRIVATE = 0x06;

/** A PES packet of the leading stream of which it is not yet known what it begins with. */
interface Opening {
  /** The absolute offset of its first packet, or -1 where there is none. */
  offset: number;
  isFlagged: boolean;
  /** Whether no other PES packet is open there. */
  isAlone: boolean;
  readonly head: Buffer;
  length: number;
}

export interface Streams {
  readonly marks: Marks;
  tables: Tables;
  /** By PID: one more than the place in `followed`, or 0. */
  readonly places: Uint8Array;
  /** The PAT's PID, then those of the PMTs, then the elementary ones. */
  followed: readonly Followed[];
  video: Followed | undefined;
  sound: Followed | undefined;
  soundSinceVideo: number;
  readonly opening: Opening;
  /** Pictures in a row that were no frames. */
  unmarked: number;
  /** The offset from which on there may be another join point. */
  nextJoin: number;
}

export function newStreams(marks: Marks): Streams {
  const head = Buffer.alloc(HEAD_MAX_BYTES);
  const streams: Streams = {
    marks,
    tables: NO_TABLES,
    places: new Uint8Array(8192),
    followed: [],
    video: undefined,
    sound: undefined,
    soundSinceVideo: 0,
    opening: { offset: -1, isFlagged: false, isAlone: false, head, length: 0 },
    unmarked: 0,
    nextJoin: 0,
  };
  follow(streams);
  return streams;
}

/** Takes the packet that stands at `at` in `bytes`, and at the absolute `offset` in the stream. */
export function takePacket(streams: Streams, bytes: Uint8Array, at: number, offset: number): void {
  const second = bytes[at + 1]!;
  const place = streams.places[((second & 0x1f) << 8) | bytes[at + 2]!]!;
  // The first bit says that the packet is damaged.
  if (place === 0 || (second & 0x80) !== 0) {
    return;
  }
  const followed = streams.followed[place - 1]!;
  const fourth = bytes[at + 3]!;
  const counter = fourth & 15;
  if ((fourth & 0x10) === 0) {
    followed.counter = (fourth & 0x20) === 0 ? followed.counter : counter;
    return;
  }
  const field = (fourth & 0x20) === 0 ? 0 : 1 + bytes[at + 4]!;
  const flags = field > 1 ? bytes[at + 5]! : 0;
  if (field > PACKET_BYTES - 5 || isRepetition(followed, counter, flags)) {
    return;
  }
  if (followed.reader !== undefined) {
    followed.counter = counter;
    takeTable(streams, followed, followed.reader, bytes, at, field);
  } else if ((second & 0x40) === 0) {
    goOn(streams, followed, bytes, at, field);
  } else {
    begin(streams, followed, bytes, at, offset);
  }
}

/**
 * A packet may be sent twice (section 2.4.3.3), with the same counter and no jump announced. A third
 * one is none, so that a stream whose counters stand still is followed as far as can be.
 */
function isRepetition(followed: Followed, counter: number, flags: number): boolean {
  followed.isRepeated =
    counter === followed.counter && (flags & 0x80) === 0 && !followed.isRepeated;
  return followed.isRepeated;
}

// --- Tables ---

function takeTable(
  streams: Streams,
  followed: Followed,
  reader: SectionReader,
  bytes: Uint8Array,
  at: number,
  field: number,
): void {
  const isStart = (bytes[at + 1]! & 0x40) !== 0;
  readSections(reader, bytes, at + 4 + field, at + PACKET_BYTES, isStart, (section) => {
    const tables = withSection(streams.tables, followed.pid, section);
    if (tables !== streams.tables) {
      // The picture that is being looked at began under the tables that were.
      settle(streams, UNREADABLE);
      streams.tables = tables;
      follow(streams);
    }
  });
}

/** Follows what the tables name. A PID that goes on with the same type keeps its state. */
function follow(streams: Streams): void {
  const { tables, places } = streams;
  const known = streams.followed;
  const next: Followed[] = [];
  places.fill(0);
  const add = (pid: number, type: number, isTable: boolean): void => {
    if (places[pid] !== 0 || next.length >= FOLLOWED_MAX) {
      return;
    }
    const same = known.find(
      (old) => old.pid === pid && old.type === type && (old.reader !== undefined) === isTable,
    );
    places[pid] = next.push(same ?? newFollowed(pid, type, isTable));
  };
  add(0, 0, true);
  for (const program of tables.programs) {
    add(program.pid, 0, true);
  }
  for (const { pid, type } of tables.programs.flatMap((program) => program.streams)) {
    add(pid, type, false);
  }
  for (const pid of INFORMATION_PIDS) {
    add(pid, 0, false);
  }
  streams.followed = next;
  streams.video = next.find(({ type }) => VIDEO.has(type));
  streams.sound =
    next.find(({ type }) => SOUND.has(type)) ?? next.find(({ type }) => type === PRIVATE);
  streams.soundSinceVideo = 0;
}

// --- PES packets ---

/** Takes a packet in which no PES packet begins. */
function goOn(
  streams: Streams,
  followed: Followed,
  bytes: Uint8Array,
  at: number,
  field: number,
): void {
  const counter = bytes[at + 3]! & 15;
  const isNext = counter === ((followed.counter + 1) & 15);
  followed.counter = counter;
  goOnMissing(followed, bytes, at, field);
  if (streams.opening.offset === -1 || followed !== streams.video) {
    return;
  }
  if (isNext) {
    look(streams, bytes, at + 4 + field, at + PACKET_BYTES);
  } else {
    settle(streams, UNREADABLE);
  }
}

/** Takes a packet in which a PES packet begins. */
function begin(
  streams: Streams,
  followed: Followed,
  bytes: Uint8Array,
  at: number,
  offset: number,
): void {
  const field = (bytes[at + 3]! & 0x20) === 0 ? 0 : 1 + bytes[at + 4]!;
  const leads = isLeading(streams, followed);
  if (leads) {
    settle(streams, UNREADABLE);
    const counter = bytes[at + 3]! & 15;
    open(streams, followed, offset, counter, field > 1 && (bytes[at + 5]! & 0x40) !== 0);
  }
  followed.counter = bytes[at + 3]! & 15;
  followed.missing = missingOf(bytes, at, field);
  if (leads && followed === streams.video) {
    look(streams, bytes, at + 4 + field, at + PACKET_BYTES);
  } else if (leads) {
    settle(streams, SOUND_BEGINS);
  }
}

/** Every PES packet of sound can be a start. */
const SOUND_BEGINS: Beginning = { isFrame: true, access: "yes", clean: true, ending: [] };

function isLeading(streams: Streams, followed: Followed): boolean {
  if (followed === streams.video) {
    streams.soundSinceVideo = 0;
    return true;
  }
  if (followed !== streams.sound) {
    return false;
  }
  streams.soundSinceVideo++;
  return streams.video === undefined || streams.soundSinceVideo > SOUND_ALONE;
}

// --- Frames and join points ---

/** Begins to look at a PES packet of the leading stream, and notes how things stand in front of it. */
function open(
  streams: Streams,
  leading: Followed,
  offset: number,
  counter: number,
  isFlagged: boolean,
): void {
  const { opening } = streams;
  opening.offset = offset;
  opening.isFlagged = isFlagged;
  opening.length = 0;
  opening.isAlone = true;
  for (const followed of streams.followed) {
    followed.counterBefore = followed.counter;
    opening.isAlone &&= followed === leading || followed.missing === 0;
  }
  if (leading.counter !== -1) {
    // What comes next is in order, even if something was lost in front of it.
    leading.counterBefore = (counter + 15) & 15;
  }
}

/** Looks at further bytes of the PES packet of video that is being looked at. */
function look(streams: Streams, bytes: Uint8Array, from: number, to: number): void {
  const { opening, video } = streams;
  const count = Math.min(to - from, HEAD_MAX_BYTES - opening.length);
  opening.head.set(bytes.subarray(from, from + count), opening.length);
  opening.length += count;
  const { head, length, isFlagged } = opening;
  const beginning = readBeginning(video?.type ?? 0, head, length, isFlagged);
  if (beginning !== undefined || opening.length === HEAD_MAX_BYTES) {
    settle(streams, beginning ?? UNREADABLE);
  }
}

/** Marks the PES packet that was being looked at, which begins with `beginning`. */
function settle(streams: Streams, beginning: Beginning): void {
  const { opening, marks } = streams;
  const { offset } = opening;
  opening.offset = -1;
  if (offset === -1) {
    return;
  }
  const isAccess = beginning.access === "flag" ? opening.isFlagged : beginning.access === "yes";
  const isJoin = isAccess && offset >= streams.nextJoin;
  // Who starts within other PES packets leaves their ends out, so that every start is a frame.
  const isWhole = opening.isAlone && beginning.isFrame;
  streams.unmarked++;
  if (isWhole || isJoin || streams.unmarked >= MIXED_PICTURES) {
    streams.unmarked = 0;
    marks.frame(offset);
  }
  if (isJoin) {
    join(streams, offset, beginning);
  }
}

function join(streams: Streams, offset: number, beginning: Beginning): void {
  const ending = endingPes(streams.opening, beginning.ending);
  const parts = streams.followed
    .filter(({ counterBefore }) => counterBefore !== -1)
    .map((followed) => partOf(streams, followed, ending));
  const { setup, splice } = splicePackets(parts);
  const isEnded = beginning.ending.length === 0 || ending.length > 0;
  streams.marks.join({ offset, setup, splice, clean: beginning.clean && isEnded });
  streams.nextJoin = offset + splice.length / SPLICE_SHARE;
}

/** What a PID adds to the splice at the PES packet that is being looked at. */
function partOf(streams: Streams, followed: Followed, ending: Uint8Array): SplicePart {
  const { pid, counterBefore: counter } = followed;
  if (followed.reader !== undefined) {
    const { pat, programs } = streams.tables;
    const maps = programs.filter((program) => program.pid === pid).map(({ section }) => section);
    return { pid, counter, sections: pid === 0 ? [pat] : maps.filter(({ length }) => length > 0) };
  }
  return followed === streams.video ? { pid, counter, pes: ending } : { pid, counter };
}

/**
 * A PES packet that carries `ending` at the time of the one that is being looked at: with the same
 * header, but for its length. Nothing where there is no ending, or no room.
 */
function endingPes(opening: Opening, ending: readonly number[]): Uint8Array {
  const headBytes = PES_HEAD_BYTES + opening.head[8]!;
  if (ending.length === 0 || headBytes + ending.length > SPLICE_PES_MAX_BYTES) {
    return NOTHING;
  }
  const pes = concatBytes(opening.head.subarray(0, headBytes), Uint8Array.from(ending));
  pes[4] = 0;
  pes[5] = pes.length - 6;
  return pes;
}
