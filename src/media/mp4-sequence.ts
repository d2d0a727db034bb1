/**
 * A fragment that ends a coded sequence of H.265.
 *
 *     moof ─┬─ mfhd
 *           └─ traf ─┬─ tfhd
 *                    ├─ tfdt    that of the fragment behind
 *                    └─ trun    one sample, which lasts no time
 *     mdat                      the end of the sequence
 */
import { concatBytes } from "../core/bytes.ts";
import type { Movie, TrackFragment } from "./fragments.ts";
import { endOfSequenceUnit } from "./hvcc.ts";

const DEFAULT_BASE_IS_MOOF = 0x2_00_00;

/** Bytes of a tfdt whose time has 64 bits. */
const TFDT_MAX_BYTES = 20;

/** Flags of trun: offset, and of each sample duration, size and flags. */
const TRUN_FIELDS = 0x701;

/** Flags of a sample that depends on others, and is no sync sample. */
const DEPENDENT = 0x101_00_00;

/**
 * What makes the decoder of an H.265 track leave out the leading pictures of the keyframe with which
 * `fragment` begins. Undefined where the video is something else, or the fragment does not tell when it
 * is decoded.
 */
export function endOfSequence(
  movie: Movie,
  moof: Uint8Array,
  { track, tfdt }: TrackFragment,
): Uint8Array | undefined {
  const isTimed = tfdt !== undefined && tfdt.to - tfdt.from <= TFDT_MAX_BYTES;
  if (movie.hevcLengthBytes === undefined || !isTimed) {
    return undefined;
  }
  const unit = endOfSequenceUnit(movie.hevcLengthBytes);
  const moofOf = (dataOffset: number): Uint8Array => {
    const trun = box("trun", words(TRUN_FIELDS, 1, dataOffset, 0, unit.length, DEPENDENT));
    const tfhd = box("tfhd", words(DEFAULT_BASE_IS_MOOF, track));
    const traf = box("traf", tfhd, moof.subarray(tfdt.from, tfdt.to), trun);
    return box("moof", box("mfhd", words(0, 0)), traf);
  };
  const { length } = moofOf(0);
  return concatBytes(moofOf(length + 8), box("mdat", unit));
}

function box(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...parts);
  return concatBytes(words(body.length + 8), Buffer.from(type), body);
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4));
  return bytes;
}
