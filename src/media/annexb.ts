/**
 * A byte stream of NAL units (ITU-T H.264, Annex B, and H.265, Annex B):
 *
 *     00 00 00 01 67 42 … … 00 00 01 65 88 … … … … 00 00 00 00 01 41 9a …
 *     │           │         │        │            │  │           │
 *     at          head      at       head         │  at          head
 *     └─ the zero byte of                         └─ a trailing zero byte, of the unit before
 *        a start code
 *
 * A start code is searched for natively and nothing else of a unit is looked at but its head, whose
 * length the parser chooses by the first byte. No unit holds a start code or ends with a zero byte,
 * and three zero bytes end it as a start code does.
 *
 * Invariant: `head` holds the first `have` bytes of the unit that begins at `at`, as long as they
 * are fewer than `want`; afterwards `want` is 0 until the next unit begins.
 */
import { searchable } from "../core/bytes.ts";

/** Bytes of the longest head. Parameter sets take some hundred; with all their tables, some thousand. */
export const UNIT_HEAD_MAX_BYTES: number = 16 * 1024;

/** Bytes that a start code takes at most: with the zero byte that belongs to it. */
const START_CODE_MAX_BYTES = 4;

const START_CODE: Buffer = Buffer.of(0, 0, 1);

/** What of the units is looked at. */
export interface UnitParser {
  /**
   * Says how many bytes are wanted of the unit with this first byte: 1 to
   * {@link UNIT_HEAD_MAX_BYTES}.
   */
  wanted(first: number): number;
  /**
   * Takes a unit's first bytes, as many as are wanted or as it has. `at` is the absolute offset of
   * its start code, with the zero byte before it where there is one. `isWhole` says that the unit
   * is no longer than `unit`. The bytes are overwritten afterwards: MUST NOT be kept.
   */
  take(at: number, unit: Uint8Array, isWhole: boolean): void;
}

/** Finds the units of a stream that begins at the absolute offset `start`. Feed it the chunks. */
export function newUnitFinder(start: number, parser: UnitParser): (chunk: Uint8Array) => void {
  const head = new Uint8Array(UNIT_HEAD_MAX_BYTES);
  let at = start;
  let have = 0;
  let want = 0;
  /** The absolute offset of the chunk. */
  let offset = start;
  /** How many zero bytes stand right before the chunk, as far as they may be a start code's. */
  let zeros = 0;

  function collect(bytes: Buffer, from: number, to: number): void {
    if (want === 0 || from >= to) {
      return;
    }
    if (have === 0) {
      want = Math.min(parser.wanted(bytes[from]!), UNIT_HEAD_MAX_BYTES);
    }
    have += bytes.copy(head, have, from, Math.min(to, from + want - have));
    if (have === want) {
      end();
    }
  }

  /**
   * Hands the head on, without zero bytes at its end: they are the next start code's, where the
   * chunk ended within that, or two of a unit that goes on. That is why a whole one falls short by
   * more than two bytes.
   */
  function end(): void {
    const unit = head.subarray(0, withoutZeros(head, have));
    const isWhole = unit.length < want - 2;
    want = 0;
    if (unit.length > 0) {
      parser.take(at, unit, isWhole);
    }
  }

  return (chunk) => {
    const bytes = searchable(chunk);
    let from = 0;
    for (let one = firstOne(bytes, zeros); one !== -1; one = nextOne(bytes, from)) {
      collect(bytes, from, one - 2);
      if (want > 0) {
        end();
      }
      // The byte before the start code, of which some may have come with the chunk before.
      const hasZeroByte = one >= 3 ? bytes[one - 3] === 0 : zeros >= 3 - one;
      at = offset + one - (hasZeroByte ? 3 : 2);
      have = 0;
      want = UNIT_HEAD_MAX_BYTES;
      from = one + 1;
    }
    collect(bytes, from, bytes.length);
    offset += bytes.length;
    zeros = zerosAtEnd(bytes, zeros);
  };
}

/** Where the first start code ends, of which up to two bytes may stand before the chunk. */
function firstOne(bytes: Buffer, zeros: number): number {
  if (zeros >= 2 && bytes[0] === 1) {
    return 0;
  }
  return zeros >= 1 && bytes[0] === 0 && bytes[1] === 1 ? 1 : nextOne(bytes, 0);
}

function nextOne(bytes: Buffer, from: number): number {
  const code = bytes.indexOf(START_CODE, from);
  return code === -1 ? -1 : code + 2;
}

function zerosAtEnd(bytes: Buffer, zeros: number): number {
  let count = 0;
  while (count < START_CODE_MAX_BYTES - 1) {
    if (count === bytes.length) {
      return Math.min(count + zeros, START_CODE_MAX_BYTES - 1);
    }
    if (bytes[bytes.length - 1 - count] !== 0) {
      return count;
    }
    count++;
  }
  return count;
}

function withoutZeros(bytes: Uint8Array, length: number): number {
  let end = length;
  while (end > 0 && bytes[end - 1] === 0) {
    end--;
  }
  return end;
}
