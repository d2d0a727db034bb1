/**
 * Where the frames of an H.264 stream begin (ITU-T H.264, section 7.4.1.2.4), by its slice headers:
 *
 *     frames     first slice │ slice │ first slice │ …
 *     fields     top │ bottom │ top │ bottom │ …
 *                a frame        the next          two access units each
 *
 * In a stream that is entered between, nobody knows at first which field goes with which: two
 * frames that nothing refers to may have the same frame_num. The first field that cannot belong to
 * the one before tells.
 */
import type { Slice } from "./h264-syntax.ts";

export interface Frames {
  /** The newest slice of the picture, unless it was not understood. */
  last: Slice | undefined;
  /** What the picture is within its frame, where it is a field. */
  place: "first" | "second" | "unsure";
}

export function newFrames(): Frames {
  return { last: undefined, place: "unsure" };
}

/**
 * Takes the next slice, or undefined for one that was not understood. `isLed` says that units which
 * lead an access unit stand before it. Returns whether it begins a frame, for certain.
 */
export function startsFrame(frames: Frames, slice: Slice | undefined, isLed: boolean): boolean {
  const { last } = frames;
  if (slice?.isRedundant === true) {
    return false;
  }
  frames.last = slice;
  if (slice === undefined) {
    return false;
  }
  // Encoders that give every IDR picture the same number are told apart by what leads a picture.
  const isLedPicture = isLed && slice.firstMacroblock === 0;
  if (last === undefined) {
    const isFirst = isLedPicture && (slice.isIdr || !slice.isField);
    frames.place = isFirst ? "first" : "unsure";
    return isFirst;
  }
  if (!isLedPicture && !isOtherPicture(last, slice)) {
    return false;
  }
  if (frames.place !== "second" && isOtherField(last, slice)) {
    frames.place = frames.place === "first" ? "second" : "unsure";
    return false;
  }
  frames.place = "first";
  return true;
}

/** Whether `next` is the first slice of another picture than that of `last` (section 7.4.1.2.4). */
function isOtherPicture(last: Slice, next: Slice): boolean {
  return (
    last.frameNum !== next.frameNum ||
    last.ppsId !== next.ppsId ||
    last.isField !== next.isField ||
    last.isBottom !== next.isBottom ||
    last.isReference !== next.isReference ||
    last.isIdr !== next.isIdr ||
    last.idrPicId !== next.idrPicId ||
    last.poc !== next.poc ||
    last.pocDelta !== next.pocDelta
  );
}

/**
 * Whether the picture of `next` may be the second field of a frame whose first one is that of
 * `last` (section 3.30). The second field of an IDR picture is a P field, or an I field of the same
 * picture.
 */
function isOtherField(last: Slice, next: Slice): boolean {
  return (
    last.isField &&
    next.isField &&
    last.isBottom !== next.isBottom &&
    last.frameNum === next.frameNum &&
    (!next.isIdr || (last.isIdr && last.idrPicId === next.idrPicId))
  );
}
