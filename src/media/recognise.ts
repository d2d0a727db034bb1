/**
 * Tells a stream's format from its first bytes.
 *
 * A stream announces its format by a signature (Matroska, Ogg, …) or only by a structure that
 * repeats (MPEG-TS, ADTS, MP3). A signature is believed as soon as it is complete. A structure is
 * believed once it has repeated, because a sync word alone also occurs in noise. Everything is
 * looked for at the very start: the middle of any stream may look like another format.
 */
import { hasText, readUint32 } from "../core/bytes.ts";
import { vint } from "./ebml.ts";

export type Format =
  | "h264"
  | "h265"
  | "mpegts"
  | "matroska"
  | "webm"
  | "flv"
  | "mp4"
  | "ogg"
  | "aac"
  | "mp3"
  | "ivf"
  | "mjpeg"
  | "wav"
  | "y4m";

/**
 * Bytes of a stream that suffice to know its format. A stream that is not known by then stays
 * unknown. The longest evidence is that of AAC and MP3: an ID3 tag and two frames, of at most some
 * 1.5 KB each for stereo.
 */
export const PROBE_BYTES = 4096;

const TITLES: Readonly<Record<Format, string>> = {
  h264: "H.264",
  h265: "H.265",
  mpegts: "MPEG-TS",
  matroska: "Matroska",
  webm: "WebM",
  flv: "FLV",
  mp4: "MP4",
  ogg: "Ogg",
  aac: "AAC",
  mp3: "MP3",
  ivf: "IVF",
  mjpeg: "Motion JPEG",
  wav: "WAV",
  y4m: "YUV4MPEG2",
};

interface Recogniser {
  readonly format: Format;
  /** Says whether the bytes suffice to know the format. More bytes may turn a no into a yes. */
  readonly matches: (head: Uint8Array) => boolean;
}

/** In detection order: signatures first, then structures from the strictest to the loosest. */
const RECOGNISERS: readonly Recogniser[] = [
  { format: "matroska", matches: (head) => docType(head) === "matroska" },
  { format: "webm", matches: (head) => docType(head) === "webm" },
  { format: "flv", matches: (head) => hasText(head, 0, "FLV\u0001") },
  { format: "mp4", matches: isMp4 },
  { format: "ogg", matches: (head) => hasText(head, 0, "OggS") },
  { format: "ivf", matches: (head) => hasText(head, 0, "DKIF") },
  { format: "wav", matches: (head) => hasText(head, 0, "RIFF") && hasText(head, 8, "WAVE") },
  { format: "y4m", matches: (head) => hasText(head, 0, "YUV4MPEG2") },
  { format: "mjpeg", matches: (head) => hasText(head, 0, "\u00ff\u00d8\u00ff") },
  { format: "h264", matches: (head) => isAnnexB(head, h264Verdict) },
  { format: "h265", matches: (head) => isAnnexB(head, h265Verdict) },
  { format: "mpegts", matches: isMpegTs },
  { format: "aac", matches: (head) => repeats(head, soundStart(head), adtsFrame) },
  { format: "mp3", matches: isMp3 },
];

/**
 * The format of the stream that begins with `head`, or undefined where it is not known, or not yet.
 * The caller may ask again as more bytes come, up to {@link PROBE_BYTES}; the bytes beyond that are
 * not looked at.
 */
export function recognise(head: Uint8Array): Format | undefined {
  const probe = head.subarray(0, PROBE_BYTES);
  return RECOGNISERS.find((recogniser) => recogniser.matches(probe))?.format;
}

/** The format's name as people write it. */
export function formatTitle(format: Format): string {
  return TITLES[format];
}

// --- Matroska and WebM: an EBML header, whose DocType tells the two apart (RFC 8794, section 11.2)
// ---

const EBML_SIGNATURE = "\u001a\u0045\u00df\u00a3";
const DOC_TYPE_ID = "\u0042\u0082";

/** The DocType of the EBML header, once it is wholly there. */
function docType(head: Uint8Array): string | undefined {
  const size = hasText(head, 0, EBML_SIGNATURE) ? vint(head, 4) : undefined;
  if (size === undefined) {
    return undefined;
  }
  let at = size.end;
  while (at < size.end + size.value) {
    const id = vint(head, at);
    const length = id && vint(head, id.end);
    if (length === undefined) {
      return undefined;
    }
    const end = length.end + length.value;
    if (hasText(head, at, DOC_TYPE_ID)) {
      return end <= head.length ? ebmlString(head.subarray(length.end, end)) : undefined;
    }
    at = end;
  }
  return undefined;
}

/** A string element ends at its first NUL, which serves as padding (RFC 8794, section 7.4). */
function ebmlString(bytes: Uint8Array): string | undefined {
  return String.fromCharCode(...bytes).split("\0", 1)[0];
}

// --- MP4: a box that may open a stream (ISO/IEC 14496-12, section 4.2) ---

const BOX_HEAD_BYTES = 8;

function isMp4(head: Uint8Array): boolean {
  const opens = ["ftyp", "styp", "moof"].some((type) => hasText(head, 4, type));
  return opens && readUint32(head, 0) >= BOX_HEAD_BYTES;
}

// --- H.264 and H.265: NAL units after start codes (Annex B of both) ---

/** What the NAL unit at `at` proves: the format (true), another one (false), or nothing yet. */
type Verdict = (head: Uint8Array, at: number) => boolean | undefined;

/**
 * Bytes that a verdict may look at. Behind a shorter unit stands a start code, so the wait costs
 * nothing.
 */
const NAL_HEAD_BYTES = 4;

/**
 * Asks one NAL unit after the other, because a stream may open with units that both codecs could
 * have.
 */
function isAnnexB(head: Uint8Array, verdict: Verdict): boolean {
  let at = firstNal(head);
  while (at !== -1 && at + NAL_HEAD_BYTES <= head.length) {
    const answer = verdict(head, at);
    if (answer !== undefined) {
      return answer;
    }
    at = nextNal(head, at);
  }
  return false;
}

/** Where the first NAL unit begins. Any number of zero bytes may stand before its start code. */
function firstNal(head: Uint8Array): number {
  const one = head.findIndex((byte) => byte !== 0);
  return one >= 2 && head[one] === 1 ? one + 1 : -1;
}

/**
 * Where the next NAL unit begins. No unit holds a start code, by emulation prevention (H.264,
 * section 7.4.1).
 */
function nextNal(head: Uint8Array, at: number): number {
  let one = head.indexOf(1, at + 2);
  while (one !== -1 && (head[one - 1] !== 0 || head[one - 2] !== 0)) {
    one = head.indexOf(1, one + 1);
  }
  return one === -1 ? -1 : one + 1;
}

/** The values of profile_idc in a base layer's sequence parameter set (H.264, section A.2). */
const H264_PROFILES: readonly number[] = [44, 66, 77, 88, 100, 110, 122, 244];

/** H.264, section 7.3.1: forbidden_zero_bit, nal_ref_idc (2 bits), nal_unit_type (5 bits). */
function h264Verdict(head: Uint8Array, at: number): boolean | undefined {
  const header = head[at]!;
  const type = header & 0x1f;
  if (header >= 0x80 || type === 0 || type >= 24) {
    return false;
  }
  if (type === 7) {
    return header >= 0x20 && isH264Sps(head, at + 1);
  }
  // An access unit delimiter is never referred to, and holds three bits, the stop bit and four
  // zeros.
  return type === 9 ? header === 9 && (head[at + 1]! & 0x1f) === 0x10 : undefined;
}

/**
 * Section 7.3.2.1.1: profile_idc, six flags and two zero bits, level_idc, which goes from 9 (1b) to
 * 62 (6.2).
 */
function isH264Sps(head: Uint8Array, at: number): boolean {
  const level = head[at + 2]!;
  return (
    H264_PROFILES.includes(head[at]!) && (head[at + 1]! & 3) === 0 && level >= 9 && level <= 62
  );
}

/**
 * H.265, section 7.3.1.2: forbidden_zero_bit, type (6 bits), layer (6 bits), temporal id plus one
 * (3 bits).
 */
function h265Verdict(head: Uint8Array, at: number): boolean | undefined {
  const header = (head[at]! << 8) | head[at + 1]!;
  const type = header >> 9;
  const isBaseLayer = (header & 0x1f8) === 0;
  if (!isBaseLayer || (header & 7) === 0 || type > 40) {
    return false;
  }
  // 32 to 35 are the video, sequence and picture parameter sets and the access unit delimiter
  // (table 7-1).
  return type >= 32 && type <= 35 ? true : undefined;
}

// --- MPEG-TS: packets of one length, each with a sync byte (ISO/IEC 13818-1, section 2.4.3.2) ---

const TS_PACKET_BYTES = 188;
const TS_SYNC = 0x47;

/** Sync bytes in a row that need no further proof: chance makes five of them once in a trillion. */
const TS_SYNCS = 5;

function isMpegTs(head: Uint8Array): boolean {
  let syncs = 0;
  let hasPat = false;
  for (let at = 0; at < head.length && syncs < TS_SYNCS; at += TS_PACKET_BYTES) {
    if (head[at] !== TS_SYNC) {
      return false;
    }
    syncs++;
    hasPat ||= isPat(head, at);
  }
  return syncs >= TS_SYNCS || (syncs >= 2 && hasPat);
}

/**
 * Whether the packet at `at` begins a program association table: no error, a payload that begins a
 * section, packet identifier 0, not scrambled, no adaptation field, and behind the pointer field
 * table identifier 0 (section 2.4.4.3).
 */
function isPat(head: Uint8Array, at: number): boolean {
  if (at + 6 > head.length) {
    return false;
  }
  const header = readUint32(head, at);
  return (header & 0xdf_ff_f0) === 0x40_00_10 && head[at + 4] === 0 && head[at + 5] === 0;
}

// --- AAC and MP3: frames whose headers give their lengths ---

/**
 * The length of the frame whose header stands at `at`, and the bits of that header that no frame
 * changes.
 */
type FrameReader = (head: Uint8Array, at: number) => { bytes: number; fixed: number } | undefined;

/** Whether a frame stands at `at`, and another one of the same kind behind it. */
function repeats(head: Uint8Array, at: number, frame: FrameReader): boolean {
  const first = frame(head, at);
  const second = first && frame(head, at + first.bytes);
  return second !== undefined && second.fixed === first?.fixed;
}

const ADTS_HEAD_BYTES = 7;

/**
 * ISO/IEC 13818-7, section 6.2: the header's fixed part has 28 bits, and the length stands across
 * bytes 3 to 5.
 */
function adtsFrame(head: Uint8Array, at: number): { bytes: number; fixed: number } | undefined {
  if (at + ADTS_HEAD_BYTES > head.length) {
    return undefined;
  }
  const isSync = head[at] === 0xff && (head[at + 1]! & 0xf6) === 0xf0;
  const rate = (head[at + 2]! >> 2) & 15;
  const bytes = ((head[at + 3]! & 3) << 11) | (head[at + 4]! << 3) | (head[at + 5]! >> 5);
  if (!isSync || rate > 12 || bytes < ADTS_HEAD_BYTES) {
    return undefined;
  }
  return { bytes, fixed: readUint32(head, at) & 0xff_ff_ff_f0 };
}

/**
 * kbit/s of layer III by bitrate index (ISO/IEC 11172-3, section 2.4.2.3, and 13818-3). Index 0
 * gives no length.
 */
const MPEG1_KBITS: readonly number[] = [
  0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
const MPEG2_KBITS: readonly number[] = [
  0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160,
];
const MPEG1_RATES: readonly number[] = [44_100, 48_000, 32_000];

/**
 * Eleven sync bits, version (2 bits), layer (2 bits, 01 is III), then bitrate, sampling rate and
 * padding.
 */
function mp3Frame(head: Uint8Array, at: number): { bytes: number; fixed: number } | undefined {
  if (at + 4 > head.length || head[at] !== 0xff || (head[at + 1]! & 0xe6) !== 0xe2) {
    return undefined;
  }
  const version = (head[at + 1]! >> 3) & 3; // 3 is MPEG-1, 2 is MPEG-2 and 0 is its half-rate extension "2.5".
  const kbits = (version === 3 ? MPEG1_KBITS : MPEG2_KBITS)[head[at + 2]! >> 4];
  const rate = MPEG1_RATES[(head[at + 2]! >> 2) & 3];
  if (version === 1 || !kbits || !rate) {
    return undefined;
  }
  const shift = version === 3 ? 0 : version === 2 ? 1 : 2;
  const samplesInBytes = version === 3 ? 144 : 72;
  const padding = (head[at + 2]! >> 1) & 1;
  const bytes = Math.floor((samplesInBytes * kbits * 1000) / (rate >> shift)) + padding;
  return { bytes, fixed: readUint32(head, at) & 0xff_fe_0c_00 };
}

/**
 * A tag stands before MP3 far more often than before AAC, so a tag is enough where the sound behind
 * it is out of reach, or is no AAC as far as can be seen.
 */
function isMp3(head: Uint8Array): boolean {
  const start = soundStart(head);
  const isOutOfReach = Math.max(start, head.length) >= PROBE_BYTES;
  return repeats(head, start, mp3Frame) || (start > 0 && isOutOfReach);
}

const ID3_HEAD_BYTES = 10;

/**
 * Where the sound begins: behind the ID3v2 tag, where there is one. Its length has 7 bits in each
 * of 4 bytes.
 */
function soundStart(head: Uint8Array): number {
  if (!hasText(head, 0, "ID3") || head.length < ID3_HEAD_BYTES) {
    return 0;
  }
  const size = readUint32(head, 6);
  if ((size & 0x80_80_80_80) !== 0) {
    return 0;
  }
  const body = head[6]! * 2 ** 21 + head[7]! * 2 ** 14 + head[8]! * 2 ** 7 + head[9]!;
  const footer = (head[5]! & 0x10) === 0 ? 0 : ID3_HEAD_BYTES;
  return ID3_HEAD_BYTES + body + footer;
}
