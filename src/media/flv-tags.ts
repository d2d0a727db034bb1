/**
 * What the first bytes of an FLV tag's body tell about it.
 *
 *     video     │ frame type 4 bits, codec 4 bits       │ packet type │ composition time, 24 bits │ …
 *               │ 1, frame type 3 bits, packet 4 bits   │ FourCC, 32 bits                         │ …
 *     audio     │ format 4 bits, rate, size, channels   │ packet type (AAC alone)                 │ …
 *               │ 9 in 4 bits, packet type 4 bits       │ FourCC, 32 bits                         │ …
 *     script    │ 2, length 16 bits, "onMetaData"                                                 │ …
 *
 * Adobe Flash Video File Format Specification 10.1, sections E.4.2 to E.4.4; the second lines are those
 * of Enhanced RTMP, version 1 and later, sections "ExVideoTagHeader" and "ExAudioTagHeader".
 */
import { hasText } from "../core/bytes.ts";

/** Tags that a decoder must have had, in the order in which it gets them. The newest of each counts. */
export const SETUP_ROLES = [
  "metadata",
  "videoConfig",
  "videoColour",
  "audioConfig",
  "audioChannels",
] as const;

export type SetupRole = (typeof SETUP_ROLES)[number];

/** What a tag is for. A script may turn out to be no metadata once its name is there. */
export type TagRole = SetupRole | "keyframe" | "picture" | "sound" | "other";

/** The parameters of a codec whose frames are NAL units, each behind its length. */
export interface NalLayout {
  readonly lengthBytes: number;
  /** What a unit is, by its first byte. */
  readonly verdict: (header: number) => NalVerdict;
}

/** A picture at which every decoder can start over, another picture, or no picture at all. */
export type NalVerdict = "idr" | "picture" | "other";

const AUDIO_TAG = 8;
const VIDEO_TAG = 9;
const SCRIPT_TAG = 18;

const FRAME_KEY = 1;
const FRAME_COMMAND = 5;

/** AVC, and HEVC and AV1 as many write them without leave of the specification. */
const VIDEO_CODECS_WITH_PACKETS: readonly number[] = [7, 12, 13];

const AUDIO_AAC = 10;
const AUDIO_ENHANCED = 9;

/** Where the codec's own bytes begin, in a configuration of either form. */
const CONFIG_AT = 5;

/** The role of a tag, by its type and the first two bytes of its body; undefined for no known type. */
export function tagRole(type: number, body: Uint8Array): TagRole | undefined {
  switch (type) {
    case AUDIO_TAG:
      return body.length === 0 ? "other" : audioRole(body);
    case VIDEO_TAG:
      return body.length === 0 ? "picture" : videoRole(body);
    case SCRIPT_TAG:
      return "metadata";
    default:
      return undefined;
  }
}

export function isSetupRole(role: TagRole): role is SetupRole {
  return SETUP_ROLES.some((setupRole) => setupRole === role);
}

/** Whether frames that begin with `first` are nothing without the configuration of their codec. */
export function needsConfig(role: "keyframe" | "sound", first: number): boolean {
  return role === "keyframe"
    ? isEnhancedVideo(first) || VIDEO_CODECS_WITH_PACKETS.includes(first & 15)
    : [AUDIO_AAC, AUDIO_ENHANCED].includes(first >> 4);
}

/** Whether a script's body is the stream's metadata: an AMF0 string of this name, and its value. */
export function isMetadata(body: Uint8Array): boolean {
  return hasText(body, 0, "\u0002\u0000\u000aonMetaData");
}

function isEnhancedVideo(first: number): boolean {
  return first >= 0x80;
}

function audioRole(body: Uint8Array): TagRole {
  const format = body[0]! >> 4;
  if (format === AUDIO_AAC) {
    return body[1] === 0 ? "audioConfig" : "sound";
  }
  if (format !== AUDIO_ENHANCED) {
    return "sound";
  }
  const roles: readonly TagRole[] = ["audioConfig", "sound", "other", "other", "audioChannels"];
  return roles[body[0]! & 15] ?? "other";
}

function videoRole(body: Uint8Array): TagRole {
  const first = body[0]!;
  const isEnhanced = isEnhancedVideo(first);
  const frameType = (first >> 4) & 7;
  if (isEnhanced && (first & 15) === 4) {
    return "videoColour";
  }
  // A command to the player has no frame, though its second byte may look like a packet type.
  if (frameType === FRAME_COMMAND) {
    return "picture";
  }
  const packet = isEnhanced ? first & 15 : legacyPacketType(body);
  if (packet === 0) {
    return "videoConfig";
  }
  const isFrame = packet === 1 || (isEnhanced && packet === 3);
  return isFrame && frameType === FRAME_KEY ? "keyframe" : "picture";
}

/** 0 is a configuration, 1 a frame, 2 the end. Older codecs have frames alone. */
function legacyPacketType(body: Uint8Array): number | undefined {
  return VIDEO_CODECS_WITH_PACKETS.includes(body[0]! & 15) ? body[1] : 1;
}

/**
 * How a frame of the codec with this configuration is divided, or undefined where it is none of NAL
 * units: the decoder configuration records of ISO/IEC 14496-15, sections 5.3.3.1 and 8.3.3.1.
 */
export function nalLayout(config: Uint8Array): NalLayout | undefined {
  const isEnhanced = config.length > 0 && isEnhancedVideo(config[0]!);
  const codec = config.length > 0 ? config[0]! & 15 : 0;
  const isH264 = isEnhanced ? hasText(config, 1, "avc1") : codec === 7;
  const isH265 = isEnhanced ? hasText(config, 1, "hvc1") : codec === 12;
  const lengthSize = config[CONFIG_AT + (isH264 ? 4 : 21)];
  return (isH264 || isH265) && lengthSize !== undefined
    ? { lengthBytes: (lengthSize & 3) + 1, verdict: isH264 ? h264Verdict : h265Verdict }
    : undefined;
}

/** Where the NAL units of a frame begin in its body: a composition time stands before most. */
export function nalsAt(first: number): number {
  return isEnhancedVideo(first) && (first & 15) === 1 ? 8 : 5;
}

/** ITU-T H.264, table 7-1: slices are 1 to 5, and 5 is that of an IDR picture. */
function h264Verdict(header: number): NalVerdict {
  const type = header & 31;
  return type === 5 ? "idr" : type >= 1 && type < 5 ? "picture" : "other";
}

/**
 * ITU-T H.265, table 7-1: slices are below 32. From 16 to 20 nothing behind refers to what was before;
 * a CRA picture, 21, may have leading pictures that do.
 */
function h265Verdict(header: number): NalVerdict {
  const type = (header >> 1) & 63;
  return type >= 16 && type <= 20 ? "idr" : type < 32 ? "picture" : "other";
}
