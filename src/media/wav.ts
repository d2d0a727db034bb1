/**
 * WAV: RIFF with a form of "WAVE", and RF64, its 64-bit extension. All integers are little-endian.
 *
 *     ┌──────────────┬──────────────┬────────────────────────┬──────┬───────────────┬─────────────
 *     │ "RIFF", size │ "fmt ", size │ tag, channels, rate    │ …    │ "data", size  │ block │ bl…
 *     │ "WAVE"       │              │ bytes/s, block, bits … │      │               │
 *     └──────────────┴──────────────┴────────────────────────┴──────┴───────────────┴─────────────
 *
 * Multimedia Programming Interface and Data Specifications 1.0, chapter 3; EBU Tech 3306 for RF64,
 * whose chunk "ds64" holds the sizes that do not fit. A decoder can start at any block. A live
 * stream's data has no size: writers put 0, or the largest there is.
 *
 * The set-up is everything before the data. Frames are a grid of equal pieces of the data, some 4 KiB
 * each, in whole blocks.
 */
import { hasText, readUint16Le, readUint32Le } from "../core/bytes.ts";
import { gather, newGather } from "./gather.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

/**
 * Bytes of a frame, rounded down to whole blocks: 20 ms of stereo at 48 kHz, and what players read at
 * once.
 */
const FRAME_BYTES = 4096;

const RIFF_HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;

/** What "fmt " holds at least. */
const FORMAT_BYTES = 16;

/** The tag of a format whose real tag stands further behind. */
const EXTENSIBLE = 0xfffe;
const EXTENSIBLE_TAG_AT = 24;

/**
 * The tags of streams that were put into WAV with frames of their own, which the blocks do not show:
 * MPEG layers I and II, MP3, AAC, AC-3 (twice) and DTS.
 */
const FOREIGN: ReadonlySet<number> = new Set([0x50, 0x55, 0xff, 0x92, 0x2000, 0x2001]);

/** Sizes from here on are no sizes: what some writers put that cannot know is a little below 2 GiB. */
const UNKNOWN_FROM = 0x7f_ff_00_00;

const UNKNOWN_SIZE_32 = 0xff_ff_ff_ff;

/** The scanner of a WAV stream. Every frame is a join point. */
export function newWavScanner(marks: Marks, start: number): Scanner {
  const state = newGather(start, RIFF_HEAD_BYTES);
  let setup = NOTHING;
  let frameBytes = 0;
  /** The size of the data in "ds64". */
  let longSize = 0;
  let end = Infinity;
  let step = riff;
  /** Where the chunk begins, within the piece that holds everything so far. */
  let chunkAt = RIFF_HEAD_BYTES;

  function riff(piece: Uint8Array): number {
    const isWave = ["RIFF", "RF64", "BW64"].some((id) => hasText(piece, 0, id));
    return isWave && hasText(piece, 8, "WAVE") ? ask(CHUNK_HEAD_BYTES, chunkHead) : -1;
  }

  /** Waits for `bytes` of the chunk. All that came before is part of the piece again. */
  function ask(bytes: number, next: (piece: Uint8Array) => number): number {
    state.want = chunkAt + bytes;
    step = next;
    return 0;
  }

  function chunkHead(piece: Uint8Array): number {
    const size = readUint32Le(piece, chunkAt + 4);
    if (hasText(piece, chunkAt, "data")) {
      return beginData(piece, size);
    }
    return ask(CHUNK_HEAD_BYTES + size + (size & 1) + CHUNK_HEAD_BYTES, chunk);
  }

  /** Takes a chunk that is wholly there, and the next one's head. */
  function chunk(piece: Uint8Array): number {
    const size = readUint32Le(piece, chunkAt + 4);
    const body = piece.subarray(chunkAt + CHUNK_HEAD_BYTES, chunkAt + CHUNK_HEAD_BYTES + size);
    if (hasText(piece, chunkAt, "fmt ")) {
      frameBytes = frameSize(body);
    } else if (hasText(piece, chunkAt, "ds64") && size >= 16) {
      longSize = readUint32Le(body, 8) + readUint32Le(body, 12) * 2 ** 32;
    }
    chunkAt += CHUNK_HEAD_BYTES + size + (size & 1);
    return chunkHead(piece);
  }

  function beginData(piece: Uint8Array, size: number): number {
    const dataAt = chunkAt + CHUNK_HEAD_BYTES;
    setup = piece.slice(0, dataAt);
    const known = size === UNKNOWN_SIZE_32 && longSize > 0 ? longSize : size;
    const isKnown = known !== 0 && (known === longSize || known < UNKNOWN_FROM);
    end = isKnown ? state.at + dataAt + known : Infinity;
    state.want = 1;
    step = frame;
    return frameBytes === 0 ? -1 : dataAt;
  }

  function frame(): number {
    if (state.at < end) {
      marks.frame(state.at);
      marks.join({ offset: state.at, setup, splice: NOTHING, clean: true });
    }
    state.skip = frameBytes - 1;
    return 1;
  }

  return { scan: (bytes) => gather(state, bytes, (piece) => step(piece)) };
}

/** The bytes of a frame of this format, or 0 where its blocks say nothing. */
function frameSize(format: Uint8Array): number {
  if (format.length < FORMAT_BYTES) {
    return 0;
  }
  const tag = readUint16Le(format, 0);
  const isLonger = tag === EXTENSIBLE && format.length >= EXTENSIBLE_TAG_AT + 2;
  const block = readUint16Le(format, 12);
  if (block === 0 || FOREIGN.has(isLonger ? readUint16Le(format, EXTENSIBLE_TAG_AT) : tag)) {
    return 0;
  }
  return Math.max(1, Math.floor(FRAME_BYTES / block)) * block;
}
