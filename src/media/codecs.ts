/**
 * Evidence of bare codecs: H.264 and H.265 in byte streams, AAC and MP3 in frames.
 *
 *     Annex B   ┌────────┬──────────┬─────────┬──────────┬─────────┬───
 *               │ 00 …   │ 00 00 01 │ unit    │ 00 00 01 │ unit    │ …
 *               └────────┴──────────┴─────────┴──────────┴─────────┴───
 *     sound     ┌────────┬──────────┬─────────┬────────────────────────
 *               │ ID3    │ ID3      │ frame   │ header of the same kind
 *               └────────┴──────────┴─────────┴────────────────────────
 */
import { searchable } from "../core/bytes.ts";
import { ADTS } from "./adts.ts";
import { textEvidence, type Evidence } from "./evidence.ts";
import { ID3_HEAD_BYTES, id3Bytes } from "./id3.ts";
import { isLayerIII, MPEG_AUDIO } from "./mp3.ts";
import type { SoundFrames } from "./sound.ts";

// --- H.264 and H.265: NAL units after start codes (Annex B of both) ---

/** What the NAL unit at `at` proves: the format (true), another one (false), or nothing yet. */
type Verdict = (head: Uint8Array, at: number) => Evidence;

/**
 * Bytes that a verdict may look at. Behind a shorter unit stands a start code, so the wait costs
 * nothing.
 */
const NAL_HEAD_BYTES = 4;

const START_CODE: Buffer = Buffer.of(0, 0, 1);

/** Zero bytes before the first start code: any number is allowed, and real streams have one. */
const LEADING_ZEROS_MAX = 4096;

/**
 * Asks one NAL unit after the other, because a stream may open with units that both codecs could
 * have, and long ones. It goes on where the last call stopped.
 */
export function newNalEvidence(verdict: Verdict): (head: Uint8Array) => Evidence {
  let at = 0;
  let searched = 0;
  return (head) => {
    if (at === 0) {
      const first = firstNal(head);
      if (typeof first !== "number") {
        return first;
      }
      at = first;
    }
    while (at + NAL_HEAD_BYTES <= head.length) {
      const answer = verdict(head, at);
      if (answer !== undefined) {
        return answer;
      }
      // No unit holds a start code, by emulation prevention (H.264, section 7.4.1).
      const next = searchable(head).indexOf(START_CODE, Math.max(at, searched - 2));
      searched = next === -1 ? head.length : next;
      if (next === -1) {
        break;
      }
      at = next + START_CODE.length;
    }
    return undefined;
  };
}

/** Where the first NAL unit begins. Zero bytes may stand before its start code. */
function firstNal(head: Uint8Array): number | Evidence {
  const one = head.findIndex((byte) => byte !== 0);
  if (one === -1) {
    return head.length > LEADING_ZEROS_MAX ? false : undefined;
  }
  return one >= 2 && head[one] === 1 ? one + 1 : false;
}

/** The values of profile_idc in a base layer's sequence parameter set (H.264, section A.2). */
const H264_PROFILES: readonly number[] = [44, 66, 77, 88, 100, 110, 122, 244];

/** H.264, section 7.3.1: forbidden_zero_bit, nal_ref_idc (2 bits), nal_unit_type (5 bits). */
export function h264Verdict(head: Uint8Array, at: number): Evidence {
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
export function h265Verdict(head: Uint8Array, at: number): Evidence {
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

// --- AAC and MP3: frames whose headers give their lengths ---

/** Tags in front of the sound that are passed over. Two are an accident that happens. */
const TAGS_MAX = 4;

/** Whether ADTS frames stand at the beginning, or behind a tag. */
export function aacEvidence(head: Uint8Array): Evidence {
  const start = soundStart(head);
  return start === undefined ? undefined : repeats(head, start, ADTS);
}

/**
 * The same for MP3. A tag stands before MP3 far more often than before AAC, so a tag is enough where
 * the sound behind it is out of reach, or is no AAC as far as can be seen.
 */
export function mp3Evidence(head: Uint8Array, reach: number): Evidence {
  const start = soundStart(head);
  if (start === 0) {
    const answer = repeats(head, 0, MPEG_AUDIO);
    return answer === true ? isLayerIII(head, 0) : answer;
  }
  if (start !== undefined && (start >= reach || repeats(head, start, MPEG_AUDIO) === true)) {
    return true;
  }
  return head.length >= reach ? true : undefined;
}

/** Whether a frame stands at `at`, and another one of the same kind behind it. */
function repeats(head: Uint8Array, at: number, frames: SoundFrames): Evidence {
  const first = headerEvidence(head, at, frames);
  if (first !== true) {
    return first;
  }
  const next = at + frames.length(head, at);
  const second = headerEvidence(head, next, frames);
  return second === true ? frames.kind(head, next) === frames.kind(head, at) : second;
}

function headerEvidence(head: Uint8Array, at: number, frames: SoundFrames): Evidence {
  if (at + frames.headBytes > head.length) {
    return at < head.length && head[at] !== 0xff ? false : undefined;
  }
  return frames.length(head, at) > 0;
}

/**
 * Where the sound begins: behind the tags, where there are any. Undefined where a tag begins of which
 * too little is there.
 */
function soundStart(head: Uint8Array): number | undefined {
  let at = 0;
  for (let tags = 0; tags < TAGS_MAX && at < head.length; tags++) {
    const isTag = textEvidence(head, at, "ID3");
    if (isTag === undefined || (isTag && at + ID3_HEAD_BYTES > head.length)) {
      return undefined;
    }
    const length = id3Bytes(head, at);
    if (length === 0) {
      return at;
    }
    at += length;
  }
  return at;
}
