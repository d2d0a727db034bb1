/**
 * IVF: the container in which encoders write bare VP8, VP9 and AV1.
 *
 *     ┌────────────────┬───────────────────────────────┬──────────────────┬──
 *     │ file header    │ frame header                  │ frame            │ …
 *     │ "DKIF", 32     │ size u32, time u64, all LE    │ size bytes       │
 *     └────────────────┴───────────────────────────────┴──────────────────┴──
 *
 * There is no standard beside the code that writes it. A keyframe is told by the frame's first bytes:
 * VP8 by RFC 6386, section 9.1; VP9 by its bitstream specification, section 6.2; AV1 by a sequence
 * header in front (AV1 specification, section 7.5).
 */
import { readUint16Le, readUint32Le } from "../core/bytes.ts";
import { gather, newGather } from "./gather.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

const FRAME_HEADER_BYTES = 12;

/** The frame header and as many bytes of the frame as tell a keyframe. */
const HEAD_BYTES: number = FRAME_HEADER_BYTES + 4;

/** Bytes of the largest frame that is believed: an uncompressed 8K picture. */
const FRAME_MAX_BYTES: number = 128 * 1024 * 1024;

type IsKeyframe = (head: Uint8Array) => boolean;

const CODECS: ReadonlyMap<string, IsKeyframe> = new Map([
  ["VP80", isVp8Keyframe],
  ["VP90", isVp9Keyframe],
  ["AV01", beginsAv1Sequence],
]);

/** The scanner of an IVF stream. Its set-up is the file header; every frame stands on its own. */
export function newIvfScanner(marks: Marks, start: number): Scanner {
  const state = newGather(start, 8);
  let setup = NOTHING;
  let isKeyframe: IsKeyframe | undefined;
  let step = fileHeaderLength;

  function fileHeaderLength(piece: Uint8Array): number {
    state.want = readUint16Le(piece, 6);
    step = fileHeader;
    return state.want >= 32 ? 0 : -1;
  }

  function fileHeader(piece: Uint8Array): number {
    setup = piece.slice();
    isKeyframe = CODECS.get(String.fromCharCode(...piece.subarray(8, 12)));
    state.want = HEAD_BYTES;
    step = frame;
    return piece.length;
  }

  function frame(piece: Uint8Array): number {
    const size = readUint32Le(piece, 0);
    if (size > FRAME_MAX_BYTES) {
      return -1;
    }
    marks.frame(state.at);
    const head = piece.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + size);
    if (head.length > 0 && isKeyframe?.(head) === true) {
      marks.join({ offset: state.at, setup, splice: NOTHING, clean: true });
    }
    state.skip = size;
    return FRAME_HEADER_BYTES;
  }

  return { scan: (chunk) => gather(state, chunk, (piece) => step(piece)) };
}

function isVp8Keyframe(head: Uint8Array): boolean {
  return (head[0]! & 1) === 0;
}

/**
 * After the frame marker (2 bits) come the profile (2 bits, and a third one for profile 3), the flag
 * of a frame that is only shown again, and the frame type, which is 0 for a keyframe.
 */
function isVp9Keyframe(head: Uint8Array): boolean {
  const bits = head[0]!;
  const isProfile3 = (bits & 0x30) === 0x30;
  return bits >> 6 === 2 && (bits & (isProfile3 ? 0x06 : 0x0c)) === 0;
}

/** A temporal unit is a delimiter, which is empty, and then, where one can start, a sequence header. */
function beginsAv1Sequence(head: Uint8Array): boolean {
  return head.length >= 3 && obuType(head[0]!) === 2 && head[1] === 0 && obuType(head[2]!) === 1;
}

function obuType(header: number): number {
  return (header >> 3) & 15;
}
