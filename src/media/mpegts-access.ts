/**
 * What a PES packet of video begins with (ISO/IEC 13818-1, section 2.4.3.6), told from its first
 * bytes up to the first slice:
 *
 *     00 00 01 │ stream id │ length │ flags │ header length n │ n bytes │ video…
 *        24    │     8     │   16   │  16   │        8        │         │
 *
 *     H.264 (7.3.1)           00 00 01 │ 0, ref idc, type 5 bits
 *     H.265 (7.3.1.2)         00 00 01 │ 0, type 6 bits, layer 6 bits, temporal id 3 bits
 *     MPEG-2 video (6.2.1)    00 00 01 │ start code 8 bits
 */
import { readUint16 } from "../core/bytes.ts";

/** Bytes up to the optional part of a PES header. */
export const PES_HEAD_BYTES = 9;

/** What a PES packet begins with. */
export interface Beginning {
  /** False where it goes on with a picture that began in the PES packet before. */
  readonly isFrame: boolean;
  /** Whether a decoder can start here. Where the video cannot be read, the packet's flag decides. */
  readonly access: "yes" | "no" | "flag";
  /** Whether a decoder that goes on here shows no broken picture, once it has got `ending`. */
  readonly clean: boolean;
  /** What ends the video that such a decoder has had. */
  readonly ending: readonly number[];
}

const FRAME: Beginning = { isFrame: true, access: "no", clean: false, ending: [] };
const CONTINUES: Beginning = { ...FRAME, isFrame: false };
const CLOSED: Beginning = { ...FRAME, access: "yes", clean: true };
const OPEN: Beginning = { ...FRAME, access: "yes" };

/** What is neither one of the codecs known here nor in the clear. */
export const UNREADABLE: Beginning = { ...FRAME, access: "flag" };

const UNALIGNED: Beginning = { ...UNREADABLE, isFrame: false };

/**
 * A picture whose leading ones refer to what came before it. A decoder leaves those out behind an
 * end of sequence (H.265, section 8.1.3).
 */
const LEADING: Beginning = { ...CLOSED, ending: [0, 0, 1, 36 << 1, 1] };

const START_CODE = Buffer.from([0, 0, 1]);

/** Reads on from the start code at `at`: what the packet begins with, or undefined for more bytes. */
type Reader = (head: Buffer, length: number, isFlagged: boolean) => Beginning | undefined;

const READERS: ReadonlyMap<number, Reader> = new Map([
  [0x01, readMpeg2],
  [0x02, readMpeg2],
  [0x1b, readH264],
  [0x24, readH265],
]);

/**
 * What the PES packet begins with, of whose bytes the first `length` stand in `head`; undefined where
 * more of them are needed. `isFlagged` is whether the transport calls it a random access point.
 */
export function readBeginning(
  type: number,
  head: Buffer,
  length: number,
  isFlagged: boolean,
): Beginning | undefined {
  const read = READERS.get(type);
  if (read === undefined) {
    return UNREADABLE;
  }
  if (length < PES_HEAD_BYTES) {
    return undefined;
  }
  const isPes = head[0] === 0 && head[1] === 0 && head[2] === 1;
  // The marker bits 10, and no scrambling.
  if (!isPes || (head[6]! & 0xf0) !== 0x80) {
    return UNREADABLE;
  }
  const video = PES_HEAD_BYTES + head[8]!;
  if (length < video + 3) {
    return undefined;
  }
  // Bytes in front of the first start code are the end of an earlier picture.
  const isAligned = head[video] === 0 && head[video + 1] === 0 && head[video + 2]! <= 1;
  return isAligned ? read(head, length, isFlagged) : UNALIGNED;
}

/** Where the next start code from `from` on stands, or -1. */
function nextStartCode(head: Buffer, from: number, length: number): number {
  const at = head.indexOf(START_CODE, from);
  return at + START_CODE.length <= length ? at : -1;
}

function videoStart(head: Buffer, length: number): number {
  return nextStartCode(head, PES_HEAD_BYTES + head[8]!, length);
}

/**
 * A decoder starts at an IDR picture (type 5) with its parameter sets (7). At another intra picture
 * it starts as well where the encoder says so, by the flag or by a recovery point; but pictures in
 * front of it may refer to earlier ones, and only a decoder that is new leaves them out.
 */
function readH264(head: Buffer, length: number, isFlagged: boolean): Beginning | undefined {
  let hasParameters = false;
  let isRecovery = isFlagged;
  let at = videoStart(head, length);
  while (at !== -1 && at + 5 <= length) {
    const type = head[at + 3]! & 31;
    const next = nextStartCode(head, at + 3, length);
    if (type === 1 || type === 2 || type === 5) {
      return h264Slice(head[at + 4]!, hasParameters, type === 5, isRecovery);
    }
    hasParameters ||= type === 7;
    isRecovery ||= type === 6 && hasRecoveryPoint(head, at + 4, next === -1 ? length : next);
    at = next;
  }
  return undefined;
}

/** A slice header begins with the number of its first macroblock and its type, as Exp-Golomb codes. */
function h264Slice(
  bits: number,
  hasParameters: boolean,
  isIdr: boolean,
  isRecovery: boolean,
): Beginning {
  if ((bits & 0x80) === 0) {
    return CONTINUES;
  }
  if (isIdr) {
    return hasParameters ? CLOSED : FRAME;
  }
  // Slice types 2 and 7 are I (table 7-6).
  const isIntra = (bits & 0xf0) === 0xb0 || bits === 0x88;
  return hasParameters && isIntra && isRecovery ? OPEN : FRAME;
}

/** Looks through the messages of an SEI for a recovery point (H.264, sections 7.3.2.3.1 and D.1.8). */
function hasRecoveryPoint(head: Buffer, from: number, to: number): boolean {
  for (let at = from; at + 2 <= to;) {
    if (head[at] === 6) {
      return true;
    }
    // A type or a size of 255 and more goes on in further bytes; such a message is a long text, last.
    if (head[at] === 0xff || head[at + 1] === 0xff) {
      return false;
    }
    at += 2 + head[at + 1]!;
  }
  return false;
}

/** A decoder starts at an intra random access picture (types 16 to 21) with its parameter sets (33). */
function readH265(head: Buffer, length: number): Beginning | undefined {
  let hasParameters = false;
  let at = videoStart(head, length);
  while (at !== -1 && at + 6 <= length) {
    const header = readUint16(head, at + 3);
    const type = header >> 9;
    const isBaseLayer = (header & 0x1f8) === 0;
    if (type < 32 && isBaseLayer) {
      const isFirstSlice = (head[at + 5]! & 0x80) !== 0;
      return isFirstSlice ? h265Picture(type, hasParameters) : CONTINUES;
    }
    hasParameters ||= type === 33;
    at = nextStartCode(head, at + 3, length);
  }
  return undefined;
}

function h265Picture(type: number, hasParameters: boolean): Beginning {
  if (!hasParameters || type < 16 || type > 21) {
    return FRAME;
  }
  // Type 21 is a clean random access picture. Behind 16 to 20 nothing shown looks past them.
  return type === 21 ? LEADING : CLOSED;
}

/**
 * A decoder starts at an intra picture (start code 0, coding type 1) with a sequence header (0xb3).
 * Pictures in front of it look past it unless its group (0xb8) is closed; and where its number within
 * the group, which is counted as they are shown, is 0, there are none.
 */
function readMpeg2(head: Buffer, length: number): Beginning | undefined {
  let hasSequence = false;
  let hasGroup = false;
  let isClosed = false;
  let at = videoStart(head, length);
  while (at !== -1 && at + 8 <= length) {
    const code = head[at + 3]!;
    if (code === 0) {
      const picture = readUint16(head, at + 4);
      const isIntra = (picture & 0x38) === 0x08;
      const isAlone = isClosed || (hasGroup && picture >> 6 === 0);
      return hasSequence && isIntra ? (isAlone ? CLOSED : OPEN) : FRAME;
    }
    if (code <= 0xaf) {
      return CONTINUES;
    }
    hasSequence ||= code === 0xb3;
    hasGroup ||= code === 0xb8;
    isClosed ||= code === 0xb8 && (head[at + 7]! & 0x40) !== 0;
    at = nextStartCode(head, at + 3, length);
  }
  return undefined;
}
