/**
 * What a fragmented MP4 says about its pictures (ISO/IEC 14496-12, sections 8.3, 8.4 and 8.8).
 *
 *     moov ─┬─ trak ─┬─ tkhd            a track's number
 *           │        └─ mdia ── hdlr    "vide" where it is video
 *           └─ mvex ─── trex            a track's defaults
 *
 *     moof ─── traf ─┬─ tfhd            which track's fragment this is, and its own defaults
 *                    ├─ tfdt            when its first sample is decoded
 *                    └─ trun            its samples: durations, sizes, flags, times
 *
 *     tfhd  ┌───────┬───────┬──────────┬─────────────┬──────────┬──────┬───────┐
 *           │ flags │ track │ base u64 │ description │ duration │ size │ flags │
 *           └───────┴───────┴──────────┴─────────────┴──────────┴──────┴───────┘
 *                              0x1       0x2           0x8        0x10   0x20     is there
 *
 *     trun  ┌───────┬───────┬──────────┬─────────────┬──────────┬──────┬───────┬───────┬──
 *           │ flags │ count │ offset   │ first flags │ duration │ size │ flags │ shift │ …
 *           └───────┴───────┴──────────┴─────────────┴──────────┴──────┴───────┴───────┴──
 *                              0x1       0x4         │ 0x100      0x200  0x400   0x800 │ each
 */
import { readUint32 } from "../core/bytes.ts";
import { boxAt, boxesOf, boxType, type Box } from "./boxes.ts";
import { hevcLengthBytes } from "./hvcc.ts";

const TRAK = boxType("trak");
const TKHD = boxType("tkhd");
const MDIA = boxType("mdia");
const HDLR = boxType("hdlr");
const VIDE = boxType("vide");
const MINF = boxType("minf");
const STBL = boxType("stbl");
const STSD = boxType("stsd");
const HVC1 = boxType("hvc1");
const HEV1 = boxType("hev1");
const HVCC = boxType("hvcC");
const MVEX = boxType("mvex");
const TREX = boxType("trex");
const TRAF = boxType("traf");
const TFHD = boxType("tfhd");
const TFDT = boxType("tfdt");
const TRUN = boxType("trun");

/** What holds for samples that do not say otherwise. */
interface Defaults {
  readonly duration: number;
  readonly flags: number;
}

/** A movie without a sample of its own, whose samples come in fragments. */
export interface Movie {
  /** The first video track's number, where there is one. */
  readonly video: number | undefined;
  /** Bytes of the length before a unit of H.265; undefined where the video is something else. */
  readonly hevcLengthBytes: number | undefined;
  readonly defaults: Defaults;
}

/** One track's part of a fragment. */
export interface TrackFragment {
  readonly tfhd: Box;
  /** When its first sample is decoded. */
  readonly tfdt: Box | undefined;
  readonly truns: readonly Box[];
  readonly track: number;
  /** Where the data are counted from, in bytes since the file began. */
  readonly base: number | undefined;
  readonly duration: number | undefined;
  readonly flags: number | undefined;
}

export interface Sample {
  readonly isKeyframe: boolean;
  readonly duration: number;
  /** How much later than its decoding time it is shown. */
  readonly shift: number;
}

/** The movie of a moov, or undefined where it has no fragments. */
export function readMovie(bytes: Uint8Array, moov: Box): Movie | undefined {
  const extension = boxAt(bytes, moov, MVEX);
  if (extension === undefined) {
    return undefined;
  }
  const trak = boxesOf(bytes, moov, TRAK).find((box) => handlerOf(bytes, box) === VIDE);
  const video = trak && trackNumber(bytes, trak);
  const trex = boxesOf(bytes, extension, TREX).find(
    ({ body, to }) => to - body >= 24 && readUint32(bytes, body + 4) === video,
  );
  const at = (offset: number): number => (trex ? readUint32(bytes, trex.body + offset) : 0);
  return {
    video,
    hevcLengthBytes: trak && lengthBytes(bytes, trak),
    defaults: { duration: at(12), flags: at(20) },
  };
}

function handlerOf(bytes: Uint8Array, trak: Box): number | undefined {
  const hdlr = boxAt(bytes, trak, MDIA, HDLR);
  return hdlr && hdlr.to - hdlr.body >= 12 ? readUint32(bytes, hdlr.body + 8) : undefined;
}

/** Two times stand before the number, which are larger in version 1. */
function trackNumber(bytes: Uint8Array, trak: Box): number | undefined {
  const tkhd = boxAt(bytes, trak, TKHD);
  if (tkhd === undefined || tkhd.to - tkhd.body < 24) {
    return undefined;
  }
  return readUint32(bytes, tkhd.body + (bytes[tkhd.body] === 0 ? 12 : 20));
}

/** Section 12.1.3: behind 78 bytes of a video's only sample entry stands its decoder's configuration. */
function lengthBytes(bytes: Uint8Array, trak: Box): number | undefined {
  const stsd = boxAt(bytes, trak, MDIA, MINF, STBL, STSD);
  const list = stsd && { ...stsd, body: stsd.body + 8 };
  const entry = list && (boxAt(bytes, list, HVC1) ?? boxAt(bytes, list, HEV1));
  const hvcc = entry && boxAt(bytes, { ...entry, body: entry.body + 78 }, HVCC);
  return hvcc && hevcLengthBytes(bytes.subarray(hvcc.body, hvcc.to));
}

/** The track fragments of a moof, or undefined where one of them has no whole header. */
export function trackFragments(bytes: Uint8Array, moof: Box): TrackFragment[] | undefined {
  const fragments: TrackFragment[] = [];
  for (const traf of boxesOf(bytes, moof, TRAF)) {
    const fragment = trackFragment(bytes, traf);
    if (fragment === undefined) {
      return undefined;
    }
    fragments.push(fragment);
  }
  return fragments;
}

function trackFragment(bytes: Uint8Array, traf: Box): TrackFragment | undefined {
  const tfhd = boxAt(bytes, traf, TFHD);
  if (tfhd === undefined || tfhd.to - tfhd.body < 8) {
    return undefined;
  }
  const has = readUint32(bytes, tfhd.body);
  const fields = { bytes, at: tfhd.body + 8, to: tfhd.to };
  const high = field(fields, (has & 0x1) !== 0);
  const low = field(fields, (has & 0x1) !== 0);
  field(fields, (has & 0x2) !== 0);
  const duration = field(fields, (has & 0x8) !== 0);
  field(fields, (has & 0x10) !== 0);
  const flags = field(fields, (has & 0x20) !== 0);
  if (fields.at > fields.to) {
    return undefined;
  }
  const base = high === undefined || low === undefined ? undefined : high * 2 ** 32 + low;
  const track = readUint32(bytes, tfhd.body + 4);
  const tfdt = boxAt(bytes, traf, TFDT);
  return { tfhd, tfdt, truns: boxesOf(bytes, traf, TRUN), track, base, duration, flags };
}

/**
 * The first samples of a track fragment, at most `limit` of them, or undefined where they are not
 * there.
 */
export function firstSamples(
  bytes: Uint8Array,
  { truns, duration: usual, flags: usualFlags }: TrackFragment,
  defaults: Defaults,
  limit: number,
): Sample[] | undefined {
  const samples: Sample[] = [];
  for (const { body, to } of truns) {
    if (to - body < 8) {
      return undefined;
    }
    const has = readUint32(bytes, body);
    const count = readUint32(bytes, body + 4);
    const fields = { bytes, at: body + 8, to };
    field(fields, (has & 0x1) !== 0);
    let first = field(fields, (has & 0x4) !== 0);
    for (let i = 0; i < count && samples.length < limit; i++) {
      const duration = field(fields, (has & 0x100) !== 0) ?? usual ?? defaults.duration;
      field(fields, (has & 0x200) !== 0);
      const flags = field(fields, (has & 0x400) !== 0) ?? usualFlags ?? defaults.flags;
      const shift = field(fields, (has & 0x800) !== 0) ?? 0;
      samples.push({ isKeyframe: isKeyframe(first ?? flags), duration, shift: shift | 0 });
      first = undefined;
    }
    if (fields.at > to) {
      return undefined;
    }
  }
  return samples;
}

/**
 * Section 8.8.3.1: a sample is no sync sample where it says so, and also where it says that it
 * depends on others.
 */
function isKeyframe(flags: number): boolean {
  return (flags & 0x1_00_00) === 0 && ((flags >> 24) & 3) !== 1;
}

interface Fields {
  readonly bytes: Uint8Array;
  at: number;
  readonly to: number;
}

/**
 * The next 32-bit field, where the flags say that it is there. Behind the end `at` goes on, so that one
 * look at the end finds out whether all were there.
 */
function field(fields: Fields, isThere: boolean): number | undefined {
  if (!isThere) {
    return undefined;
  }
  fields.at += 4;
  return fields.at <= fields.to ? readUint32(fields.bytes, fields.at - 4) : undefined;
}
