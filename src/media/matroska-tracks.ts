/**
 * The video track of a Matroska stream, and what makes its decoder forget the pictures before a
 * keyframe.
 *
 *     Tracks ─── TrackEntry ─┬─ TrackNumber
 *                            ├─ TrackType           1 is video
 *                            ├─ CodecID
 *                            ├─ CodecPrivate        how long the lengths of H.265's units are
 *                            └─ ContentEncodings    packed, so that only the packer can write it
 *
 * RFC 9559, section 5.1.4.
 */
import { hasText } from "../core/bytes.ts";
import { elements, unsigned, type Element } from "./ebml.ts";
import { endOfSequenceUnit, hevcLengthBytes } from "./hvcc.ts";
import { NOTHING } from "./scanner.ts";

const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const CODEC_ID = 0x86;
const CODEC_PRIVATE = 0x63a2;
const CONTENT_ENCODINGS = 0x6d80;

const VIDEO = 1;

/** The largest track number that a block writes in one byte. */
const SHORT_TRACK_MAX = 126;

export interface VideoTrack {
  readonly number: number;
  /** Bytes of the length before a unit of H.265; undefined where it is not H.265, or not as it is. */
  readonly hevcLengthBytes: number | undefined;
}

/** The first video track, from the Tracks element's body. */
export function firstVideoTrack(tracks: Uint8Array): VideoTrack | undefined {
  for (const entry of elements(tracks)) {
    const fields = entry.id === TRACK_ENTRY ? [...elements(entry.body)] : [];
    const number = body(fields, TRACK_NUMBER);
    const type = body(fields, TRACK_TYPE);
    if (number !== undefined && type !== undefined && unsigned(type) === VIDEO) {
      return { number: unsigned(number), hevcLengthBytes: lengthBytes(fields) };
    }
  }
  return undefined;
}

function lengthBytes(fields: readonly Element[]): number | undefined {
  const codec = body(fields, CODEC_ID) ?? NOTHING;
  const isPacked = body(fields, CONTENT_ENCODINGS) !== undefined;
  return hasText(codec, 0, "V_MPEGH/ISO/HEVC") && !isPacked
    ? hevcLengthBytes(body(fields, CODEC_PRIVATE) ?? NOTHING)
    : undefined;
}

function body(fields: readonly Element[], id: number): Uint8Array | undefined {
  return fields.find((field) => field.id === id)?.body;
}

/**
 * A Cluster that makes the decoder of an H.265 track leave out the leading pictures of the keyframe
 * that is shown at `time`. Undefined for other tracks.
 */
export function endOfSequence(track: VideoTrack, time: number): Uint8Array | undefined {
  const isSound = track.number <= SHORT_TRACK_MAX && time <= Number.MAX_SAFE_INTEGER;
  if (track.hevcLengthBytes === undefined || !isSound) {
    return undefined;
  }
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigUInt64BE(BigInt(Math.max(time, 0)));
  const block = [0x80 | track.number, 0, 0, 0, ...endOfSequenceUnit(track.hevcLengthBytes)];
  const children = [0xe7, 0x88, ...timestamp, 0xa3, 0x80 | block.length, ...block];
  return new Uint8Array([0x1f, 0x43, 0xb6, 0x75, 0x80 | children.length, ...children]);
}
