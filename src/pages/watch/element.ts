/**
 * Plays by the browser's own video element, which takes the stream from its address and buffers as it
 * likes. What it has beyond the live edge is caught up: by a jump where it can, else by playing faster.
 */
import { ENDED, type Ending, type Figures, type Playing } from "./player.ts";

/** Milliseconds between two looks at the element. */
const LOOK_MS = 250;

/** Seconds behind the end of what is buffered: where it jumps, where it hurries, where it is content. */
const JUMP_S = 4;
const HURRY_S = 1.5;
const CONTENT_S = 0.7;

const HURRIED_RATE = 1.15;

const NOTHING_PLAYABLE = "It finds nothing in this stream that it can play.";

export async function playElement(playing: Playing): Promise<Ending> {
  const { video, url, signal, figures } = playing;
  figures.decoder = "browser";
  const { promise, resolve } = Promise.withResolvers<Ending>();
  video.addEventListener("ended", () => resolve(ENDED), { signal });
  video.addEventListener("error", () => resolve(endingOf(video, figures)), { signal });
  signal.addEventListener("abort", () => resolve(ENDED));
  video.src = url;
  // A refusal to play by itself leaves it paused, and the button starts it.
  video.play().catch(() => {});
  const looking = setInterval(() => {
    measure(video, figures);
    measureBytes(video, figures);
    catchUp(video);
  }, LOOK_MS);
  const ending = await promise;
  clearInterval(looking);
  release(video);
  return ending;
}

/** Takes the stream away from the element. */
export function release(video: HTMLVideoElement): void {
  video.playbackRate = 1;
  video.removeAttribute("src");
  video.load();
}

/** Reads the figures that the element has of itself. */
export function measure(video: HTMLVideoElement, figures: Figures): void {
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  figures.shown = Math.max(0, totalVideoFrames - droppedVideoFrames);
  figures.dropped = droppedVideoFrames;
  figures.width = video.videoWidth;
  figures.height = video.videoHeight;
  figures.progress = video.currentTime;
  figures.delay = video.currentTime === 0 ? null : behind(video) * 1_000;
}

/** Bytes and sound are told by some browsers alone: these by Chromium and Safari, and by Firefox. */
function measureBytes(video: HTMLVideoElement, figures: Figures): void {
  const sound = numberOf(video, "webkitAudioDecodedByteCount");
  figures.bytes = numberOf(video, "webkitVideoDecodedByteCount") + sound;
  figures.hasSound ||= sound > 0 || Reflect.get(video, "mozHasAudio") === true;
}

/** Seconds from what is played to the end of what is there. */
function behind({ buffered, currentTime }: HTMLVideoElement): number {
  return buffered.length === 0 ? 0 : Math.max(0, buffered.end(buffered.length - 1) - currentTime);
}

function catchUp(video: HTMLVideoElement): void {
  const late = behind(video);
  const { seekable, buffered } = video;
  const edge = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - CONTENT_S;
  const canJump = seekable.length > 0 && seekable.end(seekable.length - 1) > edge;
  if (late > JUMP_S && canJump) {
    video.currentTime = edge;
  }
  if (late > HURRY_S) {
    video.playbackRate = HURRIED_RATE;
  } else if (late < CONTENT_S) {
    video.playbackRate = 1;
  }
}

function endingOf({ error }: HTMLVideoElement, { progress }: Figures): Ending {
  const isUnsupported = error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED;
  return isUnsupported && progress === 0 ? { kind: "unsupported", why: NOTHING_PLAYABLE } : ENDED;
}

function numberOf(video: HTMLVideoElement, name: string): number {
  const value: unknown = Reflect.get(video, name);
  return typeof value === "number" ? value : 0;
}
