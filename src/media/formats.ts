/**
 * What the relay knows of each format: its scanner, and how streams of it follow one another.
 */
import { newAdtsScanner } from "./adts.ts";
import { newFlvScanner } from "./flv.ts";
import type { Format } from "./format.ts";
import { newH264Scanner } from "./h264.ts";
import { newH265Scanner } from "./h265.ts";
import { newIvfScanner } from "./ivf.ts";
import { newMatroskaScanner } from "./matroska.ts";
import { newMjpegScanner } from "./mjpeg.ts";
import { newMp3Scanner } from "./mp3.ts";
import { newMp4Scanner } from "./mp4.ts";
import { newMpegTsScanner } from "./mpegts.ts";
import { newOggScanner } from "./ogg.ts";
import { newRebaser } from "./mp4-rebase.ts";
import type { NewScanner, Rebase } from "./scanner.ts";
import { newWavScanner } from "./wav.ts";
import { newY4mScanner } from "./y4m.ts";

export interface Traits {
  readonly newScanner: NewScanner;
  /**
   * Whether it can be understood from the middle on, and a decoder takes a second stream behind the
   * first. The others have a header that comes once, and without which nothing can be told.
   */
  readonly resumes: boolean;
}

const FORMATS: Readonly<Record<Format, Traits>> = {
  h264: { newScanner: newH264Scanner, resumes: true },
  h265: { newScanner: newH265Scanner, resumes: true },
  mpegts: { newScanner: newMpegTsScanner, resumes: true },
  ogg: { newScanner: newOggScanner, resumes: true },
  aac: { newScanner: newAdtsScanner, resumes: true },
  mp3: { newScanner: newMp3Scanner, resumes: true },
  mjpeg: { newScanner: newMjpegScanner, resumes: true },
  matroska: { newScanner: newMatroskaScanner, resumes: false },
  webm: { newScanner: newMatroskaScanner, resumes: false },
  mp4: { newScanner: newMp4Scanner, resumes: false },
  flv: { newScanner: newFlvScanner, resumes: false },
  ivf: { newScanner: newIvfScanner, resumes: false },
  wav: { newScanner: newWavScanner, resumes: false },
  y4m: { newScanner: newY4mScanner, resumes: false },
};

export function traitsOf(format: Format): Traits {
  return FORMATS[format];
}

/**
 * What makes the rewritten copy of a stream whose scanner runs elsewhere, and said there that one is
 * needed; undefined where no stream of the format needs one.
 */
export function rebaserOf(format: Format): Rebase["newRebaser"] | undefined {
  return format === "mp4" ? newRebaser : undefined;
}
