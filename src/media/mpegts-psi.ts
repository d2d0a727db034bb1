/**
 * The tables of an MPEG-2 transport stream that say what its packets carry (ISO/IEC 13818-1,
 * section 2.4.4):
 *
 *     program association table (PAT), always on PID 0
 *       ├─ program 1 → PID of its program map table (PMT)
 *       │                ├─ stream type 0x1b (H.264) → PID
 *       │                └─ stream type 0x0f (AAC)   → PID
 *       └─ program 2 → …
 *
 * A table comes in sections, which begin anywhere in a packet and may go on over several:
 *
 *     table id │ flags, length │ program │ version, current? │ number, last │ entries │ CRC-32
 *        8     │     4 + 12    │    16   │    2 + 5 + 1      │     8 + 8    │         │   32
 */
import { readUint16 } from "../core/bytes.ts";
import { NOTHING } from "./scanner.ts";

/** Bytes of a whole PAT or PMT section at most (sections 2.4.4.3 and 2.4.4.8). */
const SECTION_MAX_BYTES = 1024;

/** Bytes up to the entries of a PAT, and of the CRC-32 at the end of every section. */
const PAT_HEAD_BYTES = 8;
const PMT_HEAD_BYTES = 12;
const CRC_BYTES = 4;

/** Programs that are followed. A satellite transponder carries some twenty. */
export const PROGRAMS_MAX = 48;

/** PIDs 0 to 15 are tables of fixed places, and 8191 is what fills a constant rate. */
const PID_MIN = 16;
const PID_MAX = 8190;

/** Puts together the sections of one PID. */
export interface SectionReader {
  readonly section: Uint8Array;
  /** Bytes of the section that have come, or -1 where none has begun. */
  have: number;
}

export interface Elementary {
  readonly pid: number;
  /** The stream type (table 2-34). */
  readonly type: number;
}

export interface Program {
  readonly number: number;
  /** The PID of its PMT. */
  readonly pid: number;
  /** The section of its PMT, empty until it has come. */
  readonly section: Uint8Array;
  readonly streams: readonly Elementary[];
}

/** What the newest tables say. Replaced and not changed. */
export interface Tables {
  readonly pat: Uint8Array;
  /** In the order of the PAT. */
  readonly programs: readonly Program[];
}

export const NO_TABLES: Tables = { pat: NOTHING, programs: [] };

export function newSectionReader(): SectionReader {
  return { section: new Uint8Array(SECTION_MAX_BYTES), have: -1 };
}

/**
 * Feeds a packet's payload, the bytes `from` to `to`, and calls `take` for every section that is
 * complete and sound. What it is given is overwritten by the next one.
 */
export function readSections(
  reader: SectionReader,
  bytes: Uint8Array,
  from: number,
  to: number,
  isStart: boolean,
  take: (section: Uint8Array) => void,
): void {
  if (!isStart) {
    append(reader, bytes, from, to, take);
    return;
  }
  const first = from + 1 + bytes[from]!;
  append(reader, bytes, from + 1, Math.min(first, to), take);
  for (let at = first; at < to;) {
    // Behind the last section a packet is filled with 0xff, which is no table's identifier.
    reader.have = bytes[at] === 0xff ? -1 : 0;
    if (reader.have === -1) {
      return;
    }
    at = append(reader, bytes, at, to, take);
  }
}

/** Adds to the section that has begun. Returns where the packet goes on. */
function append(
  reader: SectionReader,
  bytes: Uint8Array,
  from: number,
  to: number,
  take: (section: Uint8Array) => void,
): number {
  for (let at = from; reader.have >= 0 && at < to;) {
    const { section, have } = reader;
    const length = have < 3 ? 3 : 3 + (readUint16(section, 1) & 0x0fff);
    if (length > SECTION_MAX_BYTES) {
      reader.have = -1;
      return to;
    }
    const count = Math.min(length - have, to - at);
    section.set(bytes.subarray(at, at + count), have);
    at += count;
    reader.have += count;
    if (reader.have === length && length === 3 + (readUint16(section, 1) & 0x0fff)) {
      reader.have = -1;
      takeSound(section.subarray(0, length), take);
      return at;
    }
  }
  return to;
}

function takeSound(section: Uint8Array, take: (section: Uint8Array) => void): void {
  if (section.length >= PAT_HEAD_BYTES + CRC_BYTES && crc32(section) === 0) {
    take(section);
  }
}

/** The tables as they are once `section` has come on `pid`: the same ones where it tells nothing new. */
export function withSection(tables: Tables, pid: number, section: Uint8Array): Tables {
  const isCurrent = (section[5]! & 1) === 1;
  const hasSyntax = (section[1]! & 0x80) !== 0;
  // A PAT of several sections would name more than 250 programs: only the first section counts.
  if (!isCurrent || !hasSyntax || section[6] !== 0) {
    return tables;
  }
  if (pid === 0) {
    return section[0] === 0 ? withPat(tables, section) : tables;
  }
  return section[0] === 2 ? withPmt(tables, pid, section) : tables;
}

function withPat(tables: Tables, section: Uint8Array): Tables {
  if (sameBytes(tables.pat, section)) {
    return tables;
  }
  const programs: Program[] = [];
  const end = section.length - CRC_BYTES;
  for (let at = PAT_HEAD_BYTES; at + 4 <= end && programs.length < PROGRAMS_MAX; at += 4) {
    const number = readUint16(section, at);
    const pid = readUint16(section, at + 2) & 0x1fff;
    // Number 0 is no program: it names the PID of the network's own table.
    if (number !== 0 && isFree(pid) && programs.every((program) => program.number !== number)) {
      const known = tables.programs.find((old) => old.number === number && old.pid === pid);
      programs.push(known ?? { number, pid, section: NOTHING, streams: [] });
    }
  }
  return { pat: section.slice(), programs };
}

function withPmt(tables: Tables, pid: number, section: Uint8Array): Tables {
  const number = readUint16(section, 3);
  const index = tables.programs.findIndex((old) => old.number === number && old.pid === pid);
  const known = tables.programs[index];
  if (known === undefined || sameBytes(known.section, section)) {
    return tables;
  }
  const program = { number, pid, section: section.slice(), streams: streamsOf(section) };
  return { pat: tables.pat, programs: tables.programs.with(index, program) };
}

/** The streams of a PMT, and last the PID of its clock where that carries nothing else. */
function streamsOf(section: Uint8Array): Elementary[] {
  const streams: Elementary[] = [];
  const end = section.length - CRC_BYTES;
  if (end < PMT_HEAD_BYTES) {
    return streams;
  }
  let at = PMT_HEAD_BYTES + (readUint16(section, 10) & 0x0fff);
  while (at + 5 <= end) {
    const pid = readUint16(section, at + 1) & 0x1fff;
    if (isFree(pid)) {
      streams.push({ pid, type: section[at]! });
    }
    at += 5 + (readUint16(section, at + 3) & 0x0fff);
  }
  const clock = readUint16(section, 8) & 0x1fff;
  if (isFree(clock) && streams.every(({ pid }) => pid !== clock)) {
    streams.push({ pid: clock, type: 0 });
  }
  return streams;
}

function isFree(pid: number): boolean {
  return pid >= PID_MIN && pid <= PID_MAX;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The CRC-32 of annex A of ISO/IEC 13818-1, which is 0 over a section that ends in its own. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of bytes) {
    crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24;
  for (let bit = 0; bit < 8; bit++) {
    crc = (crc << 1) ^ (crc < 0 ? 0x04_c1_1d_b7 : 0);
  }
  return crc;
});
