/**
 * Where the frames of one broadcast begin, and the newest place to join it.
 *
 *     place        0     1     2     3            1023
 *               ┌─────┬─────┬─────┬─────┬───────┬─────┐
 *     offsets   │ 912 │ 960 │ 640 │ 720 │   …   │ 888 │   absolute, where a frame begins
 *     times     │ 9.4 │ 9.5 │ 9.1 │ 9.2 │   …   │ 9.3 │   when that was, by the clock
 *               └─────┴─────┴─────┴─────┴───────┴─────┘
 *                        ▲     └─ first: the oldest
 *                        └─ the newest
 *
 * Invariants: from `first` on, `count` offsets rise; two of them are at least `grain` bytes apart,
 * so that the places suffice for a whole ring. A frame that is left out for that costs nothing but a
 * later one to stop at. `newest` is a join point that the ring holds.
 */
import { FRAMES_INDEXED } from "../core/limits.ts";
import type { JoinPoint } from "../media/scanner.ts";

export interface FrameMarks {
  offsets: Float64Array;
  times: Float64Array;
  first: number;
  count: number;
  /** Bytes between two frames that are both kept, at least. */
  grain: number;
  /** The last join point that was found; null before there is one, and when the ring has lost it. */
  newest: JoinPoint | null;
  /** The first join point of all; null before it is found. */
  eldest: JoinPoint | null;
  /** Where the last join point was found, and whether it was a clean one. */
  joinOffset: number;
  clean: boolean;
  /** Join points found so far. */
  joins: number;
  /** Bytes from the last join point but one to the last; 0 before there are two. */
  interval: number;
  /** When the last join point was found, and the milliseconds to it from the one before. */
  joinedAt: number;
  period: number;
}

/** No marks. The arrays cost nothing before the first frame comes. */
export function newMarks(): FrameMarks {
  return {
    offsets: new Float64Array(0),
    times: new Float64Array(0),
    first: 0,
    count: 0,
    grain: 0,
    newest: null,
    eldest: null,
    joinOffset: 0,
    clean: false,
    joins: 0,
    interval: 0,
    joinedAt: 0,
    period: 0,
  };
}

/** Sets how far apart frames are kept, so that the places suffice for a ring of `capacity` bytes. */
export function fitMarks(marks: FrameMarks, capacity: number): void {
  marks.grain = capacity / FRAMES_INDEXED;
}

/** Notes that a frame begins at `offset`. */
export function noteFrame(marks: FrameMarks, offset: number, now: number): void {
  if (marks.offsets.length === 0) {
    marks.offsets = new Float64Array(FRAMES_INDEXED);
    marks.times = new Float64Array(FRAMES_INDEXED);
  }
  if (marks.count > 0 && offset - offsetAt(marks, marks.count - 1) < marks.grain) {
    return;
  }
  const place = (marks.first + marks.count) % FRAMES_INDEXED;
  marks.offsets[place] = offset;
  marks.times[place] = now;
  if (marks.count < FRAMES_INDEXED) {
    marks.count++;
  } else {
    marks.first = (marks.first + 1) % FRAMES_INDEXED;
  }
}

/** Notes that a decoder can start at `point`. */
export function noteJoin(marks: FrameMarks, point: JoinPoint, now: number): void {
  if (marks.joins > 0) {
    marks.interval = point.offset - marks.joinOffset;
    marks.period = now - marks.joinedAt;
  }
  marks.joinedAt = now;
  marks.joins++;
  marks.eldest ??= point;
  marks.newest = point;
  marks.joinOffset = point.offset;
  marks.clean = point.clean;
}

/** Forgets every mark: the stream is not what it seemed to be. */
export function forgetMarks(marks: FrameMarks): void {
  marks.count = 0;
  marks.newest = null;
  marks.eldest = null;
}

/** The place, counted from the oldest, of the first frame kept that begins at `offset` or behind. */
export function firstFrameFrom(marks: FrameMarks, offset: number): number {
  let low = 0;
  let high = marks.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsetAt(marks, middle) < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The absolute offset of a frame by its place, counted from the oldest; Infinity beyond the last. */
export function offsetAt(marks: FrameMarks, place: number): number {
  return place < marks.count
    ? (marks.offsets[(marks.first + place) % FRAMES_INDEXED] ?? Infinity)
    : Infinity;
}

/** When the frame at a place was found; Infinity beyond the last. */
export function timeAt(marks: FrameMarks, place: number): number {
  return place < marks.count
    ? (marks.times[(marks.first + place) % FRAMES_INDEXED] ?? Infinity)
    : Infinity;
}
