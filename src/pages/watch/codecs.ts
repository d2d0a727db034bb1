/**
 * What WebCodecs wants to know of a stream: the codec's name with its profile and level, read from a
 * keyframe (RFC 6381; ISO/IEC 14496-15, annex E; the WebCodecs registry).
 *
 *     H.264   avc1.PPCCLL                 three bytes of the SPS behind its header
 *     H.265   hev1.P.F.TL.C…              profile_tier_level of the SPS: ITU-T H.265, section 7.3.3
 *     IVF     by the four characters of its file header, of a profile that decoders all have
 */
import "./buffer.ts";
import type { Format } from "../../media/format.ts";
import { newH264Scanner } from "../../media/h264.ts";
import { newH265Scanner } from "../../media/h265.ts";
import { newIvfScanner } from "../../media/ivf.ts";
import type { NewScanner } from "../../media/scanner.ts";
import { withSetup, type Frame } from "./frames.ts";

/** How a format's frames become chunks for a decoder. */
export interface Coding {
  readonly newScanner: NewScanner;
  /** The codec of a keyframe; undefined where it does not say. */
  codecOf(key: Frame): string | undefined;
  /** What the decoder gets of a frame. */
  payloadOf(frame: Frame): Uint8Array;
}

const SPS_H264 = 7;
const SPS_H265 = 33;

/** Where the four characters stand in an IVF file header, and the length of a frame's header. */
const FOURCC_AT = 8;
const IVF_FRAME_HEADER_BYTES = 12;

/** The first profile, 8 bits, at a level for 1080p. */
const IVF_CODECS: ReadonlyMap<string, string> = new Map([
  ["VP80", "vp8"],
  ["VP90", "vp09.00.41.08"],
  ["AV01", "av01.0.08M.08"],
]);

const CODINGS: ReadonlyMap<Format, Coding> = new Map([
  ["h264", { newScanner: newH264Scanner, codecOf: h264Codec, payloadOf: withSetup }],
  ["h265", { newScanner: newH265Scanner, codecOf: h265Codec, payloadOf: withSetup }],
  ["ivf", { newScanner: newIvfScanner, codecOf: ivfCodec, payloadOf: withoutHeader }],
]);

/** Undefined for formats of which WebCodecs knows nothing. */
export function codingOf(format: Format): Coding | undefined {
  return CODINGS.get(format);
}

function withoutHeader({ data }: Frame): Uint8Array {
  return data.subarray(IVF_FRAME_HEADER_BYTES);
}

function h264Codec(key: Frame): string | undefined {
  const unit = findUnit(withSetup(key), (first) => (first & 0x1f) === SPS_H264);
  return unit === undefined || unit.length < 4 ? undefined : `avc1.${hex(unit.subarray(1, 4))}`;
}

/**
 * Behind two bytes of header and one of identifiers: profile space, tier and profile in one byte, four
 * bytes of compatibility, six of constraints, and the level.
 */
function h265Codec(key: Frame): string | undefined {
  const found = findUnit(withSetup(key), (first) => ((first >> 1) & 0x3f) === SPS_H265);
  const sps = found === undefined ? [] : withoutPrevention(found.subarray(0, 32)).slice(3, 15);
  const [profile = 0, a = 0, b = 0, c = 0, d = 0, ...rest] = sps;
  if (sps.length < 12) {
    return undefined;
  }
  const level = rest[6] ?? 0;
  const constraints = rest.slice(0, 6);
  while (constraints.at(-1) === 0) {
    constraints.pop();
  }
  const space = ["", "A", "B", "C"][profile >> 6] ?? "";
  const tier = (profile & 0x20) === 0 ? "L" : "H";
  const compatibility = reverse32(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  const parts = [`${space}${profile & 0x1f}`, compatibility.toString(16), `${tier}${level}`];
  return ["hev1", ...parts, ...constraints.map((byte) => byte.toString(16))].join(".");
}

function ivfCodec({ setup = new Uint8Array(0) }: Frame): string | undefined {
  return IVF_CODECS.get(String.fromCharCode(...setup.subarray(FOURCC_AT, FOURCC_AT + 4)));
}

/** The first unit whose first byte `is` says yes to, and what stands behind it. */
function findUnit(bytes: Uint8Array, is: (first: number) => boolean): Uint8Array | undefined {
  for (let at = bytes.indexOf(1, 2); at !== -1; at = bytes.indexOf(1, at + 1)) {
    const first = bytes[at + 1];
    if (bytes[at - 1] === 0 && bytes[at - 2] === 0 && first !== undefined && is(first)) {
      return bytes.subarray(at + 1);
    }
  }
  return undefined;
}

/** What a unit says: a 3 behind two zeros is not of it (H.265, section 7.4.2.3). */
function withoutPrevention(unit: Uint8Array): number[] {
  return [...unit].filter(
    (byte, at) => !(byte === 3 && at >= 2 && unit[at - 1] === 0 && unit[at - 2] === 0),
  );
}

function reverse32(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) {
    reversed = reversed * 2 + ((value >>> bit) & 1);
  }
  return reversed;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
