/**
 * How the parameter sets and slices of an H.265 stream refer to each other (ITU-T H.265, sections
 * 7.3.1.2, 7.3.2.1, 7.3.2.2.1, 7.3.2.3.1 and 7.3.6.1):
 *
 *     slice header → pic_parameter_set_id → PPS → seq_parameter_set_id → SPS → VPS
 *
 *     unit header:  0 │ type, 6 bits │ layer, 6 bits │ temporal id plus 1, 3 bits
 *
 * Each parser returns undefined for what no encoder writes.
 */
import { newBits, readBits, readFlag, readUe, skipBits, type Bits } from "./bits.ts";

const HEADER_BYTES = 2;

const SPS_ID_MAX = 15;
const PPS_ID_MAX = 63;

/** A parameter set's own identifier, and that of the set which it refers to. */
export interface SetIds {
  readonly id: number;
  readonly parent: number;
}

export function unitType(first: number): number {
  return (first >> 1) & 0x3f;
}

/** Whether the unit is of the base layer, which is a stream of its own. */
export function isBaseLayer(unit: Uint8Array): boolean {
  return unit.length >= HEADER_BYTES && (unit[0]! & 1) === 0 && unit[1]! >> 3 === 0;
}

/** A VPS refers to nothing. */
export function parseVps(unit: Uint8Array): SetIds | undefined {
  const bits = newBits(unit, HEADER_BYTES);
  const id = readBits(bits, 4);
  return bits.isSpent ? undefined : { id, parent: 0 };
}

export function parseSps(unit: Uint8Array): SetIds | undefined {
  const bits = newBits(unit, HEADER_BYTES);
  const parent = readBits(bits, 4);
  const subLayers = readBits(bits, 3);
  skipBits(bits, 1); // sps_temporal_id_nesting_flag
  passProfiles(bits, subLayers);
  const id = readUe(bits);
  return bits.isSpent || id > SPS_ID_MAX ? undefined : { id, parent };
}

/** Passes over profile_tier_level (section 7.3.3): of the whole, and of each sub-layer that has one. */
function passProfiles(bits: Bits, subLayers: number): void {
  skipBits(bits, 88 + 8);
  if (subLayers === 0) {
    return;
  }
  let more = 0;
  for (let i = 0; i < 8; i++) {
    const hasProfile = readFlag(bits);
    const hasLevel = readFlag(bits);
    more += (hasProfile ? 88 : 0) + (hasLevel ? 8 : 0);
  }
  skipBits(bits, more);
}

export function parsePps(unit: Uint8Array): SetIds | undefined {
  const bits = newBits(unit, HEADER_BYTES);
  const id = readUe(bits);
  const parent = readUe(bits);
  return bits.isSpent || id > PPS_ID_MAX || parent > SPS_ID_MAX ? undefined : { id, parent };
}

/** Whether a slice segment is the first one of its picture. */
export function isFirstSegment(unit: Uint8Array): boolean {
  return unit.length > HEADER_BYTES && unit[HEADER_BYTES]! >= 0x80;
}

/** The identifier of the PPS that the first slice segment of an IRAP picture names. */
export function parseIrapPpsId(unit: Uint8Array): number | undefined {
  const bits = newBits(unit, HEADER_BYTES);
  skipBits(bits, 2); // first_slice_segment_in_pic_flag and no_output_of_prior_pics_flag
  const id = readUe(bits);
  return bits.isSpent ? undefined : id;
}
