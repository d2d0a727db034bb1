/**
 * The load, in a process of its own: one broadcaster at a steady frame rate and many watchers that check every frame. Prints
 * one line of JSON.
 *
 *     bun bench/load.ts PORT WATCHERS MBITS FPS SECONDS WARMUP
 */
import { writeFrame as writeRequestFrame } from "../src/protocol/frame.ts";
import { newChecker, writeFrame, type Tally } from "./frames.ts";

const [port = 0, watchers = 0, mbits = 0, fps = 0, seconds = 0, warmup = 0] = process.argv
  .slice(2)
  .map(Number);
const tally: Tally = { frames: 0, lost: 0, torn: 0, delays: [] };
let gone = 0;
let bytes = 0;

for (let i = 0; i < watchers; i++) {
  await watcher();
}
await Bun.sleep(200);
const stop = await broadcaster();
await Bun.sleep(warmup * 1_000);
Object.assign(tally, { frames: 0, lost: 0, torn: 0 });
tally.delays.length = 0;
bytes = 0;
process.stdout.write("measuring\n");
await Bun.sleep(seconds * 1_000);
const delays = tally.delays.toSorted((a, b) => a - b);
const at = (part: number): number => delays[Math.floor(part * (delays.length - 1))] ?? 0;
const figures = {
  gbit: (bytes * 8) / 1e9,
  frames: tally.frames,
  lost: tally.lost,
  torn: tally.torn,
  gone,
  p50: at(0.5),
  p99: at(0.99),
  max: at(1),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
stop();
process.exit(0);

async function watcher(): Promise<void> {
  const checker = newChecker(tally);
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.timeout(0);
        socket.write(writeRequestFrame("watch,user=bench"));
      },
      data(_socket, chunk) {
        bytes += chunk.length;
        checker.check(chunk);
      },
      close() {
        gone++;
      },
    },
  });
}

/** Sends each frame when it is due, counted from the start, so that lateness does not add up. */
async function broadcaster(): Promise<() => void> {
  const length = Math.round((mbits * 1e6) / 8 / fps);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(opened) {
        opened.timeout(0);
        opened.write(writeRequestFrame("broadcast,user=bench"));
      },
      data() {},
    },
  });
  const startedAt = performance.now();
  let sequence = 0;
  let timer: Timer | undefined;
  const send = (): void => {
    const now = performance.timeOrigin + performance.now();
    const frame = writeFrame(sequence++, length, now);
    if (socket.write(frame, 0, frame.length) < frame.length) {
      throw new Error("the relay does not read as fast as one broadcaster sends");
    }
    timer = setTimeout(send, Math.max(startedAt + (sequence * 1_000) / fps - performance.now(), 0));
  };
  send();
  return () => clearTimeout(timer);
}
