/**
 * Follows bare sound: frames that stand one behind the other, each with a header that gives its
 * length. ADTS and MPEG audio are of this form.
 *
 *     ┌─────┬────────┬────────┬────────┬─────┬────────┬────────┬────────
 *     │ tag │ frame  │ frame  │ frame  │ tag │ frame  │ damage │ frame…
 *     └─────┴────────┴────────┴────────┴─────┴────────┴────────┴────────
 *
 * A header is short and its sync word also occurs within frames. So at first, and after damage, frames
 * are believed once {@link RUN} headers of one kind stand where the lengths of those before say. From
 * then on each header that stands in its place is a frame.
 */
import { hasText } from "../core/bytes.ts";
import { gather, newGather } from "./gather.ts";
import { ID3_HEAD_BYTES, ID3V1_BYTES, id3Bytes } from "./id3.ts";
import type { Scanner } from "./scanner.ts";

/** The frames of one kind of sound. Their headers begin with eight or more one-bits. */
export interface SoundFrames {
  /** The bytes of a frame that are looked at. No frame is shorter. */
  readonly headBytes: number;
  /** The length of the frame whose header stands at `at`, where `headBytes` are; 0 for no header. */
  readonly length: (bytes: Uint8Array, at: number) => number;
  /** The bits of that header that no frame of a stream changes. Never 0. */
  readonly kind: (bytes: Uint8Array, at: number) => number;
}

/** Takes the head of a frame, which it MUST NOT keep, and the frame's absolute offset. */
export type TakeFrame = (head: Uint8Array, offset: number) => void;

/**
 * Headers in a row that make frames certain: two whole frames. Noise that begins like a header of
 * MPEG audio is followed by a second one by chance once in 100,000 times, and by a third one never.
 */
const RUN = 3;

/** Bytes that are searched for a sync byte at once: at the lowest bitrates a frame or two. */
const SEARCH_BYTES = 256;

/** Bytes without a frame after which a stream is not what it seemed: half a minute of good sound. */
const LOST_MAX_BYTES: number = 1024 * 1024;

/** Bytes of a tag that is believed. A cover picture takes hundreds of KB, several of them some MB. */
const TAG_MAX_BYTES: number = 16 * 1024 * 1024;

/** What every header begins with. */
const SYNC = 0xff;

/** No frame's kind: nothing is known yet, or not any more. */
const LOST = 0;

/** The scanner of sound whose frames are `frames`. It hands on each one that is certain. */
export function newSoundScanner(frames: SoundFrames, start: number, take: TakeFrame): Scanner {
  const { headBytes } = frames;
  const state = newGather(start, headBytes);
  let kind = LOST;
  let lostBytes = 0;
  let step = entry;

  function frame(piece: Uint8Array): number {
    const length = frames.length(piece, 0);
    if (length === 0 || frames.kind(piece, 0) !== kind) {
      return entry(piece);
    }
    take(piece, state.at);
    state.skip = length - headBytes;
    return headBytes;
  }

  /** Frames begin here or they do not: asks for as much as shows it. */
  function entry(piece: Uint8Array): number {
    step = entry;
    const wanted = evidenceBytes(frames, piece);
    if (wanted === 0) {
      return tag(piece);
    }
    if (wanted > piece.length) {
      state.want = wanted;
      return 0;
    }
    kind = frames.kind(piece, 0);
    lostBytes = 0;
    return follow(0, 0);
  }

  function tag(piece: Uint8Array): number {
    if (hasText(piece, 0, "ID3") && piece.length < ID3_HEAD_BYTES) {
      state.want = ID3_HEAD_BYTES;
      return 0;
    }
    const length = hasText(piece, 0, "TAG") ? ID3V1_BYTES : id3Bytes(piece, 0);
    return length === 0 || length > TAG_MAX_BYTES ? seek(piece, 1) : follow(1, length - 1);
  }

  /** Goes on with frames, or, where none is known, with looking whether they begin. */
  function follow(used: number, skip: number): number {
    step = kind === LOST ? entry : frame;
    state.want = headBytes;
    state.skip = skip;
    return used;
  }

  /** No frame begins before `from`. The next one begins with a sync byte. */
  function seek(piece: Uint8Array, from: number): number {
    const sync = piece.indexOf(SYNC, from);
    const isFound = sync !== -1;
    const passed = isFound ? sync : piece.length;
    kind = LOST;
    lostBytes += passed;
    step = isFound ? entry : (next): number => seek(next, 0);
    state.want = isFound ? headBytes : SEARCH_BYTES;
    return lostBytes > LOST_MAX_BYTES ? -1 : passed;
  }

  return { scan: (chunk) => gather(state, chunk, (piece) => step(piece)) };
}

/**
 * As many bytes as show whether {@link RUN} headers stand in a row: more than the piece has, just
 * those that it has where they do stand there, and 0 where they do not.
 */
function evidenceBytes(frames: SoundFrames, piece: Uint8Array): number {
  const kind = frames.kind(piece, 0);
  let at = 0;
  for (let headers = 0; headers < RUN; headers++) {
    if (at + frames.headBytes > piece.length) {
      return at + frames.headBytes;
    }
    const length = frames.length(piece, at);
    if (length === 0 || frames.kind(piece, at) !== kind) {
      return 0;
    }
    at += length;
  }
  return piece.length;
}
