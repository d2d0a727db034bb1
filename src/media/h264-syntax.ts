/**
 * What tells the pictures of an H.264 stream apart: parts of its parameter sets and slice headers
 * (ITU-T H.264, sections 7.3.2.1.1, 7.3.2.2 and 7.3.3).
 *
 *     slice header → pic_parameter_set_id → PPS → seq_parameter_set_id → SPS
 *
 * Each parser returns undefined for what no encoder writes.
 */
import { newBits, readBits, readFlag, readSe, readUe, skipBits, type Bits } from "./bits.ts";

/** Of a sequence parameter set, what the length of slice headers' fields depends on. */
interface Sps {
  readonly id: number;
  readonly hasColourPlanes: boolean;
  readonly frameNumBits: number;
  readonly pocType: number;
  readonly pocLsbBits: number;
  readonly isDeltaZero: boolean;
  readonly isFramesOnly: boolean;
}

/** The same of a picture parameter set. */
interface Pps {
  readonly id: number;
  readonly spsId: number;
  readonly hasBottomPoc: boolean;
  readonly hasRedundantCount: boolean;
}

/** The fields of a slice header that tell a picture from the one before (section 7.4.1.2.4). */
export interface Slice {
  readonly firstMacroblock: number;
  readonly isReference: boolean;
  readonly isIdr: boolean;
  readonly ppsId: number;
  readonly frameNum: number;
  readonly isField: boolean;
  readonly isBottom: boolean;
  readonly idrPicId: number;
  /** pic_order_cnt_lsb, or delta_pic_order_cnt[0]. */
  readonly poc: number;
  /** delta_pic_order_cnt_bottom, or delta_pic_order_cnt[1]. */
  readonly pocDelta: number;
  /** Whether it belongs to a redundant picture, which follows its primary one. */
  readonly isRedundant: boolean;
}

/** What has been learnt of a stream: the newest parameter sets, by their identifiers. */
export interface Syntax {
  readonly spsOf: Map<number, Sps>;
  readonly ppsOf: Map<number, Pps>;
}

/** Types of NAL units that hold parameter sets, in the order in which they depend on each other. */
export const SET_TYPES: readonly number[] = [7, 13, 15, 8];

/** The values of profile_idc with which a sequence parameter set tells of its chroma format. */
const CHROMA_PROFILES: readonly number[] = [
  44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244,
];

const SPS_ID_MAX = 31;
const PPS_ID_MAX = 255;

/**
 * Keeps of a parameter set what slices are parsed by. Returns its identifier. A subset SPS is that
 * of another layer than the one that is parsed.
 */
export function learnSet(syntax: Syntax, unit: Uint8Array): number | undefined {
  switch (unit[0]! & 0x1f) {
    case 7: {
      const sps = parseSps(unit);
      return sps && syntax.spsOf.set(sps.id, sps) && sps.id;
    }
    case 8: {
      const pps = parsePps(unit);
      return pps && syntax.ppsOf.set(pps.id, pps) && pps.id;
    }
    case 13:
      return parseSpsExtensionId(unit);
    default:
      return parseSps(unit)?.id;
  }
}

/** The identifier of the set that an SPS extension (section 7.3.2.1.2) extends. */
function parseSpsExtensionId(unit: Uint8Array): number | undefined {
  const bits = newBits(unit, 1);
  const id = readUe(bits);
  return bits.isSpent || id > SPS_ID_MAX ? undefined : id;
}

/** Parses an SPS, or the SPS that opens a subset SPS. */
function parseSps(unit: Uint8Array): Sps | undefined {
  const bits = newBits(unit, 1);
  const profile = readBits(bits, 8);
  skipBits(bits, 16); // The constraint flags and level_idc.
  const id = readUe(bits);
  const hasColourPlanes = CHROMA_PROFILES.includes(profile) && readChroma(bits);
  const frameNumBits = readUe(bits) + 4;
  const pocType = readUe(bits);
  const pocLsbBits = pocType === 0 ? readUe(bits) + 4 : 0;
  const isDeltaZero = pocType === 1 && readDeltas(bits);
  readUe(bits); // max_num_ref_frames
  skipBits(bits, 1); // gaps_in_frame_num_value_allowed_flag
  readUe(bits); // pic_width_in_mbs_minus1
  readUe(bits); // pic_height_in_map_units_minus1
  const isFramesOnly = readFlag(bits);
  const isSound = id <= SPS_ID_MAX && frameNumBits <= 16 && pocType <= 2 && pocLsbBits <= 16;
  return bits.isSpent || !isSound
    ? undefined
    : { id, hasColourPlanes, frameNumBits, pocType, pocLsbBits, isDeltaZero, isFramesOnly };
}

/** The picture's size in an SPS, without what is cropped away (section 7.4.2.1.1). */
export function spsPictureSize(unit: Uint8Array): { width: number; height: number } | undefined {
  const bits = newBits(unit, 1);
  const profile = readBits(bits, 8);
  skipBits(bits, 16); // The constraint flags and level_idc.
  readUe(bits); // seq_parameter_set_id
  const hasChroma = CHROMA_PROFILES.includes(profile);
  const chroma = hasChroma ? readUe({ ...bits }) : 1;
  const hasColourPlanes = hasChroma && readChroma(bits);
  readUe(bits); // log2_max_frame_num_minus4
  const pocType = readUe(bits);
  if (pocType === 0) {
    readUe(bits); // log2_max_pic_order_cnt_lsb_minus4
  } else if (pocType === 1) {
    readDeltas(bits);
  }
  readUe(bits); // max_num_ref_frames
  skipBits(bits, 1); // gaps_in_frame_num_value_allowed_flag
  const width = (readUe(bits) + 1) * 16;
  const mapUnits = readUe(bits) + 1;
  const isFramesOnly = readFlag(bits);
  const fields = isFramesOnly ? 1 : 2;
  skipBits(bits, isFramesOnly ? 1 : 2); // mb_adaptive_frame_field and direct_8x8_inference flags
  const [left, right, top, bottom] = readFlag(bits)
    ? [readUe(bits), readUe(bits), readUe(bits), readUe(bits)]
    : [0, 0, 0, 0];
  const hasSubsampling = !hasColourPlanes && (chroma === 1 || chroma === 2);
  const unitX = hasSubsampling ? 2 : 1;
  const unitY = (!hasColourPlanes && chroma === 1 ? 2 : 1) * fields;
  const size = {
    width: width - (left + right) * unitX,
    height: mapUnits * 16 * fields - (top + bottom) * unitY,
  };
  return bits.isSpent || size.width <= 0 || size.height <= 0 ? undefined : size;
}

/** Reads from chroma_format_idc to the scaling lists. Returns separate_colour_plane_flag. */
function readChroma(bits: Bits): boolean {
  const format = readUe(bits);
  const hasColourPlanes = format === 3 && readFlag(bits);
  readUe(bits); // bit_depth_luma_minus8
  readUe(bits); // bit_depth_chroma_minus8
  skipBits(bits, 1); // qpprime_y_zero_transform_bypass_flag
  if (readFlag(bits)) {
    const lists = format === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) {
      if (readFlag(bits)) {
        passScalingList(bits, i < 6 ? 16 : 64);
      }
    }
  }
  return hasColourPlanes;
}

/** A scaling list (section 7.3.2.1.1.1) ends where the next scale would be 0. */
function passScalingList(bits: Bits, size: number): void {
  let scale = 8;
  for (let i = 0; i < size && scale !== 0; i++) {
    scale = (scale + readSe(bits) + 256) % 256;
  }
}

/** Reads the fields of POC type 1. Returns delta_pic_order_always_zero_flag. */
function readDeltas(bits: Bits): boolean {
  const isDeltaZero = readFlag(bits);
  readSe(bits); // offset_for_non_ref_pic
  readSe(bits); // offset_for_top_to_bottom_field
  const cycle = readUe(bits);
  bits.isSpent ||= cycle > 255;
  for (let i = 0; i < cycle && !bits.isSpent; i++) {
    readSe(bits);
  }
  return isDeltaZero;
}

function parsePps(unit: Uint8Array): Pps | undefined {
  const bits = newBits(unit, 1);
  const id = readUe(bits);
  const spsId = readUe(bits);
  skipBits(bits, 1); // entropy_coding_mode_flag
  const hasBottomPoc = readFlag(bits);
  passSliceGroups(bits);
  readUe(bits); // num_ref_idx_l0_default_active_minus1
  readUe(bits); // num_ref_idx_l1_default_active_minus1
  skipBits(bits, 3); // weighted_pred_flag and weighted_bipred_idc
  readSe(bits); // pic_init_qp_minus26
  readSe(bits); // pic_init_qs_minus26
  readSe(bits); // chroma_qp_index_offset
  skipBits(bits, 2); // deblocking_filter_control_present_flag and constrained_intra_pred_flag
  const hasRedundantCount = readFlag(bits);
  const isSound = id <= PPS_ID_MAX && spsId <= SPS_ID_MAX;
  return bits.isSpent || !isSound ? undefined : { id, spsId, hasBottomPoc, hasRedundantCount };
}

/** Passes over num_slice_groups_minus1 and the map that it announces. */
function passSliceGroups(bits: Bits): void {
  const more = readUe(bits);
  bits.isSpent ||= more > 7;
  if (more === 0 || bits.isSpent) {
    return;
  }
  const type = readUe(bits);
  if (type === 0) {
    passUes(bits, more + 1); // run_length_minus1
  } else if (type === 2) {
    passUes(bits, more * 2); // top_left and bottom_right
  } else if (type >= 3 && type <= 5) {
    skipBits(bits, 1); // slice_group_change_direction_flag
    readUe(bits); // slice_group_change_rate_minus1
  } else if (type === 6) {
    const units = readUe(bits) + 1;
    skipBits(bits, units * Math.ceil(Math.log2(more + 1))); // slice_group_id
  }
}

function passUes(bits: Bits, count: number): void {
  for (let i = 0; i < count; i++) {
    readUe(bits);
  }
}

/** Parses the header of a slice, or of its partition A, by the parameter sets that it names. */
export function parseSlice(syntax: Syntax, unit: Uint8Array): Slice | undefined {
  const bits = newBits(unit, 1);
  const firstMacroblock = readUe(bits);
  readUe(bits); // slice_type
  const ppsId = readUe(bits);
  const pps = syntax.ppsOf.get(ppsId);
  const sps = pps && syntax.spsOf.get(pps.spsId);
  if (bits.isSpent || sps === undefined || pps === undefined) {
    return undefined;
  }
  skipBits(bits, sps.hasColourPlanes ? 2 : 0); // colour_plane_id
  const frameNum = readBits(bits, sps.frameNumBits);
  const isField = !sps.isFramesOnly && readFlag(bits);
  const isBottom = isField && readFlag(bits);
  const isIdr = (unit[0]! & 0x1f) === 5;
  const idrPicId = isIdr ? readUe(bits) : 0;
  const [poc, pocDelta] = readPoc(bits, sps, pps.hasBottomPoc && !isField);
  const isRedundant = pps.hasRedundantCount && readUe(bits) > 0;
  const isReference = (unit[0]! & 0x60) !== 0;
  return bits.isSpent
    ? undefined
    : {
        firstMacroblock,
        isReference,
        isIdr,
        ppsId,
        frameNum,
        isField,
        isBottom,
        idrPicId,
        poc,
        pocDelta,
        isRedundant,
      };
}

/** Reads what the header says of the picture order count: two numbers, 0 where it does not say. */
function readPoc(bits: Bits, sps: Sps, hasSecond: boolean): [number, number] {
  if (sps.pocType === 0) {
    return [readBits(bits, sps.pocLsbBits), hasSecond ? readSe(bits) : 0];
  }
  return sps.pocType === 1 && !sps.isDeltaZero
    ? [readSe(bits), hasSecond ? readSe(bits) : 0]
    : [0, 0];
}
