/**
 * Motion JPEG: JPEG pictures one behind the other.
 *
 *     ┌─────┬───────────────────┬─────┬───────────────────┬──────────────┬─────┬─ ─ ─ ┬─────
 *     │ SOI │ segments          │ SOS │ entropy-coded     │ perhaps more │ EOI │      │ SOI…
 *     │ FFD8│ FF, code, length… │ …   │ FF is FF00 or RSTn│ scans        │ FFD9│      │
 *     └─────┴───────────────────┴─────┴───────────────────┴──────────────┴─────┴─ ─ ─ ┴─────
 *
 * ISO/IEC 10918-1, annex B. Between two pictures anything may stand, such as the headers of
 * multipart/x-mixed-replace. Every picture stands on its own.
 *
 * A segment may hold a whole picture, a thumbnail (APPn). Segments are passed over by their lengths,
 * so that it does not count. Who begins in mid-stream may begin in such a segment, and then does not
 * know the first picture from a thumbnail: only what begins behind its end is certain.
 */
import { searchable } from "../core/bytes.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

const SOI_MARKER: Buffer = Buffer.of(0xff, SOI);
const EOI_MARKER: Buffer = Buffer.of(0xff, EOI);

/** Bytes without a picture's start after which a stream is not what it seemed. */
const PICTURE_MAX_BYTES: number = 128 * 1024 * 1024;

/** Where a scanner is in its stream. */
interface Walk {
  readonly marks: Marks;
  /** What the next byte is part of: what separates pictures, a segment's head, or a scan's data. */
  place: "gap" | "segment" | "scan";
  /** Bytes of the segment's head that have come: FF, code, and the length's two. */
  have: number;
  code: number;
  length: number;
  /** Bytes of the segment that are still to be passed over. */
  skip: number;
  /** Whether the chunk before ended with FF, which may be half of the marker that is searched for. */
  isHalfway: boolean;
  /** Whether a picture that begins right here is certain to be one. */
  isCertainHere: boolean;
  /** Whether a picture that begins anywhere behind here is. */
  isCertainBehind: boolean;
  /** The absolute offset of a picture's start, which counts once a segment follows it, or -1. */
  pending: number;
  /** The absolute offset of the newest picture. */
  newest: number;
}

/** The scanner of Motion JPEG. It has no set-up. */
export function newMjpegScanner(marks: Marks, start: number): Scanner {
  const walk: Walk = {
    marks,
    place: "segment",
    have: 0,
    code: 0,
    length: 0,
    skip: 0,
    isHalfway: false,
    isCertainHere: true,
    isCertainBehind: false,
    pending: -1,
    newest: start,
  };
  let base = start;

  function scan(bytes: Uint8Array): boolean {
    const chunk = searchable(bytes);
    for (let from = 0; from < chunk.length;) {
      from = advance(walk, chunk, from, base);
    }
    base += chunk.length;
    return base - walk.newest <= PICTURE_MAX_BYTES;
  }

  return { scan };
}

/** Takes what one step takes of the chunk from `from` on; returns where the next one goes on. */
function advance(walk: Walk, chunk: Buffer, from: number, base: number): number {
  if (walk.skip > 0) {
    const passed = Math.min(walk.skip, chunk.length - from);
    walk.skip -= passed;
    return from + passed;
  }
  if (walk.place === "segment") {
    takeHeadByte(walk, chunk[from]!, base + from);
    return from + 1;
  }
  const isGap = walk.place === "gap";
  const to = find(walk, chunk, from, isGap ? SOI_MARKER : EOI_MARKER);
  if (to === -1) {
    return chunk.length;
  }
  if (isGap) {
    begin(walk, base + to - 2, walk.isCertainBehind);
  } else {
    end(walk);
  }
  return to;
}

/** Where the chunk goes on behind the next such marker, or -1. */
function find(walk: Walk, chunk: Buffer, from: number, marker: Buffer): number {
  const isCut = walk.isHalfway && chunk[from] === marker[1];
  walk.isHalfway = false;
  if (isCut) {
    return from + 1;
  }
  const found = chunk.indexOf(marker, from);
  if (found !== -1) {
    return found + 2;
  }
  walk.isHalfway = chunk.at(-1) === 0xff;
  return -1;
}

/** Takes a byte of a segment's head, whose absolute offset is `offset`. */
function takeHeadByte(walk: Walk, byte: number, offset: number): void {
  if (walk.have === 0) {
    walk.have = 1;
    if (byte !== 0xff) {
      lose(walk);
    }
  } else if (walk.have === 1) {
    takeCode(walk, byte, offset);
  } else {
    takeLengthByte(walk, byte);
  }
}

/** Any number of FF may stand before the code (section B.1.1.2). */
function takeCode(walk: Walk, byte: number, offset: number): void {
  if (byte === SOI) {
    begin(walk, offset - 1, walk.isCertainHere);
  } else if (byte === EOI) {
    end(walk);
  } else if (byte < 0xc0 || (byte >= 0xd0 && byte < SOI)) {
    lose(walk);
  } else if (byte !== 0xff) {
    report(walk);
    walk.isCertainHere = false;
    walk.isCertainBehind = false;
    walk.code = byte;
    walk.length = 0;
    walk.have = 2;
  }
}

function takeLengthByte(walk: Walk, byte: number): void {
  walk.length = (walk.length << 8) | byte;
  walk.have++;
  if (walk.have < 4) {
    return;
  }
  walk.have = 0;
  if (walk.length < 2) {
    lose(walk);
    return;
  }
  walk.skip = walk.length - 2;
  walk.place = walk.code === SOS ? "scan" : "segment";
}

function begin(walk: Walk, offset: number, isCertain: boolean): void {
  walk.pending = isCertain ? offset : -1;
  walk.isCertainHere = false;
  walk.isCertainBehind = false;
  walk.place = "segment";
  walk.have = 0;
}

function end(walk: Walk): void {
  walk.pending = -1;
  walk.isCertainHere = true;
  walk.isCertainBehind = true;
  walk.place = "segment";
  walk.have = 0;
}

/** No segment is here, where one, or a picture's start, should be. */
function lose(walk: Walk): void {
  walk.pending = -1;
  walk.isCertainHere = false;
  walk.place = "gap";
}

/** A segment follows the start of a picture. */
function report(walk: Walk): void {
  if (walk.pending !== -1) {
    const offset = walk.pending;
    walk.pending = -1;
    walk.newest = offset;
    walk.marks.frame(offset);
    walk.marks.join({ offset, setup: NOTHING, splice: NOTHING, clean: true });
  }
}
