/**
 * Pictures whose bytes can be chosen freely and that every decoder takes: macroblocks of the type
 * I_PCM hold their samples as they are (ITU-T H.264, section 7.3.5).
 *
 *     ┌────────────┬──────────────┬─────────────┬──────────────┬─────────────┬───┬────┐
 *     │ NAL header │ slice header │ I_PCM 2 B   │ 384 samples  │ I_PCM 2 B   │ … │ 80 │
 *     └────────────┴──────────────┴─────────────┴──────────────┴─────────────┴───┴────┘
 *                    ◄── opening ──────────────► ◄── body ──────────────────────────►
 *
 * An IDR picture consists of nothing else. A P picture skips all macroblocks but its last ones. No
 * sample is zero, so that a body needs no emulation prevention, wherever it is cut.
 */
import { align, newBits, nalUnit, put, putUe, trail, type Bits } from "./bits.ts";

/** Bytes of samples in one macroblock: 256 of luma, 64 of each chroma. */
const SAMPLE_BYTES = 384;

/** A macroblock with the two bytes of type and alignment before its samples. */
export const MACROBLOCK_BYTES: number = SAMPLE_BYTES + 2;

const IDR_HEADER = 0x65;
const P_HEADER = 0x41;

/** mb_type I_PCM, which P slices number from 5 on (tables 7-11 and 7-13). */
const I_PCM = 25;
const I_PCM_IN_P = 30;

/** Bits of frame_num, the least that the standard allows. */
const FRAME_NUM_BITS = 4;

/** The shape of the pictures, in macroblocks. */
export interface Shape {
  readonly width: number;
  readonly height: number;
  /** How many macroblocks of a P picture have samples. */
  readonly coded: number;
}

/** Sequence and picture parameter sets (7.3.2.1, 7.3.2.2), with the frame rate for players. */
export function parameterSets(shape: Shape, fps: number): { sps: Buffer; pps: Buffer } {
  const sps = newBits();
  put(sps, 0x42_c0_34, 24); // Constrained Baseline, level 5.2
  putUe(sps, 0); // seq_parameter_set_id
  putUe(sps, FRAME_NUM_BITS - 4);
  putUe(sps, 2); // pic_order_cnt_type: pictures are shown as they come
  putUe(sps, 1); // max_num_ref_frames
  put(sps, 0, 1); // no gaps in frame_num
  putUe(sps, shape.width - 1);
  putUe(sps, shape.height - 1);
  put(sps, 0b1_1_0_1, 4); // frames only, direct_8x8_inference, no cropping, VUI
  put(sps, 0b0000_1, 5); // of the VUI (E.1.1) the timing alone
  put(sps, 1_000, 32);
  put(sps, Math.round(fps * 2_000), 32);
  put(sps, 0b1_0_0_0_0, 5); // a fixed rate, and nothing more
  trail(sps);

  const pps = newBits();
  putUe(pps, 0); // pic_parameter_set_id
  putUe(pps, 0); // seq_parameter_set_id
  put(pps, 0b00, 2); // CAVLC; no pic_order in slices
  putUe(pps, 0); // one slice group
  putUe(pps, 0); // one reference picture in either list
  putUe(pps, 0);
  put(pps, 0b0_00, 3); // no weighting
  putUe(pps, 0); // initial QP and QS, chroma offset
  putUe(pps, 0);
  putUe(pps, 0);
  put(pps, 0b1_0_0, 3); // deblocking is switched in the slices
  trail(pps);
  return { sps: nalUnit(0x67, sps.bytes), pps: nalUnit(0x68, pps.bytes) };
}

/**
 * The slice's NAL unit up to the first sample. `sinceIdr` counts the pictures since the last IDR
 * picture, `idrs` the IDR pictures before this one. Where a P picture codes no macroblock the opening
 * is the whole unit.
 */
export function opening(shape: Shape, sinceIdr: number, idrs: number): Buffer {
  const bits = newBits();
  const key = sinceIdr === 0;
  putUe(bits, 0); // first_mb_in_slice
  putUe(bits, key ? 7 : 5); // I or P, as all slices of the picture
  putUe(bits, 0); // pic_parameter_set_id
  put(bits, sinceIdr % 2 ** FRAME_NUM_BITS, FRAME_NUM_BITS);
  if (key) {
    putUe(bits, idrs % 2); // idr_pic_id: differs between neighbours
    put(bits, 0b00, 2); // dec_ref_pic_marking
  } else {
    put(bits, 0b0_0_0, 3); // nothing overrides, reorders or marks references
  }
  putUe(bits, 0); // slice_qp_delta
  putUe(bits, 1); // no deblocking
  if (key) {
    macroblockType(bits, I_PCM);
  } else {
    putUe(bits, shape.width * shape.height - shape.coded); // mb_skip_run
    openP(bits, shape);
  }
  return nalUnit(key ? IDR_HEADER : P_HEADER, bits.bytes);
}

function openP(bits: Bits, shape: Shape): void {
  if (shape.coded === 0) {
    trail(bits);
  } else {
    macroblockType(bits, I_PCM_IN_P);
  }
}

function macroblockType(bits: Bits, type: number): void {
  putUe(bits, type);
  align(bits); // pcm_alignment_zero_bit
}

/** What follows the opening, for `macroblocks` of them: noise that depends on `seed`. */
export function body(key: boolean, macroblocks: number, seed: number): Buffer {
  const bytes = Buffer.alloc(Math.max(macroblocks * MACROBLOCK_BYTES - 1, 0));
  if (macroblocks > 0) {
    fillWithNoise(bytes, seed);
    const type = betweenMacroblocks(key);
    for (let at = SAMPLE_BYTES; at < bytes.length - 1; at += MACROBLOCK_BYTES) {
      bytes.set(type, at);
    }
    bytes[bytes.length - 1] = 0x80; // rbsp_trailing_bits
  }
  return bytes;
}

/** What stands between two macroblocks: in a P slice an empty run of skipped ones too. */
function betweenMacroblocks(key: boolean): readonly number[] {
  const bits = newBits();
  if (!key) {
    putUe(bits, 0);
  }
  macroblockType(bits, key ? I_PCM : I_PCM_IN_P);
  return bits.bytes;
}

/** Fills `bytes` by a xorshift generator, with no zero among them. */
function fillWithNoise(bytes: Buffer, seed: number): void {
  let x = Math.imul(seed + 1, 0x9e37_79b9) | 1;
  for (let i = 0; i < bytes.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = (x & 0xff) === 0 ? 0x5a : x & 0xff;
  }
}
