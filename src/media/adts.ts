/**
 * AAC in ADTS frames.
 *
 *     bits   12     1    2       1         2         4      1         3
 *     ┌────────┬────┬───────┬─────────┬─────────┬──────┬─────────┬──────────┬──
 *     │ FFF    │ ID │ layer │ no CRC  │ profile │ rate │ private │ channels │ …
 *     └────────┴────┴───────┴─────────┴─────────┴──────┴─────────┴──────────┴──
 *          2               2                13        11         2
 *     ──┬────────────────┬────────────────┬────────┬──────────┬────────┬─────┬──────┐
 *       │ original, home │ copyright bits │ length │ fullness │ blocks │ CRC │ data │
 *     ──┴────────────────┴────────────────┴────────┴──────────┴────────┴─────┴──────┘
 *
 * ISO/IEC 13818-7, section 6.2, and 14496-3, section 1.A.2. The first 28 bits are the same in each
 * header of a stream. The length counts the header. Every frame tells all that a decoder needs.
 */
import { readUint32 } from "../core/bytes.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";
import { newSoundScanner, type SoundFrames } from "./sound.ts";

const HEAD_BYTES = 7;

/** Indices of sampling rates: 13 and 14 are reserved, and 15 is for other headers than this. */
const RATES = 13;

export const ADTS: SoundFrames = { headBytes: HEAD_BYTES, length, kind };

/** The scanner of ADTS. */
export function newAdtsScanner(marks: Marks, start: number): Scanner {
  return newSoundScanner(ADTS, start, (_head, offset) => {
    marks.frame(offset);
    marks.join({ offset, setup: NOTHING, splice: NOTHING, clean: true });
  });
}

function length(bytes: Uint8Array, at: number): number {
  const isSync = bytes[at] === 0xff && (bytes[at + 1]! & 0xf6) === 0xf0;
  const rate = (bytes[at + 2]! >> 2) & 15;
  const total = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5);
  return isSync && rate < RATES && total >= HEAD_BYTES ? total : 0;
}

function kind(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0xff_ff_ff_f0;
}
