/**
 * MPEG audio: layers I, II and III of MPEG-1, MPEG-2 and the half-rate extension "2.5".
 *
 *     bits  11     2         2       1        4         2      1         1         2      6
 *     ┌───────┬─────────┬───────┬────────┬─────────┬──────┬─────────┬─────────┬──────┬──────┐
 *     │ ones  │ version │ layer │ no CRC │ bitrate │ rate │ padding │ private │ mode │ …    │
 *     ├───────┴─────────┴───────┴────────┴─────────┴──────┴─────────┴─────────┴──────┴──────┤
 *     │ CRC, 16 bits, if any │ layer III: main_data_begin, 9 bits (MPEG-1) or 8 │ …         │
 *     └──────────────────────┴───────────────────────────────────────────────────┴───────────┘
 *
 * ISO/IEC 11172-3, section 2.4.2.3, and 13818-3, section 2.4.2.3. Frames without a stated bitrate
 * ("free format") have no length, and count as no frames.
 *
 * Layer III keeps a reservoir: the data of a frame begins `main_data_begin` bytes before its header,
 * in what earlier frames left over (ISO/IEC 11172-3, section 2.4.3.4.1):
 *
 *     ┌────────┬──────────────┬────────┬──────────────┬────────┬─────
 *     │ header │ data A   ┆ B…│ header │ …B  ┆ data C…│ header │ …C
 *     └────────┴──────────────┴────────┴──────────────┴────────┴─────
 *
 * A decoder that starts without those bytes is silent until it has them, some 50 to 100 ms. One that
 * has other bytes from before takes those instead, which can be a loud crack.
 */
import { readUint32 } from "../core/bytes.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";
import { newSoundScanner, type SoundFrames } from "./sound.ts";

/** The header, a checksum, and as much of layer III's side information as main_data_begin takes. */
const HEAD_BYTES = 8;

/**
 * Milliseconds since the last frame that needs no earlier one, from when on any frame will do. An
 * encoder that uses its reservoir makes one such frame at its start and few afterwards; one that uses
 * none makes nothing else.
 */
const PATIENCE_MS = 1_000;

// By bitrate index, in kbit/s. Index 0 is the free format, and 15 is forbidden.
const V1_LAYER_I: readonly number[] = [
  0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
];
const V1_LAYER_II: readonly number[] = [
  0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
];
const V1_LAYER_III: readonly number[] = [
  0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
const V2_LAYER_I: readonly number[] = [
  0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
];
const V2_LAYER_II_III: readonly number[] = [
  0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160,
];

/** By layer bits. */
const V1_KBITS: readonly (readonly number[])[] = [[], V1_LAYER_III, V1_LAYER_II, V1_LAYER_I];
const V2_KBITS: readonly (readonly number[])[] = [[], V2_LAYER_II_III, V2_LAYER_II_III, V2_LAYER_I];

const V1_RATES: readonly number[] = [44_100, 48_000, 32_000];

/** What the rates are divided by in "2.5", nothing, MPEG-2 and MPEG-1. */
const RATE_DIVISORS: readonly number[] = [4, 1, 2, 1];

// Values of the version and of the layer.
const RESERVED = 1;
const V1 = 3;
const LAYER_I = 3;
const LAYER_III = 1;

export const MPEG_AUDIO: SoundFrames = { headBytes: HEAD_BYTES, length, kind };

/** The scanner of MPEG audio. It has no set-up. */
export function newMp3Scanner(marks: Marks, start: number): Scanner {
  /** Milliseconds of sound since the last frame that needs no earlier one. */
  let sinceWhole = PATIENCE_MS;
  let hush = NOTHING;
  let hushKind = 0;

  /** What makes a decoder forget its reservoir, which differs only with the kind of frame. */
  function hushFor(head: Uint8Array): Uint8Array {
    const wanted = readUint32(head, 0) & 0xff_fe_0c_f0;
    if (wanted !== hushKind) {
      hush = silentFrame(head);
      hushKind = wanted;
    }
    return hush;
  }

  return newSoundScanner(MPEG_AUDIO, start, (head, offset) => {
    marks.frame(offset);
    if (!isLayerIII(head, 0) || mainDataBegin(head) === 0) {
      sinceWhole = 0;
      marks.join({ offset, setup: NOTHING, splice: NOTHING, clean: true });
      return;
    }
    sinceWhole += frameMs(head);
    if (sinceWhole >= PATIENCE_MS) {
      marks.join({ offset, setup: NOTHING, splice: hushFor(head), clean: true });
    }
  });
}

/** Whether the frame at `at`, whose header is there, is one of layer III. */
export function isLayerIII(bytes: Uint8Array, at: number): boolean {
  return layer(bytes, at) === LAYER_III;
}

function length(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0xff || bytes[at + 1]! < 0xe0 || version(bytes, at) === RESERVED) {
    return 0;
  }
  const kbits = (version(bytes, at) === V1 ? V1_KBITS : V2_KBITS)[layer(bytes, at)]!;
  return frameBytes(bytes, at, kbits[bytes[at + 2]! >> 4] ?? 0);
}

/** Section 2.4.3.1. A frame of layer I is made of slots of four bytes, the others of single ones. */
function frameBytes(bytes: Uint8Array, at: number, kbits: number): number {
  const rate = samplingRate(bytes, at);
  if (rate === 0 || kbits === 0) {
    return 0;
  }
  const slotBytes = layer(bytes, at) === LAYER_I ? 4 : 1;
  const slots = Math.floor((samples(bytes, at) * kbits * 125) / (rate * slotBytes));
  return (slots + ((bytes[at + 2]! >> 1) & 1)) * slotBytes;
}

/** Version, layer and sampling rate; a stream may change its bitrate and its mode at any frame. */
function kind(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0xff_fe_0c_00;
}

function version(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1]! >> 3) & 3;
}

function layer(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1]! >> 1) & 3;
}

function isMono(head: Uint8Array): boolean {
  return head[3]! >> 6 === 3;
}

/** Samples a second, or 0 where the index is reserved. */
function samplingRate(bytes: Uint8Array, at: number): number {
  const rate = V1_RATES[(bytes[at + 2]! >> 2) & 3] ?? 0;
  return rate / RATE_DIVISORS[version(bytes, at)]!;
}

function samples(bytes: Uint8Array, at: number): number {
  if (layer(bytes, at) === LAYER_I) {
    return 384;
  }
  return layer(bytes, at) === LAYER_III && version(bytes, at) !== V1 ? 576 : 1152;
}

function frameMs(head: Uint8Array): number {
  return (samples(head, 0) * 1000) / samplingRate(head, 0);
}

function mainDataBegin(head: Uint8Array): number {
  const at = (head[1]! & 1) === 1 ? 4 : 6;
  return version(head, 0) === V1 ? (head[at]! << 1) | (head[at + 1]! >> 7) : head[at]!;
}

/**
 * A silent frame of the same kind as the one with this head, at the lowest bitrate, whose data fills
 * it to its end, so that it leaves nothing in the reservoir. A decoder that then lacks bytes is silent
 * until it has them.
 *
 * The side information is all zeros (gains too, which makes any data silent) but for the length of
 * the first granule's data: part2_3_length, 12 bits, the first field behind main_data_begin, the
 * private bits and the scale factor selection (section 2.4.1.7; 13818-3, section 2.4.1.7). The data is
 * all ones: code words for zeros.
 */
function silentFrame(head: Uint8Array): Uint8Array {
  const [first, second, third, fourth] = [head[0]!, head[1]!, head[2]!, head[3]!];
  const header = [first, second | 1, 0x10 | (third & 0x0c), fourth & 0xf0];
  const frame = new Uint8Array(length(Uint8Array.from(header), 0));
  const side = sideInformation(head);
  const dataStart = 4 + side.bytes;
  frame.set(header);
  frame.fill(0xff, dataStart);
  writeBits(frame, 32 + side.lengthBit, 12, (frame.length - dataStart) * 8);
  return frame;
}

/** Layer III's side information: its bytes, and the bit of them at which part2_3_length begins. */
interface SideInformation {
  readonly bytes: number;
  readonly lengthBit: number;
}

function sideInformation(head: Uint8Array): SideInformation {
  if (version(head, 0) === V1) {
    return isMono(head) ? { bytes: 17, lengthBit: 18 } : { bytes: 32, lengthBit: 20 };
  }
  return isMono(head) ? { bytes: 9, lengthBit: 9 } : { bytes: 17, lengthBit: 10 };
}

function writeBits(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let i = 0; i < width; i++) {
    const bit = (value >> (width - 1 - i)) & 1;
    bytes[(at + i) >> 3]! |= bit << (7 - ((at + i) & 7));
  }
}
