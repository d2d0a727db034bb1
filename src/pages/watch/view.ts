/** What the page shows: the picture or a message in its place, the figures, and the question. */
import { formatTitle, type Format } from "../../media/format.ts";
import { formatBitrate } from "../../core/units.ts";
import { byId, setText } from "../dom.ts";
import type { Figures } from "./player.ts";

export type State =
  | "connecting"
  | "waiting"
  | "playing"
  | "stalled"
  | "locked"
  | "cannot"
  | "refused"
  | "unreachable";

export interface Message {
  readonly state: State;
  readonly title: string;
  readonly text: string;
  /** What to type instead. */
  readonly command?: string;
}

export interface View {
  readonly canvas: HTMLCanvasElement;
  readonly video: HTMLVideoElement;
  show(message: Message): void;
  figures(figures: Figures, format: Format): void;
  /** Resolves when a password is given. `wrong` where the last one was refused. */
  askPassword(wrong: boolean): Promise<string>;
}

/** Milliseconds over which the bit rate is measured. */
const RATE_MS = 2_000;

const STATUS_TEXT: Readonly<Record<State, string>> = {
  connecting: "Connecting",
  waiting: "Waiting",
  playing: "Live",
  stalled: "Standing still",
  locked: "Locked",
  cannot: "Not for this browser",
  refused: "Refused",
  unreachable: "No answer",
};

const NONE = "–";
const COUNT = new Intl.NumberFormat("en");

/** Shows a state; the message of one that plays is hidden. */
function show({ state, title, text, command = "" }: Message): void {
  document.body.dataset["state"] = state;
  setText(byId("status", HTMLElement), STATUS_TEXT[state]);
  byId("message", HTMLElement).hidden = state === "playing";
  byId("question", HTMLFormElement).hidden = state !== "locked";
  setText(byId("title", HTMLElement), title);
  setText(byId("text", HTMLElement), text);
  byId("text", HTMLElement).hidden = text === "";
  byId("command", HTMLElement).hidden = command === "";
  setText(byId("command-text", HTMLElement), command);
}

export function newView(): View {
  const canvas = byId("canvas", HTMLCanvasElement);
  const video = byId("video", HTMLVideoElement);
  const rate = newRate();

  return {
    canvas,
    video,
    show,
    figures(figures, format) {
      const { width, height, shown, dropped, delay, decoder, hasSound } = figures;
      const hasPicture = width > 0;
      const isSoundOnly = hasSound && !hasPicture && figures.progress > 0;
      showPicture(figures, isSoundOnly, canvas, video);
      const texts: readonly (readonly [id: string, text: string])[] = [
        ["delay", delay === null ? NONE : formatDelay(delay)],
        ["rate", rate(figures) ?? NONE],
        ["frames", hasPicture ? COUNT.format(shown) : NONE],
        ["dropped", hasPicture ? COUNT.format(dropped) : NONE],
        ["size", hasPicture ? `${width}×${height}` : NONE],
        ["decoder", `${formatTitle(format)}, ${decoder}`],
      ];
      texts.forEach(([id, text]) => setText(byId(id, HTMLElement), text));
      document.body.dataset["frames"] = String(shown);
      byId("mute", HTMLButtonElement).hidden = !hasSound;
      byId("sound-only", HTMLElement).hidden = !isSoundOnly;
    },
    askPassword(wrong) {
      const { promise, resolve } = Promise.withResolvers<string>();
      show({ state: "locked", title: "This channel has a password", text: "" });
      const form = byId("question", HTMLFormElement);
      const input = byId("password", HTMLInputElement);
      byId("wrong", HTMLElement).hidden = !wrong;
      input.value = "";
      input.focus();
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          show({ state: "connecting", title: "Connecting", text: "" });
          resolve(input.value);
        },
        { once: true },
      );
      return promise;
    },
  };
}

/** Shows the surface that has a picture; a message over it lets it shine through. */
function showPicture(
  { width, height }: Figures,
  isSoundOnly: boolean,
  canvas: HTMLCanvasElement,
  video: HTMLVideoElement,
): void {
  const stage = byId("stage", HTMLElement);
  if (width === 0 || height === 0) {
    if (isSoundOnly) {
      delete stage.dataset["picture"];
      canvas.hidden = true;
      video.hidden = true;
    }
    return;
  }
  const isVideo = video.videoWidth > 0;
  video.hidden = !isVideo;
  canvas.hidden = isVideo;
  stage.dataset["picture"] = "";
  stage.style.setProperty("--ratio", String(width / height));
}

function formatDelay(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** The bit rate over the last seconds; undefined while it is not known. */
function newRate(): (figures: Figures) => string | undefined {
  let of: Figures | undefined;
  let points: { readonly at: number; readonly bytes: number }[] = [];
  return (figures) => {
    const now = performance.now();
    points = of === figures ? points.filter(({ at }) => now - at <= RATE_MS) : [];
    of = figures;
    const [first] = points;
    points.push({ at: now, bytes: figures.bytes });
    if (first === undefined || figures.bytes === first.bytes) {
      return undefined;
    }
    return formatBitrate(((figures.bytes - first.bytes) * 8_000) / (now - first.at));
  };
}
