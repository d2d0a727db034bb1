/**
 * An H.264 stream of field pictures, written by hand, because no free encoder writes any: frames of
 * 16 × 32 pixels, of two fields with one macroblock each, whose samples are sent as they are.
 */
import { aligned, se, u, ue, unitOf } from "./units.ts";

/** A frame of two fields. `isReference` says that others may refer to it. */
export interface FieldFrame {
  readonly kind: "idr" | "inter";
  readonly isReference: boolean;
}

const SPS = unitOf(
  [0x67],
  // Main profile, level 3, identifier, log2_max_frame_num 4, POC type 0 of 4 bits, 2 references.
  u(8, 77) +
    u(8, 0) +
    u(8, 30) +
    ue(0) +
    ue(0) +
    ue(0) +
    ue(0) +
    ue(2) +
    "0" +
    // One macroblock wide and, in a field, high; fields allowed; inference; neither cropping nor VUI.
    ue(0) +
    ue(0) +
    "00" +
    "1" +
    "00",
);

const PPS = unitOf(
  [0x68],
  // CAVLC, one slice group, one reference, no weights, QPs, deblocking said by each slice.
  ue(0) + ue(0) + "00" + ue(0) + ue(0) + ue(0) + "000" + se(0) + se(0) + se(0) + "100",
);

/** Each field of the frames as units of its own; an IDR frame brings the parameter sets. */
export function fieldStream(frames: readonly FieldFrame[]): Uint8Array[][] {
  let frameNum = 0;
  let poc = 0;
  let idrs = 0;
  return frames.flatMap(({ kind, isReference }, index) => {
    if (kind === "idr") {
      [frameNum, poc, idrs] = [0, 0, idrs + 1];
    }
    const at = { frameNum, poc, idr: idrs % 2, isReference };
    const top = field({ ...at, isBottom: false, isIdr: kind === "idr" }, 40 + index * 7);
    const bottom = field({ ...at, poc: poc + 1, isBottom: true, isIdr: false }, 130 + index * 5);
    frameNum = (frameNum + (isReference ? 1 : 0)) % 16;
    poc += 2;
    return [kind === "idr" ? [SPS, PPS, top] : [top], [bottom]];
  });
}

interface Field {
  readonly frameNum: number;
  readonly poc: number;
  readonly idr: number;
  readonly isReference: boolean;
  readonly isBottom: boolean;
  readonly isIdr: boolean;
}

/** A slice of one I_PCM macroblock, whose samples all have the same value. */
function field(of: Field, sample: number): Uint8Array {
  const place = u(4, of.frameNum) + "1" + u(1, of.isBottom ? 1 : 0);
  const order = (of.isIdr ? ue(of.idr) : "") + u(4, of.poc % 16);
  const lists = of.isIdr ? "" : "00"; // As many references as the PPS says, in their usual order.
  const marking = of.isIdr ? "00" : of.isReference ? "0" : "";
  const head = ue(0) + ue(of.isIdr ? 7 : 5) + ue(0) + place + order + lists + marking;
  const type = of.isIdr ? ue(25) : ue(0) + ue(30);
  const bits = aligned(head + se(0) + ue(1) + type) + u(8, (sample % 200) + 20).repeat(384);
  return unitOf([(of.isReference ? 0x60 : 0) | (of.isIdr ? 5 : 1)], bits);
}

/** Frames whose fields cannot be told apart by frame_num alone, and two that a decoder can start at. */
export const FIELDS: readonly FieldFrame[] = [
  { kind: "idr", isReference: true },
  { kind: "inter", isReference: true },
  { kind: "inter", isReference: false },
  { kind: "inter", isReference: false },
  { kind: "inter", isReference: true },
  { kind: "idr", isReference: true },
  { kind: "inter", isReference: false },
  { kind: "inter", isReference: true },
];
