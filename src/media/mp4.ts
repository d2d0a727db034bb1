/**
 * Fragmented MP4, as encoders write it to a pipe.
 *
 *     ┌──────┬──────┬─────────────────────┬─────────────────────┬───────────────────┬──────┐
 *     │ ftyp │ moov │ moof │ mdat         │ moof │ mdat         │ sidx │ moof │ … │ mfra │
 *     └──────┴──────┴─────────────────────┴─────────────────────┴───────────────────┴──────┘
 *       set-up        frame, join where     frame                 frame
 *                     the first picture
 *                     is a keyframe
 *
 * ISO/IEC 14496-12, section 8.8. A frame is a fragment: its moof, its mdat, and what stands before its
 * moof and belongs to it (styp, sidx, emsg, prft, …). There is no sync word: where a box is not one,
 * the stream cannot be entered again.
 */
import { concatBytes } from "../core/bytes.ts";
import { SETUP_MAX_BYTES } from "../core/limits.ts";
import { BOX_HEAD_BYTES, boxHead, boxType, type Box, type BoxHead, type BoxType } from "./boxes.ts";
import {
  firstSamples,
  readMovie,
  trackFragments,
  type Movie,
  type TrackFragment,
} from "./fragments.ts";
import { gather, newGather, type Gather, type TakePiece } from "./gather.ts";
import { newLeadingMarks, type LeadingMarks } from "./leading.ts";
import { newRebaser, rebaseMoof } from "./mp4-rebase.ts";
import { endOfSequence } from "./mp4-sequence.ts";
import { NOTHING, type Marks, type Rebase, type Scanner } from "./scanner.ts";

const FTYP = boxType("ftyp");
const MOOV = boxType("moov");
const MOOF = boxType("moof");
const MDAT = boxType("mdat");
const MFRA = boxType("mfra");

/**
 * Bytes of the largest box that is believed: an hour of a good stream. Whoever writes longer fragments
 * does not write them for somebody who joins.
 */
const BOX_MAX_BYTES: number = 1024 * 1024 * 1024;

interface Mp4 {
  readonly start: number;
  readonly gather: Gather;
  readonly marks: Marks;
  readonly leading: LeadingMarks;
  ftyp: Uint8Array;
  moov: Uint8Array;
  /** ftyp and moov. */
  setup: Uint8Array;
  movie: Movie | undefined;
  /** Where the newest fragment begins, and whether its mdat is still to come. */
  fragment: number;
  isOpen: boolean;
  hasMoof: boolean;
  /** Whether the newest fragment's moof has been looked at for a join point. */
  isDecided: boolean;
  rebase: Rebase | undefined;
}

/** The scanner of an MP4 stream. It gives up on one that is not fragmented. */
export function newMp4Scanner(marks: Marks, start: number): Scanner {
  const stream: Mp4 = {
    start,
    gather: newGather(start, BOX_HEAD_BYTES),
    marks,
    leading: newLeadingMarks(marks),
    ftyp: NOTHING,
    moov: NOTHING,
    setup: NOTHING,
    movie: undefined,
    fragment: start,
    isOpen: false,
    hasMoof: false,
    isDecided: false,
    rebase: undefined,
  };
  const take: TakePiece = (piece) => takeBox(stream, piece);
  return {
    scan: (chunk) => gather(stream.gather, chunk, take),
    rebase: () => stream.rebase,
  };
}

/** Reads the box with which the piece begins: the whole of it where that matters, else its head. */
function takeBox(stream: Mp4, piece: Uint8Array): number {
  const head = boxHead(piece, 0);
  if (head === undefined) {
    return -1;
  }
  const isKept = head.type === FTYP || head.type === MOOV || head.type === MOOF;
  const needed = isKept ? Math.max(head.size, head.length) : head.length;
  if (needed > piece.length) {
    stream.gather.want = needed;
    return 0;
  }
  stream.gather.want = BOX_HEAD_BYTES;
  if (!isBelieved(head) || !enter(stream, head, piece)) {
    return -1;
  }
  stream.gather.skip = Math.min(head.size, Number.MAX_SAFE_INTEGER) - needed;
  return needed;
}

/** Only the last box has no end, and only an mdat is of use without one. */
function isBelieved({ type, size }: BoxHead): boolean {
  return size <= BOX_MAX_BYTES || (type === MDAT && size === Infinity);
}

/** Takes in a box. Returns false where the stream cannot go on with it. */
function enter(stream: Mp4, head: BoxHead, piece: Uint8Array): boolean {
  const box: Box = { from: 0, body: head.length, to: piece.length };
  if (stream.movie === undefined) {
    return takeSetup(stream, head.type, box, piece);
  }
  switch (head.type) {
    case MDAT:
      stream.isOpen = false;
      return stream.hasMoof;
    case MFRA:
      return true;
    case MOOV:
      begin(stream);
      return Buffer.compare(piece, stream.moov) === 0;
    case MOOF:
      begin(stream);
      return takeFragment(stream, box, piece);
    default:
      begin(stream);
      return true;
  }
}

/** Before the moov stands a ftyp, and other boxes that a decoder can do without. */
function takeSetup(stream: Mp4, type: BoxType, box: Box, piece: Uint8Array): boolean {
  if (type === FTYP) {
    stream.ftyp = piece.slice();
  } else if (type === MOOV) {
    stream.moov = piece.slice();
    stream.movie = readMovie(piece, box);
    stream.setup = concatBytes(stream.ftyp, stream.moov);
    return stream.movie !== undefined && stream.setup.length <= SETUP_MAX_BYTES;
  }
  return type !== MDAT && type !== MOOF;
}

/** A fragment begins with the first box behind the mdat before. */
function begin(stream: Mp4): void {
  if (!stream.isOpen) {
    stream.isOpen = true;
    stream.isDecided = false;
    stream.fragment = stream.gather.at;
    stream.leading.frame(stream.fragment);
  }
}

function takeFragment(stream: Mp4, box: Box, moof: Uint8Array): boolean {
  const fragments = trackFragments(moof, box);
  if (fragments === undefined || !takeBase(stream, fragments, box, moof)) {
    return false;
  }
  const { movie, marks, fragment: offset, setup } = stream;
  if (movie?.video === undefined) {
    if (!stream.isDecided) {
      stream.isDecided = true;
      marks.join({ offset, setup, splice: NOTHING, clean: true });
    }
    return true;
  }
  const pictures = fragments.find(({ track }) => track === movie.video);
  return pictures === undefined || takePictures(stream, movie, moof, pictures);
}

/** Finds out whether moofs say where in the file their samples lie. The first one decides. */
function takeBase(
  stream: Mp4,
  fragments: readonly TrackFragment[],
  box: Box,
  moof: Uint8Array,
): boolean {
  const { start, fragment: from, hasMoof } = stream;
  stream.hasMoof = true;
  if (fragments.every(({ base }) => base === undefined)) {
    return true;
  }
  if (!hasMoof) {
    stream.rebase = { from, newRebaser: (offset) => newRebaser(offset - start) };
  }
  return stream.rebase !== undefined && rebaseMoof(moof.slice(), box, stream.gather.at - start);
}

/**
 * Looks at the first two pictures. Times are counted from when the picture behind the first one is
 * decoded, because a fragment need not tell when that is.
 */
function takePictures(
  stream: Mp4,
  movie: Movie,
  moof: Uint8Array,
  fragment: TrackFragment,
): boolean {
  const samples = firstSamples(moof, fragment, movie.defaults, 2);
  const [first, second] = samples ?? [];
  if (first !== undefined) {
    const { leading, fragment: offset, setup, isDecided } = stream;
    stream.isDecided = true;
    leading.picture(first.shift);
    if (first.isKeyframe && !isDecided) {
      const forget = endOfSequence(movie, moof, fragment);
      leading.keyframe({ offset, setup }, first.shift - first.duration, forget);
    }
    if (second !== undefined) {
      leading.picture(second.shift);
    }
  }
  return samples !== undefined;
}
