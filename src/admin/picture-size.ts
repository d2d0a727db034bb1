/**
 * The size of a broadcast's picture, where the stream says it in a way that is read here:
 *
 *     H.264   sequence parameter set, in the set-up or right at the join point
 *     IVF     32 bytes of header: "DKIF", version, header length, codec, width at 12, height at 14
 *
 * Looked at when somebody asks, never while bytes flow, and once a join point.
 */
import { readUint16Le } from "../core/bytes.ts";
import type { Broadcast } from "../hub/model.ts";
import { indexOf } from "../hub/ring.ts";
import { spsPictureSize } from "../media/h264-syntax.ts";
import type { JoinPoint } from "../media/scanner.ts";

export interface PictureSize {
  readonly width: number | null;
  readonly height: number | null;
}

/** Bytes behind a join point in which parameter sets are looked for: encoders put them first. */
const LOOKED_AT_BYTES = 4096;

const UNKNOWN: PictureSize = { width: null, height: null };
const NAL_SPS = 7;
const IVF_HEADER_BYTES = 32;

const sizes = new WeakMap<JoinPoint, PictureSize>();

export function pictureSize(broadcast: Broadcast): PictureSize {
  const point = broadcast.marks.newest;
  if (point === null) {
    return UNKNOWN;
  }
  const size = sizes.get(point) ?? read(broadcast, point);
  sizes.set(point, size);
  return size;
}

function read(broadcast: Broadcast, point: JoinPoint): PictureSize {
  const { format } = broadcast.scan;
  const { setup } = point;
  if (format === "h264") {
    return sizeInH264(setup) ?? sizeInH264(bytesAt(broadcast, point.offset)) ?? UNKNOWN;
  }
  return format === "ivf" && setup.length >= IVF_HEADER_BYTES ? sizeInIvf(setup) : UNKNOWN;
}

/** Some writers leave it at 0. */
function sizeInIvf(header: Uint8Array): PictureSize {
  const [width, height] = [readUint16Le(header, 12), readUint16Le(header, 14)];
  return width * height === 0 ? UNKNOWN : { width, height };
}

function bytesAt({ ring }: Broadcast, offset: number): Uint8Array {
  const index = indexOf(ring, offset);
  const length = Math.min(ring.head - offset, ring.capacity - index, LOOKED_AT_BYTES);
  return ring.bytes.subarray(index, index + Math.max(length, 0));
}

/** Looks for the first sequence parameter set of an Annex B byte stream. */
function sizeInH264(bytes: Uint8Array): PictureSize | undefined {
  for (let at = 0; at + 4 < bytes.length; at++) {
    const isStart = bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1;
    if (isStart && ((bytes[at + 3] ?? 0) & 0x1f) === NAL_SPS) {
      return spsPictureSize(bytes.subarray(at + 3));
    }
  }
  return undefined;
}
