/** Plays MPEG-TS and FLV by mpegts.js, which rewraps them for the media source extensions. */
import mpegts from "mpegts.js";
import { measure, release } from "./element.ts";
import { ENDED, type Ending, type Playing } from "./player.ts";

/** Milliseconds between two looks at the element. */
const LOOK_MS = 250;

/** Seconds of buffer from which on it jumps, or plays faster, down to the last: less of it runs dry. */
const JUMP_S = 1.5;
const HURRY_S = 0.6;
const BUFFER_S = 0.35;

/** Seconds of what has been played that are kept: a live page has no use for them. */
const PLAYED_MAX_S = 20;
const PLAYED_S = 5;

type Media = Parameters<typeof mpegts.createPlayer>[0];
type Config = NonNullable<Parameters<typeof mpegts.createPlayer>[1]>;

const CONFIG: Config = {
  enableStashBuffer: false,
  lazyLoad: false,
  liveSync: true,
  liveSyncMaxLatency: HURRY_S,
  liveSyncTargetLatency: BUFFER_S,
  liveBufferLatencyChasing: true,
  liveBufferLatencyMaxLatency: JUMP_S,
  liveBufferLatencyMinRemain: BUFFER_S,
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: PLAYED_MAX_S,
  autoCleanupMinBackwardDuration: PLAYED_S,
  referrerPolicy: "no-referrer",
};

const NOTHING_PLAYABLE = "It has no decoder for the picture or the sound in this stream.";

export function playMpegts(playing: Playing): Promise<Ending> {
  const { format, url } = playing;
  const type = format === "flv" ? "flv" : "mpegts";
  return playByMpegts(playing, { type, isLive: true, url, cors: true });
}

/** Plays `media`, until its end or what `over` says of it. */
export async function playByMpegts(
  { video, signal, figures }: Playing,
  media: Media,
  more: Config = {},
  over?: Promise<Ending>,
): Promise<Ending> {
  if (!mpegts.isSupported()) {
    return { kind: "unsupported", why: "It has no media source extensions." };
  }
  figures.decoder = "mpegts.js";
  mpegts.LoggingControl.enableAll = false;
  const { promise, resolve } = Promise.withResolvers<Ending>();
  let saidAt = performance.now();
  const player = mpegts.createPlayer(media, { ...CONFIG, ...more });
  player.on(mpegts.Events.MEDIA_INFO, (info: { readonly hasAudio?: boolean }) => {
    figures.hasSound = info.hasAudio === true;
  });
  player.on(mpegts.Events.LOADING_COMPLETE, () => resolve(ENDED));
  player.on(mpegts.Events.ERROR, (type: string, _detail: string, info: { code?: number }) => {
    resolve(endingOf(type, info.code ?? 0));
  });
  player.on(mpegts.Events.STATISTICS_INFO, ({ speed = 0 }: { readonly speed?: number }) => {
    // Kilobytes a second, over the time since it said so last.
    const now = performance.now();
    figures.bytes += (speed * 1024 * (now - saidAt)) / 1_000;
    saidAt = now;
  });
  signal.addEventListener("abort", () => resolve(ENDED));
  video.addEventListener("error", () => resolve(ENDED), { signal });
  player.attachMediaElement(video);
  player.load();
  video.play().catch(() => {});
  const looking = setInterval(() => measure(video, figures), LOOK_MS);
  void over?.then(resolve);
  const ending = await promise;
  clearInterval(looking);
  player.destroy();
  release(video);
  return ending;
}

function endingOf(type: string, status: number): Ending {
  if (type === mpegts.ErrorTypes.MEDIA_ERROR) {
    return { kind: "unsupported", why: NOTHING_PLAYABLE };
  }
  return status >= 400 ? { kind: "refused", status, why: "" } : ENDED;
}
