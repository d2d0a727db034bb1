/**
 * H.265 as a byte stream (ITU-T H.265, Annex B). An access unit is a picture with what belongs to it
 * (section 7.4.2.4.4):
 *
 *     ┌─────┬─────┬─────┬─────┬─────┬───────┬───────┬──────┬─────┬───────┬────
 *     │ AUD │ VPS │ SPS │ PPS │ SEI │ first │ slice │ SEI, │ SEI │ first │ …
 *     │     │     │     │     │     │ slice │       │ suf. │     │ slice │
 *     └─────┴─────┴─────┴─────┴─────┴───────┴───────┴──────┴─────┴───────┴────
 *     ├─ an access unit ──────────────────────────────────┤├─ the next ──────
 *       leading units                 the picture          a candidate until its slice proves it
 *
 * A slice says whether it is the first of its picture, so that a stream may be entered anywhere.
 *
 * A decoder starts at an IRAP picture, of which a CRA picture may have leading pictures that need
 * what came before it. A decoder that starts anew leaves them out, and so does one that is told of
 * the gap by an end of sequence.
 */
import { concatBytes } from "../core/bytes.ts";
import { newUnitFinder, UNIT_HEAD_MAX_BYTES } from "./annexb.ts";
import {
  isBaseLayer,
  isFirstSegment,
  parseIrapPpsId,
  parsePps,
  parseSps,
  parseVps,
  unitType,
  type SetIds,
} from "./h265-syntax.ts";
import {
  beginPicture,
  keepSet,
  missingSets,
  newParameterSets,
  setKey,
  setsFit,
} from "./parameter-sets.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

/** Bytes of a slice that are looked at: its header up to the longest identifier of a PPS. */
const SLICE_HEAD_BYTES = 16;

/** The types of NAL units that are told apart (section 7.4.2.2, table 7-1). */
const IRAP_FIRST = 16;
const IRAP_LAST = 21;
const SLICE_LAST = 31;
const VPS = 32;
const SPS = 33;
const PPS = 34;
const DELIMITER = 35;
const PREFIX_SEI = 39;

/** An end of sequence: what follows it is the start of another one. */
const END_OF_SEQUENCE: Uint8Array = Uint8Array.of(0, 0, 1, 0x48, 0x01);

/** No access unit has begun since the last slice. */
const NONE = -1;

const PARSERS: ReadonlyMap<number, (unit: Uint8Array) => SetIds | undefined> = new Map([
  [VPS, parseVps],
  [SPS, parseSps],
  [PPS, parsePps],
]);

export function newH265Scanner(marks: Marks, start: number): Scanner {
  const sets = newParameterSets();
  /** What each parameter set refers to, by its key. */
  const parents = new Map<number, number>();
  /** Where the leading units of the next access unit begin. */
  let candidate = NONE;
  let setup = NOTHING;
  let splice = END_OF_SEQUENCE;

  function take(at: number, unit: Uint8Array, isWhole: boolean): void {
    const type = unitType(unit[0]!);
    if (!isBaseLayer(unit)) {
      return;
    }
    if (type <= SLICE_LAST) {
      takeSlice(at, type, unit);
    } else if (leadsAccessUnit(type)) {
      candidate = candidate === NONE ? at : candidate;
      if (isWhole) {
        takeSet(type, unit);
      }
    }
  }

  function takeSet(type: number, unit: Uint8Array): void {
    const ids = PARSERS.get(type)?.(unit);
    if (ids !== undefined) {
      const key = setKey(type, ids.id);
      keepSet(sets, key, unit);
      parents.set(key, ids.parent);
    }
  }

  function takeSlice(at: number, type: number, unit: Uint8Array): void {
    if (isFirstSegment(unit)) {
      const offset = candidate === NONE ? at : candidate;
      marks.frame(offset);
      if (type >= IRAP_FIRST && type <= IRAP_LAST && hasSetsOf(unit)) {
        markJoin(offset);
      }
    }
    candidate = NONE;
    beginPicture(sets);
  }

  /** Whether the parameter sets that the picture needs have come. */
  function hasSetsOf(unit: Uint8Array): boolean {
    const spsId = parents.get(setKey(PPS, parseIrapPpsId(unit) ?? NONE));
    const vpsId = parents.get(setKey(SPS, spsId ?? NONE));
    return sets.sets.has(setKey(VPS, vpsId ?? NONE));
  }

  function markJoin(offset: number): void {
    const missing = missingSets(sets);
    if (setup !== missing) {
      setup = missing;
      splice = concatBytes(END_OF_SEQUENCE, missing);
    }
    marks.join({ offset, setup, splice, clean: true });
  }

  const find = newUnitFinder(start, { wanted, take });
  return {
    scan(chunk) {
      find(chunk);
      return setsFit(sets, END_OF_SEQUENCE.length);
    },
  };
}

function wanted(first: number): number {
  return PARSERS.has(unitType(first)) ? UNIT_HEAD_MAX_BYTES : SLICE_HEAD_BYTES;
}

/** Units that begin an access unit when they follow a picture. */
function leadsAccessUnit(type: number): boolean {
  return (
    (type >= VPS && type <= DELIMITER) ||
    type === PREFIX_SEI ||
    (type >= 41 && type <= 44) ||
    (type >= 48 && type <= 55)
  );
}
