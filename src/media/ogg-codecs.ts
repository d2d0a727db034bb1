/**
 * What tells header packets and keyframes of the codecs that live in Ogg.
 *
 *     logical stream   │ first packet    │ more headers    │ data…
 *     Vorbis           │ 1 "vorbis"      │ 3 …  5 …        │ bit 0 is 0            Vorbis I, section 4.2.1
 *     Theora           │ 128 "theora"    │ 129 …  130 …    │ bit 7 is 0, bit 6: not intra     Theora, 6.1
 *     Opus             │ "OpusHead"      │ "OpusTags"      │                       RFC 7845, section 5
 *     FLAC             │ 127 "FLAC" 1 0 N│ N blocks        │ 255 …                 RFC 9639, section 10.1
 *     Speex            │ "Speex   "      │ comments, extra │                       Speex manual, section 7
 *     VP8              │ "OVP80" 1       │ "OVP80" 2       │ bit 0: not key        RFC 6386, section 9.1
 *     Skeleton         │ "fishead\0"     │ "fisbone\0" …   │ none
 */
import { hasText, readUint16, readUint32Le } from "../core/bytes.ts";

export interface OggCodec {
  /** Header packets, the first one included; infinitely many where the stream has nothing else. */
  readonly headers: number;
  /** Whether data begins with this byte before that many headers came: they were fewer. */
  readonly isData?: (first: number) => boolean;
  /** For pictures: whether a packet that begins with this byte can be decoded alone. */
  readonly isKeyframe?: (first: number) => boolean;
}

interface Signature {
  readonly text: string;
  readonly codec: (packet: Uint8Array) => OggCodec;
}

const SIGNATURES: readonly Signature[] = [
  { text: "\u0001vorbis", codec: () => ({ headers: 3 }) },
  { text: "\u0080theora", codec: () => ({ headers: 3, isKeyframe: isTheoraKeyframe }) },
  { text: "OpusHead", codec: () => ({ headers: 2 }) },
  { text: "\u007fFLAC", codec: flac },
  { text: "Speex   ", codec: speex },
  { text: "OVP80", codec: () => ({ headers: 2, isData: isVp8, isKeyframe: isVp8Keyframe }) },
  { text: "fishead\0", codec: () => ({ headers: Infinity }) },
  // Pictures of which is not known where they can be decoded alone.
  { text: "BBCD", codec: () => ({ headers: 1, isKeyframe: () => false }) },
  { text: "\u0080daala", codec: () => ({ headers: 3, isKeyframe: () => false }) },
  { text: "\u0001video", codec: () => ({ headers: 2, isKeyframe: () => false }) },
];

/** Of a stream that nobody knows, the first packet alone is sure to be a header. */
const UNKNOWN: OggCodec = { headers: 1 };

/** The codec of the logical stream that begins with `packet`. */
export function oggCodec(packet: Uint8Array): OggCodec {
  return SIGNATURES.find(({ text }) => hasText(packet, 0, text))?.codec(packet) ?? UNKNOWN;
}

/**
 * The count of further headers stands in bytes 7 and 8; 0 says that it is not known. Then data is told
 * by the sync code of a FLAC frame, which no metadata block begins with.
 */
function flac(packet: Uint8Array): OggCodec {
  const more = packet.length < 9 ? 0 : readUint16(packet, 7);
  return more > 0 ? { headers: 1 + more } : { headers: Infinity, isData: (first) => first === 255 };
}

/** Byte 68 begins the count of headers beside the first one and the comments. */
function speex(packet: Uint8Array): OggCodec {
  return { headers: 2 + (packet.length < 72 ? 0 : readUint32Le(packet, 68)) };
}

function isTheoraKeyframe(first: number): boolean {
  return (first & 0xc0) === 0;
}

/** The comments are optional. They begin with an "O", which would be a VP8 frame of no known version. */
function isVp8(first: number): boolean {
  return first !== 0x4f;
}

function isVp8Keyframe(first: number): boolean {
  return (first & 1) === 0;
}
