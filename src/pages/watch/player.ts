/**
 * What plays a stream, whichever way it does.
 *
 *     format ──► playerOf ──┬─ WebCodecs   raw video, IVF and Motion JPEG, on the canvas
 *                           ├─ mpegts.js   MPEG-TS and FLV, in the video element
 *                           └─ browser     what the video element plays by itself
 */
import type { Format } from "../../media/format.ts";

/** Figures of the stream that plays. The player writes them, the page reads them. */
export interface Figures {
  decoder: string;
  width: number;
  height: number;
  shown: number;
  dropped: number;
  bytes: number;
  /** Milliseconds from the arrival of the newest picture's first byte to the picture; or of a buffer's end. */
  delay: number | null;
  hasSound: boolean;
  /** Changes as long as something plays. */
  progress: number;
}

/** Why a player has stopped. `unsupported` is for this browser; `why` is a sentence for people. */
export type Ending =
  | { readonly kind: "ended" }
  | { readonly kind: "refused"; readonly status: number; readonly why: string }
  | { readonly kind: "unsupported"; readonly why: string };

export interface Playing {
  readonly url: string;
  readonly format: Format;
  readonly canvas: HTMLCanvasElement;
  readonly video: HTMLVideoElement;
  readonly figures: Figures;
  /** Aborted when it is to stop. */
  readonly signal: AbortSignal;
}

/** Plays until the stream's end. Never rejects but for a mistake. */
export type Play = (playing: Playing) => Promise<Ending>;

export const ENDED: Ending = { kind: "ended" };

export function newFigures(): Figures {
  return {
    decoder: "",
    width: 0,
    height: 0,
    shown: 0,
    dropped: 0,
    bytes: 0,
    delay: null,
    hasSound: false,
    progress: 0,
  };
}

/** The player for a format, which is loaded when it is needed. Undefined where no browser plays it. */
export function playerOf(format: Format): (() => Promise<Play>) | undefined {
  switch (format) {
    case "h264":
    case "h265":
    case "ivf":
    case "mjpeg":
      return async () => (await import("./canvas.ts")).playOnCanvas;
    case "mpegts":
    case "flv":
      return async () => (await import("./mpegts.ts")).playMpegts;
    case "webm":
    case "matroska":
    case "mp4":
    case "ogg":
    case "aac":
    case "mp3":
    case "wav":
      return async () => (await import("./element.ts")).playElement;
    case "y4m":
      return undefined;
  }
}
