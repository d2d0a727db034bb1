/**
 * YUV4MPEG2: uncompressed pictures.
 *
 *     "YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n"
 *     "FRAME\n"  luma  chroma  chroma
 *     "FRAME\n"  luma  …
 *
 * There is no standard beside mjpegtools' yuv4mpeg(5) and the code that reads it. A picture's size
 * follows from width, height and colour space. Every picture stands on its own.
 */
import { hasText } from "../core/bytes.ts";
import { gather, newGather } from "./gather.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

/** Bytes of a header line. Those of real streams have some hundred. */
const LINE_MAX_BYTES = 4096;

/** Bytes of the largest picture that is believed: twice one of 8K with alpha and two bytes a sample. */
const PICTURE_MAX_BYTES: number = 512 * 1024 * 1024;

const MAGIC = "YUV4MPEG2 ";
const FRAME = "FRAME";
const NEWLINE = 0x0a;

/** The samples of the planes behind luma, for a picture of `width` × `height`. */
type Chroma = (width: number, height: number) => number;

const CHROMA: ReadonlyMap<string, Chroma> = new Map<string, Chroma>([
  ["mono", () => 0],
  ["410", (width, height) => 2 * Math.ceil(width / 4) * Math.ceil(height / 4)],
  ["411", (width, height) => 2 * Math.ceil(width / 4) * height],
  ["420", (width, height) => 2 * Math.ceil(width / 2) * Math.ceil(height / 2)],
  ["422", (width, height) => 2 * Math.ceil(width / 2) * height],
  ["444", (width, height) => 2 * width * height],
  ["444alpha", (width, height) => 3 * width * height],
]);

/** The scanner of YUV4MPEG2. Its set-up is the header line; every frame is a join point. */
export function newY4mScanner(marks: Marks, start: number): Scanner {
  const state = newGather(start, MAGIC.length);
  let setup = NOTHING;
  let pictureBytes = 0;
  let step = header;

  /** A line that does not end in this piece is asked for again with one more byte. */
  function longer(piece: Uint8Array): number {
    state.want = piece.length + 1;
    return piece.length < LINE_MAX_BYTES ? 0 : -1;
  }

  function header(piece: Uint8Array): number {
    if (piece.at(-1) !== NEWLINE) {
      return longer(piece);
    }
    setup = piece.slice();
    pictureBytes = pictureSize(String.fromCharCode(...piece.subarray(0, -1)));
    if (pictureBytes === 0 || pictureBytes > PICTURE_MAX_BYTES) {
      return -1;
    }
    state.want = FRAME.length + 1;
    step = frame;
    return piece.length;
  }

  function frame(piece: Uint8Array): number {
    if (piece.at(-1) !== NEWLINE) {
      return hasText(piece, 0, `${FRAME} `) ? longer(piece) : -1;
    }
    if (!hasText(piece, 0, FRAME)) {
      return -1;
    }
    marks.frame(state.at);
    marks.join({ offset: state.at, setup, splice: NOTHING, clean: true });
    state.skip = pictureBytes;
    state.want = FRAME.length + 1;
    return piece.length;
  }

  return { scan: (chunk) => gather(state, chunk, (piece) => step(piece)) };
}

/** The bytes of a picture, or 0 where the header line does not tell them. */
function pictureSize(line: string): number {
  if (!line.startsWith(MAGIC)) {
    return 0;
  }
  const fields = line.split(" ");
  const value = (name: string): string | undefined =>
    fields.findLast((field) => field.startsWith(name))?.slice(1);
  const [width, height] = [count(value("W")), count(value("H"))];
  const space = /^(mono|444alpha|4\d\d)(?:jpeg|mpeg2|paldv)?(?:p?(\d+))?$/.exec(
    value("C") ?? "420",
  );
  const chroma = CHROMA.get(space?.[1] ?? "");
  if (chroma === undefined) {
    return 0;
  }
  const sampleBytes = Number(space?.[2] ?? 8) > 8 ? 2 : 1;
  return width === 0 || height === 0 ? 0 : (width * height + chroma(width, height)) * sampleBytes;
}

/** A decimal number above 0, or 0. */
function count(digits: string | undefined): number {
  return digits !== undefined && /^\d{1,6}$/.test(digits) ? Number(digits) : 0;
}
