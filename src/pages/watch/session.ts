/**
 * Watches one channel for as long as the page is open.
 *
 *     ask the server ──┬─ no answer ─────────────► again, later
 *           ▲          ├─ nothing live ──────────► wait
 *           │          ├─ locked ────────────────► ask for the password
 *           │          ├─ no player for it ──────► say so, until the broadcast is another one
 *           │          └─ live ──► play ──┐
 *           └── the stream ends, ─────────┘
 *               stands still too long, or its format changes
 */
import { formatTitle, type Format } from "../../media/format.ts";
import {
  askHead,
  askPlayer,
  mediaUrl,
  savedPassword,
  savePassword,
  type Channel,
  type PlayerStatus,
} from "./channel.ts";
import { newFigures, playerOf, type Ending, type Figures, type Play } from "./player.ts";
import type { Message, View } from "./view.ts";

/** Milliseconds between two questions to the server while nothing plays. */
const POLL_MS = 500;

/** Milliseconds between two looks at what plays. */
const TICK_MS = 250;

/** Milliseconds without progress after which the server is asked what is the matter. */
const STALL_MS = 2_000;

/** Milliseconds without progress of a live broadcast after which the stream is asked for anew. */
const GIVE_UP_MS = 12_000;

/** Milliseconds before the first retry; each further one waits twice as long, up to the longest. */
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 5_000;

/** Attempts of which nothing was seen before a live stream counts as one that cannot be played. */
const FRUITLESS_MAX = 3;

/** Milliseconds after which the format of a live broadcast counts as unknown: the server's own limit. */
const UNKNOWN_MS = 6_000;

/** Milliseconds in which a live stream must begin to play. Elements take a while at low bit rates. */
const NOTHING_MS = 15_000;

/** Milliseconds after which what could not be played is tried once more: its codec may be another one. */
const UNSUPPORTED_MS = 30_000;

const STALLED: Message = {
  state: "stalled",
  title: "The stream stands still",
  text: "It goes on by itself.",
};

const NOTHING: Ending = {
  kind: "unsupported",
  why: "It finds nothing in this stream that it can play.",
};

const UNKNOWN = "Its format is none that fstream knows.";

type Live = PlayerStatus & { readonly format: Format; readonly port: number };

export async function watchForEver(channel: Channel, view: View): Promise<never> {
  let failures = 0;
  let formatMissingSince: number | undefined;
  for (;;) {
    const status = await askPlayer(channel);
    if (status?.live === true && status.format === null) {
      formatMissingSince ??= performance.now();
    } else {
      formatMissingSince = undefined;
    }
    if (!isPlayable(status)) {
      const missing = performance.now() - (formatMissingSince ?? Infinity);
      view.show(missing > UNKNOWN_MS ? cannot(channel, status, undefined, UNKNOWN) : idle(status));
      failures = 0;
      await pause(POLL_MS);
      continue;
    }
    const outcome = await watch(channel, status, view);
    const isFruitless = outcome.kind === "ended" && !outcome.hasPlayed;
    const ending = isFruitless && failures >= FRUITLESS_MAX ? NOTHING : outcome;
    if (ending.kind === "unsupported") {
      view.show(cannot(channel, status, status.format, ending.why));
      await untilOther(channel, status);
    } else if (ending.kind === "refused" && ending.status === 401) {
      savePassword(channel, await view.askPassword(savedPassword(channel) !== ""));
    } else {
      failures = isFruitless || ending.kind === "refused" ? failures + 1 : 0;
      if (ending.kind === "refused" && ending.status !== 404) {
        view.show({ state: "refused", title: "The server refuses", text: ending.why });
      }
      await pause(Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MAX_MS));
    }
  }
}

function isPlayable(status: PlayerStatus | undefined): status is Live {
  return status !== undefined && status.live && status.format !== null && status.port !== null;
}

function idle(status: PlayerStatus | undefined): Message {
  if (status === undefined) {
    return {
      state: "unreachable",
      title: "The server does not answer",
      text: "Trying again; nothing needs to be done here.",
    };
  }
  if (status.port === null) {
    return {
      state: "refused",
      title: "No way to the media",
      text: "This server has no media port.",
    };
  }
  return status.live
    ? { state: "connecting", title: "Connecting", text: "" }
    : {
        state: "waiting",
        title: "Waiting for the broadcast",
        text: "The picture comes by itself when the channel is on air.",
      };
}

function cannot(
  channel: Channel,
  status: PlayerStatus | undefined,
  format: Format | undefined,
  why: string,
): Message {
  const name = format === undefined ? "this stream" : formatTitle(format);
  return {
    state: "cannot",
    title: `This browser cannot play ${name}`,
    text: `${why} ${format === undefined ? "Another player may:" : "Another player can:"}`,
    command: `ffplay ${mediaUrl(channel, status?.port ?? 0)}`,
  };
}

type Outcome =
  Exclude<Ending, { kind: "ended" }> | { readonly kind: "ended"; readonly hasPlayed: boolean };

/** Plays the broadcast once. */
async function watch(channel: Channel, live: Live, view: View): Promise<Outcome> {
  const load = playerOf(live.format);
  if (load === undefined) {
    return { kind: "unsupported", why: "No browser does." };
  }
  const password = live.locked ? savedPassword(channel) : "";
  if (live.locked && password === "") {
    return { kind: "refused", status: 401, why: "" };
  }
  const url = mediaUrl(channel, live.port, password);
  if (live.locked) {
    const { status, why } = await askHead(url);
    if (status !== 200) {
      return { kind: "refused", status, why };
    }
  }
  const { ending, hasPlayed } = await play(channel, live, url, await load(), view);
  if (ending.kind === "unsupported") {
    // An element calls everything that it cannot have unsupported.
    const { status, why } = await askHead(url);
    return status === 200 ? ending : { kind: "refused", status, why };
  }
  return ending.kind === "ended" ? { kind: "ended", hasPlayed } : ending;
}

async function play(
  channel: Channel,
  live: Live,
  url: string,
  player: Play,
  view: View,
): Promise<{ readonly ending: Ending; readonly hasPlayed: boolean }> {
  const figures = newFigures();
  const stop = new AbortController();
  const startedAt = performance.now();
  let isNothing = false;
  let seen = 0;
  let movedAt = performance.now();
  let asking = false;

  const judge = async (): Promise<void> => {
    const status = await askPlayer(channel);
    const now = performance.now();
    const hasPlayed = figures.progress > 0;
    if (stop.signal.aborted || (seen !== progressOf(figures) && hasPlayed)) {
      return;
    }
    if (status?.live !== true) {
      view.show(idle(status));
    } else if (status.format !== null && status.format !== live.format) {
      stop.abort();
    } else if (hasPlayed ? now - movedAt > GIVE_UP_MS : now - startedAt > NOTHING_MS) {
      isNothing = !hasPlayed;
      stop.abort();
    } else {
      view.show(hasPlayed ? STALLED : idle(status));
    }
  };
  const tick = (): void => {
    const now = performance.now();
    if (seen !== progressOf(figures)) {
      seen = progressOf(figures);
      movedAt = now;
      if (figures.progress > 0) {
        view.show({ state: "playing", title: "", text: "" });
      }
    }
    const isNotable = now - (figures.progress > 0 ? movedAt : startedAt) > STALL_MS;
    if (isNotable && !asking && !document.hidden) {
      asking = true;
      void judge().finally(() => (asking = false));
    }
    view.figures(figures, live.format);
  };
  const ticking = setInterval(tick, TICK_MS);
  try {
    const { canvas, video } = view;
    const playing = { url, format: live.format, canvas, video, figures, signal: stop.signal };
    const ending = await player(playing);
    return { ending: isNothing ? NOTHING : ending, hasPlayed: figures.progress > 0 };
  } finally {
    clearInterval(ticking);
    stop.abort();
  }
}

function progressOf({ progress, bytes }: Figures): number {
  return progress + bytes;
}

/** Waits until there is something else than this broadcast, or none, or it may be tried once more. */
async function untilOther(channel: Channel, live: Live): Promise<void> {
  const since = performance.now();
  while (performance.now() - since < UNSUPPORTED_MS) {
    await pause(POLL_MS * 4);
    const status = await askPlayer(channel);
    if (status?.live !== true || (status.format !== null && status.format !== live.format)) {
      return;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
