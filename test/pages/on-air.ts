/**
 * A server with its pages, and broadcasts whose pictures say which frame they are:
 *
 *     ┌───────────────┬───────────────┬───────────────┐
 *     │      red      │     green     │      blue     │   known colours
 *     ├───┬───┬───┬───┼───┬───┬───┬───┼───┬───┬───┬───┤
 *     │ 1 │ 2 │ 4 │ 8 │ … │   │   │   │   │   │   │   │   the frame's number, a bit a block, white for a one
 *     └───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┘
 */
import type { Page } from "playwright-core";
import { openAdmin } from "../support/admin.ts";
import { relay, type Flags, type Relay } from "../support/server.ts";
import { ffmpeg } from "../media/ffmpeg.ts";
import { admitted } from "../support/sockets.ts";

export interface OnAir extends AsyncDisposable {
  readonly media: Relay;
  /** The address of bob's watch page for a channel. */
  pageOf(channel: string): string;
}

export interface Broadcast extends AsyncDisposable {
  /** Stops its pictures, or lets them go on, while it stays connected. */
  pause(isPaused: boolean): void;
  /** Ends it, and waits until the server has noticed. */
  end(): Promise<void>;
}

/** What the page shows: the colours as RGB, and the number in the blocks. */
export interface Sight {
  readonly colours: readonly (readonly number[])[];
  readonly number: number;
}

const WIDTH = 360;
const HEIGHT = 200;
const BITS = 12;
const FPS = 25;

const X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25";
const VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -g 25 -b:v 1M";

/** How each kind of stream is made of the pictures. */
const KINDS = {
  h264: `${X264} -f h264`,
  h265: "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25 -f hevc",
  mpegts: `${X264} -f mpegts`,
  "mpegts with sound": `-f lavfi -i sine -c:a aac ${X264} -f mpegts`,
  "mpegts with MPEG-2": "-c:v mpeg2video -f mpegts",
  flv: `${X264} -f flv`,
  webm: `${VP8} -f webm -live 1`,
  mp4: `${X264} -f mp4 -movflags empty_moov+frag_keyframe+default_base_moof`,
  ivf: `${VP8} -f ivf`,
  mjpeg: "-c:v mjpeg -q:v 3 -f mjpeg",
  y4m: "-f yuv4mpegpipe",
};

export type Kind = keyof typeof KINDS;

export async function onAir(flags: Flags = {}): Promise<OnAir> {
  const media = await relay(flags);
  // With a token it may be addressed by any name.
  const admin = openAdmin(media, { "admin-token": "secret" });
  return {
    media,
    pageOf: (channel) => new URL(`/watch/bob/${channel}`, admin.urls[0]).href,
    async [Symbol.asyncDispose]() {
      await admin.stop();
      await media[Symbol.asyncDispose]();
    },
  };
}

/** Broadcasts pictures of a kind, at their pace, as bob's `channel`. */
export async function broadcast(
  { media }: Pick<OnAir, "media">,
  channel: string,
  kind: Kind,
  more = "",
): Promise<Broadcast> {
  const client = await admitted(
    media.where,
    `broadcast,user=bob,channel=${channel},reply=1${more}`,
  );
  const child = Bun.spawn(
    [
      "ffmpeg",
      "-v",
      "error",
      "-re",
      ...PICTURES,
      ...KINDS[kind].split(" "),
      "-flush_packets",
      "1",
      "-",
    ],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const sending = (async (): Promise<void> => {
    for await (const chunk of child.stdout) {
      await client.send(chunk);
    }
  })().catch(() => {});
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await sending;
    client.end();
    await client.ended();
  };
  const pause = (isPaused: boolean): void => child.kill(isPaused ? "SIGSTOP" : "SIGCONT");
  return { end, pause, [Symbol.asyncDispose]: end };
}

/** Sharp blocks: the number is computed for one pixel a block, and made larger without a blur. */
const SMALL = { width: BITS, height: 5 };
const PICTURES: readonly string[] = [
  "-f",
  "lavfi",
  "-i",
  `nullsrc=s=${SMALL.width}x${SMALL.height}:r=${FPS},format=gbrp,geq=${[0, 1, 2].map(plane).join(":")},` +
    `scale=${WIDTH}:${HEIGHT}:flags=neighbor,setsar=1,format=yuv420p`,
];

/** The red, green or blue of a pixel: pure in its third of the upper rows, a bit of the number below. */
function plane(index: number): string {
  const name = "rgb"[index] ?? "r";
  const bit = "255*mod(floor(N/pow(2,X)),2)";
  return `${name}='if(lt(Y,3),255*eq(floor(X/4),${index}),${bit})'`;
}

/** Looks at the picture on the page, as a person does. */
export async function look(tab: Page): Promise<Sight> {
  const shot = await tab.locator("#canvas:visible, #video:visible").screenshot();
  const scale = `scale=${SMALL.width}:${SMALL.height}:flags=area`;
  const args = [
    "-f",
    "png_pipe",
    "-i",
    "-",
    "-vf",
    scale,
    "-pix_fmt",
    "rgb24",
    "-f",
    "rawvideo",
    "-",
  ];
  const pixels = await ffmpeg(args, shot);
  const at = (x: number, y: number): number[] => {
    const from = (y * SMALL.width + x) * 3;
    return [...pixels.subarray(from, from + 3)];
  };
  const bits = Array.from({ length: BITS }, (_, bit) =>
    (at(bit, 4)[0] ?? 0) > 127 ? 2 ** bit : 0,
  );
  return {
    colours: [1, 5, 9].map((x) => at(x, 1)),
    number: bits.reduce((sum, bit) => sum + bit, 0),
  };
}
