/**
 * Watchers with habits: those that crawl, freeze, break off and come again, and those that only look
 * how long it takes to get in. They are owed no frame, but what they get must be whole.
 */
import type { Socket } from "bun";
import { peerOf } from "../peers/table.ts";
import { nowUs } from "./clock.ts";
import { measure, newSeat, take, type Gauge, type Seat } from "./gauge.ts";
import type { Habit, Parent } from "./messages.ts";

/** A slow watcher reads at this part of the stream's rate. */
const SLOWNESS = 0.1;

/** Milliseconds for which a resetting or visiting watcher stays, at least and at most. */
const STAY_MS = [300, 3_000] as const;

/** Milliseconds before a watcher that has gone comes again. */
const AWAY_MS = 200;

/** Milliseconds between two probes, as they come while one is measured. */
const PROBE_EVERY_MS = 100;

/** Microseconds that a keyframe may come later than one is due. */
const KEY_LATE_MAX_US = 500_000;

export async function crowd(gauge: Gauge, parent: Parent): Promise<void> {
  const { habit, watchers } = gauge.order;
  const { connected, failed } =
    habit === "probing" ? { connected: 0, failed: 0 } : await gather(gauge, watchers);
  parent.tell({ kind: "ready", connected, failed });
  if (habit === "probing") {
    void parent.window.then(({ from, to }) => probe(gauge, from, to));
  }
  parent.tell(await measure(gauge, parent, () => seenOut(gauge)));
}

/** Waits for the probes that are still without a keyframe: left out, they would flatter the others. */
async function seenOut(gauge: Gauge): Promise<void> {
  const { gop, fps } = gauge.order.plan;
  const deadline = nowUs() + (gop / fps) * 1e6 + KEY_LATE_MAX_US;
  while (gauge.order.habit === "probing" && gauge.looking > 0 && nowUs() < deadline) {
    await Bun.sleep(AWAY_MS / 10);
  }
}

async function gather(
  gauge: Gauge,
  watchers: number,
): Promise<{ connected: number; failed: number }> {
  let connected = 0;
  for (let i = 0; i < watchers; i++) {
    connected += (await come(gauge, i)) ? 1 : 0;
  }
  return { connected, failed: watchers - connected };
}

/** Connects, behaves, and comes again whenever it has gone. */
async function come(gauge: Gauge, index: number): Promise<boolean> {
  const { habit, target, plan } = gauge.order;
  const seat = newSeat(gauge, index);
  let own = false;
  const leave = (socket: Socket): void => {
    own = true;
    LEAVE[habit](socket);
  };
  const again = (): void => {
    setTimeout(() => void come(gauge, index), AWAY_MS);
  };
  try {
    await Bun.connect({
      hostname: target.host,
      port: seat.port,
      socket: {
        open(socket) {
          socket.timeout(0);
          gauge.present[seat.channel]!++;
          socket.write(peerOf(target).watch(target, seat.channel));
          if (habit === "resetting" || habit === "visiting") {
            const [least, most] = STAY_MS;
            setTimeout(() => leave(socket), least + Math.random() * (most - least));
          }
        },
        data(socket, chunk) {
          take(seat, chunk, chunk.length);
          if (habit === "frozen") {
            socket.pause();
          } else if (habit === "slow") {
            linger(socket, chunk.length, (plan.bitsPerSecond / 8) * SLOWNESS);
          }
        },
        close() {
          gauge.present[seat.channel]!--;
          gauge.closed += own ? 0 : 1;
          again();
        },
      },
    });
    return true;
  } catch {
    again();
    return false;
  }
}

const LEAVE: Readonly<Record<Habit, (socket: Socket) => void>> = {
  steady: (socket) => socket.end(),
  slow: (socket) => socket.end(),
  frozen: (socket) => socket.end(),
  visiting: (socket) => socket.end(),
  probing: (socket) => socket.end(),
  resetting: (socket) => socket.terminate(),
};

/** Reads nothing for as long as `bytes` take at `rate` bytes a second. */
function linger(socket: Socket, bytes: number, rate: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), (bytes / rate) * 1_000);
}

/** Lets a watcher in every now and then, and times what it sees first. */
async function probe(gauge: Gauge, from: number, to: number): Promise<void> {
  await Bun.sleep(Math.max((from - nowUs()) / 1_000, 0));
  for (let index = 0; nowUs() < to - PROBE_EVERY_MS * 1_000; index++) {
    void look(gauge, index);
    // Off the beat of the frames, so that every part of a group of pictures is met.
    await Bun.sleep(PROBE_EVERY_MS * (0.5 + Math.random()));
  }
}

async function look(gauge: Gauge, index: number): Promise<void> {
  const { target } = gauge.order;
  const seat = newSeat(gauge, index);
  gauge.looking++;
  try {
    await Bun.connect({
      hostname: target.host,
      port: seat.port,
      socket: {
        open(opened) {
          opened.timeout(0);
          opened.write(peerOf(target).watch(target, seat.channel));
        },
        data(opened, chunk) {
          seen(seat, chunk);
          if (seat.watch.keyAt > 0) {
            opened.end();
          }
        },
        close() {
          gauge.looking--;
        },
      },
    });
  } catch {
    gauge.looking--;
    gauge.closed++;
  }
}

function seen(seat: Seat, chunk: Buffer): void {
  const { gauge, watch, since } = seat;
  if (!seat.begun) {
    seat.begun = true;
    gauge.firstByteMs.push((nowUs() - since) / 1_000);
  }
  take(seat, chunk, chunk.length);
  if (watch.keyAt > 0) {
    gauge.firstKeyMs.push((watch.keyAt - since) / 1_000);
  }
}
