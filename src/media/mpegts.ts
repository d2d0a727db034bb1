/**
 * MPEG-2 transport stream: packets of 188 bytes (ISO/IEC 13818-1, section 2.4.3.2).
 *
 *     0x47 │ error, start, priority │ PID │ scrambling, adaptation field, payload │ counter
 *       8  │        1 + 1 + 1       │  13 │              2 + 1 + 1                │    4
 *
 *     ┌──────┬──────────────────────────┬─────────────────────────────────────────┐
 *     │ head │ adaptation field: length,│ payload: part of a PES packet, which    │
 *     │  4   │ flags, clock, stuffing   │ begins here where "start" is set, or of │
 *     │      │                          │ a table                                 │
 *     └──────┴──────────────────────────┴─────────────────────────────────────────┘
 *
 * This file finds the packets; what they carry is in mpegts-streams.ts. The stream may begin
 * anywhere, and where it loses its rhythm the search for it begins again.
 */
import { newStreams, takePacket, type Streams } from "./mpegts-streams.ts";
import { PACKET_BYTES } from "./mpegts-splice.ts";
import type { Marks, Scanner } from "./scanner.ts";

const SYNC = 0x47;

/** Sync bytes in a row that are believed: chance makes five of them once in a trillion. */
const SYNCS = 5;

/** Bytes in which that many stand. */
const RHYTHM_BYTES: number = (SYNCS - 1) * PACKET_BYTES + 1;

/**
 * Bytes without a rhythm after which the stream counts as none of its kind: a second of good video,
 * and more than any network loses of a stream that goes on.
 */
const SEARCH_MAX_BYTES: number = 1024 * 1024;

interface Rhythm {
  readonly streams: Streams;
  /** The absolute offset of the first byte that is not done with. */
  offset: number;
  /** Whether a packet begins there. */
  isSure: boolean;
  /** Bytes that were searched in vain since a packet was found. */
  searched: number;
  /** What a chunk's end leaves over: at most what one search needs, and as much again to go on. */
  readonly carry: Uint8Array;
  have: number;
}

/** The scanner of a transport stream, which finds its first packet by itself. */
export function newMpegTsScanner(marks: Marks, start: number): Scanner {
  const streams = newStreams(marks);
  const carry = new Uint8Array(2 * RHYTHM_BYTES);
  const state: Rhythm = { streams, offset: start, isSure: false, searched: 0, carry, have: 0 };
  return { scan: (chunk) => scan(state, chunk) };
}

function scan(state: Rhythm, chunk: Uint8Array): boolean {
  const { carry } = state;
  let from = 0;
  while (state.have > 0) {
    const { have } = state;
    const room = (state.isSure ? PACKET_BYTES : carry.length) - have;
    const added = Math.min(room, chunk.length - from);
    carry.set(chunk.subarray(from, from + added), have);
    from += added;
    const done = advance(state, carry, 0, have + added);
    if (done < have) {
      carry.copyWithin(0, done, have + added);
      state.have = have + added - done;
      if (from === chunk.length) {
        return state.searched <= SEARCH_MAX_BYTES;
      }
    } else {
      // What is left lies in the chunk as well.
      from -= have + added - done;
      state.have = 0;
    }
  }
  const done = advance(state, chunk, from, chunk.length);
  carry.set(chunk.subarray(done), 0);
  state.have = chunk.length - done;
  return state.searched <= SEARCH_MAX_BYTES;
}

/**
 * Takes what it can of the bytes `from` to `to`, and returns where the rest begins: less than a packet,
 * or less than a search needs.
 */
function advance(state: Rhythm, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  for (;;) {
    if (state.isSure) {
      at = takePackets(state, bytes, at, to);
    }
    if (state.isSure || to - at < RHYTHM_BYTES || state.searched > SEARCH_MAX_BYTES) {
      return Math.max(at, to - RHYTHM_BYTES);
    }
    at = search(state, bytes, at, to);
  }
}

function takePackets(state: Rhythm, bytes: Uint8Array, from: number, to: number): number {
  const shift = state.offset - from;
  let at = from;
  while (at + PACKET_BYTES <= to && state.isSure) {
    if (bytes[at] === SYNC) {
      takePacket(state.streams, bytes, at, at + shift);
      at += PACKET_BYTES;
    } else {
      state.isSure = false;
    }
  }
  state.offset = at + shift;
  return at;
}

/** Looks for a packet, and returns where it begins, or else where the search goes on. */
function search(state: Rhythm, bytes: Uint8Array, from: number, to: number): number {
  const last = to - RHYTHM_BYTES;
  let at = from;
  while (at <= last && !hasRhythm(bytes, at)) {
    const next = bytes.indexOf(SYNC, at + 1);
    at = next === -1 ? last + 1 : Math.min(next, last + 1);
  }
  state.searched += at - from;
  state.offset += at - from;
  if (at <= last && state.searched <= SEARCH_MAX_BYTES) {
    state.isSure = true;
    state.searched = 0;
  }
  return at;
}

function hasRhythm(bytes: Uint8Array, at: number): boolean {
  for (let packet = 0; packet < SYNCS; packet++) {
    if (bytes[at + packet * PACKET_BYTES] !== SYNC) {
      return false;
    }
  }
  return true;
}
