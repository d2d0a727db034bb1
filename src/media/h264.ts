/**
 * H.264 as a byte stream (ITU-T H.264, Annex B). An access unit is a picture with what belongs to it
 * (sections 7.4.1.2.3 and 7.4.1.2.4):
 *
 *     ┌─────┬─────┬─────┬─────┬───────┬───────┬─────┬───────┬────
 *     │ AUD │ SPS │ PPS │ SEI │ slice │ slice │ SEI │ slice │ …
 *     └─────┴─────┴─────┴─────┴───────┴───────┴─────┴───────┴────
 *     ├─ an access unit ────────────────────┤ ├─ the next ──────
 *       leading units           the picture     a candidate until its slice proves another picture
 *
 * The two fields of a frame are two access units, and one frame here.
 *
 * A decoder starts at an IDR picture. A stream that has none after its first has recovery points
 * instead, in the form of SEI (section D.2.8): an open GOP's I pictures, or where an intra refresh
 * begins. A decoder that starts anew there leaves out what it cannot show rightly. One that goes on
 * after a gap has no way to be told of it.
 */
import { newUnitFinder, UNIT_HEAD_MAX_BYTES } from "./annexb.ts";
import { newFrames, startsFrame } from "./h264-frames.ts";
import { learnSet, parseSlice, SET_TYPES, type Syntax } from "./h264-syntax.ts";
import {
  beginPicture,
  keepSet,
  missingSets,
  newParameterSets,
  setKey,
  setsFit,
} from "./parameter-sets.ts";
import type { Marks, Scanner } from "./scanner.ts";
import { hasRecoveryPoint, SEI_HEAD_BYTES } from "./sei.ts";

/**
 * Bytes of a slice within which the parsed part of its header lies: some 200 bits where each field is
 * as long as it can be, and emulation prevention on top.
 */
const SLICE_HEAD_BYTES = 64;

/** The types of NAL units that are told apart (section 7.4.1, table 7-1). */
const SLICE = 1;
const PARTITION_A = 2;
const PARTITION_C = 4;
const IDR_SLICE = 5;
const SEI = 6;
const DELIMITER = 9;
const PREFIX = 14;
const RESERVED_LAST = 18;
const AUXILIARY_SLICE = 19;
const DEPTH_SLICE = 21;

/** No access unit has begun since the last slice. */
const NONE = -1;

export function newH264Scanner(marks: Marks, start: number): Scanner {
  const sets = newParameterSets();
  const syntax: Syntax = { spsOf: new Map(), ppsOf: new Map() };
  const frames = newFrames();
  /** Where the leading units of the next access unit begin, and what they say. */
  let candidate = NONE;
  let recovers = false;
  let hasFrames = false;
  let isIdrOnly = false;

  function wanted(first: number): number {
    const type = first & 0x1f;
    if (type === SEI) {
      return isIdrOnly ? 1 : SEI_HEAD_BYTES;
    }
    return SET_TYPES.includes(type) ? UNIT_HEAD_MAX_BYTES : SLICE_HEAD_BYTES;
  }

  function take(at: number, unit: Uint8Array, isWhole: boolean): void {
    const type = unit[0]! & 0x1f;
    if (type === SLICE || type === PARTITION_A || type === IDR_SLICE) {
      takeSlice(at, unit);
    } else if (isPartOfPicture(type)) {
      dropCandidate();
    } else if (leadsAccessUnit(type) && candidate === NONE) {
      candidate = at;
    }
    if (type === SEI && !isIdrOnly) {
      recovers ||= hasRecoveryPoint(unit, 1);
    } else if (SET_TYPES.includes(type) && isWhole) {
      takeSet(type, unit);
    }
  }

  function takeSet(type: number, unit: Uint8Array): void {
    const id = learnSet(syntax, unit);
    if (id !== undefined) {
      keepSet(sets, setKey(SET_TYPES.indexOf(type), id), unit);
    }
  }

  function takeSlice(at: number, unit: Uint8Array): void {
    const slice = parseSlice(syntax, unit);
    if (startsFrame(frames, slice, candidate !== NONE)) {
      markFrame(candidate === NONE ? at : candidate, slice?.isIdr === true);
    }
    dropCandidate();
  }

  function markFrame(offset: number, isIdr: boolean): void {
    marks.frame(offset);
    isIdrOnly ||= isIdr && hasFrames;
    hasFrames = true;
    if (isIdr || (recovers && !isIdrOnly)) {
      const setup = missingSets(sets);
      marks.join({ offset, setup, splice: setup, clean: isIdr });
    }
  }

  /** What came since the last slice belongs to an access unit that has begun, or to none. */
  function dropCandidate(): void {
    candidate = NONE;
    recovers = false;
    beginPicture(sets);
  }

  const find = newUnitFinder(start, { wanted, take });
  return {
    scan(chunk) {
      find(chunk);
      return setsFit(sets, 0);
    },
  };
}

/** Slices that do not tell where their picture begins. */
function isPartOfPicture(type: number): boolean {
  return (
    (type > PARTITION_A && type <= PARTITION_C) || (type >= AUXILIARY_SLICE && type <= DEPTH_SLICE)
  );
}

/** Units that begin an access unit when they follow a picture (section 7.4.1.2.3). */
function leadsAccessUnit(type: number): boolean {
  return (type >= SEI && type <= DELIMITER) || (type >= PREFIX && type <= RESERVED_LAST);
}
