/**
 * Watchers that read what comes as fast as it comes.
 *
 *     Bun.connect ──open──► request ──► pause ──► our own epoll ──► recv ──► verifier
 *
 * Bun makes the connection; on Linux the reading is done past it, for one buffer can serve all. Then
 * this process sleeps in its own wait, and looks up for Bun's events now and again.
 */
import type { Socket } from "bun";
import { peerOf } from "../peers/table.ts";
import { crowd } from "./crowd.ts";
import { nowUs } from "./clock.ts";
import { measure, newGauge, newSeat, pulse, take, type Gauge, type Seat } from "./gauge.ts";
import { BUFFER_BYTES, EVENTS_MAX, loadLibc, type Poll } from "./libc.ts";
import type { Plan } from "../stream/synthetic.ts";
import type { Parent, WatchOrder } from "./messages.ts";

/** Connections that are made at once: a listener's backlog has room for them. */
const CONNECTS_AT_ONCE = 64;

/** Milliseconds that a wait for bytes takes at most. */
const WAIT_MS = 5;

/** Milliseconds after which Bun's own events have their turn, however busy it is. */
const YIELD_MS = 5;

/** Bytes that may lie in a socket where they are only counted: a quarter of its buffer. */
const SINK_BYTES: number = 32 * 1024;

/** Milliseconds that they may lie there, so that the figures of a second are those of a second. */
const SINK_MAX_MS = 150;

/** Milliseconds after the window in which late frames may come. Later ones count as lost. */
const LATE_MAX_MS = 5_000;

export async function watchAll(order: WatchOrder, parent: Parent): Promise<void> {
  const gauge = newGauge(order);
  pulse(gauge, parent);
  if (order.habit !== "steady") {
    await crowd(gauge, parent);
    return;
  }
  const seats: Seat[] = [];
  const poll = loadLibc()?.newPoll();
  const reader = poll === undefined ? undefined : newReader(poll, seats, order.sink);
  if (reader !== undefined && order.sink) {
    gauge.catchUp = () => reader.readAll();
    setInterval(gauge.catchUp, pauseOf(order.plan));
  } else {
    void reader?.run();
  }
  let failed = 0;
  for (let next = 0; next < order.watchers; next += CONNECTS_AT_ONCE) {
    const batch = Array.from({ length: Math.min(CONNECTS_AT_ONCE, order.watchers - next) });
    const made = await Promise.all(batch.map((_, i) => connect(gauge, seats, next + i, reader)));
    failed += made.filter((ok) => !ok).length;
  }
  parent.tell({ kind: "ready", connected: order.watchers - failed, failed });
  parent.tell(await measure(gauge, parent, (to) => settled(seats, order.sink, to)));
}

async function connect(
  gauge: Gauge,
  seats: Seat[],
  index: number,
  reader: Reader | undefined,
): Promise<boolean> {
  const { target } = gauge.order;
  const seat = newSeat(gauge, index);
  try {
    await Bun.connect({
      hostname: target.host,
      port: seat.port,
      socket: {
        open(socket) {
          socket.timeout(0);
          socket.write(peerOf(target).watch(target, seat.channel));
          gauge.present[seat.channel]!++;
          reader?.add(socket, seats.push(seat) - 1);
        },
        data(_socket, chunk) {
          take(seat, chunk, chunk.length);
        },
        close() {
          leave(seat);
        },
      },
    });
    return true;
  } catch {
    return false;
  }
}

function leave(seat: Seat): void {
  if (!seat.gone) {
    seat.gone = true;
    seat.gauge.closed++;
    seat.gauge.present[seat.channel]!--;
  }
}

/** Resolves when every watcher has all that was due before `to`, or it is too late for that. */
async function settled(seats: readonly Seat[], sink: boolean, to: number): Promise<void> {
  const deadline = nowUs() + LATE_MAX_MS * 1_000;
  const waits = ({ gone, watch }: Seat): boolean =>
    !gone && watch.frame !== undefined && watch.frame.due < to;
  const all = sink ? [] : seats;
  while (nowUs() < deadline && all.some(waits)) {
    await Bun.sleep(WAIT_MS);
  }
}

interface Reader {
  add(socket: Socket, slot: number): void;
  /** Reads whatever has come. */
  readAll(): void;
  /** Reads whatever comes as soon as it does, for ever. */
  run(): Promise<never>;
}

/** Reads the sockets of `seats` past Bun. */
function newReader(poll: Poll, seats: readonly Seat[], sink: boolean): Reader {
  const sockets: Socket[] = [];
  const fds: number[] = [];

  const read = (slot: number, ending: boolean): void => {
    const seat = seats[slot];
    const fd = fds[slot] ?? -1;
    if (seat === undefined || fd === -1) {
      return;
    }
    // Fewer bytes than there is room for were all. Before the stream's end its zero must be seen too.
    for (const least = ending ? 1 : BUFFER_BYTES; ;) {
      const count = poll.receive(fd, sink);
      if (count > 0) {
        take(seat, poll.buffer, count);
      } else if (count === 0) {
        fds[slot] = -1;
        leave(seat);
        sockets[slot]?.end();
      }
      if (count < least) {
        return;
      }
    }
  };

  /** Waits for something to come, and reads whatever has. */
  const readAll = (waitMs: number): void => {
    let ready = poll.wait(waitMs);
    while (ready > 0) {
      for (let i = 0; i < ready; i++) {
        read(poll.slotOf(i), poll.isEnding(i));
      }
      // Where there was room for more, there was no more.
      ready = ready < EVENTS_MAX ? 0 : poll.wait(0);
    }
  };

  return {
    add(socket, slot) {
      // Paused, Bun asks the kernel for nothing; it still hears of a reset, and closes.
      socket.pause();
      sockets[slot] = socket;
      fds[slot] = descriptorOf(socket);
      poll.add(descriptorOf(socket), slot);
    },
    readAll: () => readAll(0),
    async run() {
      for (;;) {
        const until = performance.now() + YIELD_MS;
        do {
          readAll(WAIT_MS);
        } while (performance.now() < until);
        await new Promise(setImmediate);
      }
    },
  };
}

/** How long bytes that are only counted may wait for it, for nobody asks when they came. */
function pauseOf({ bitsPerSecond }: Plan): number {
  return Math.min((SINK_BYTES * 8_000) / bitsPerSecond, SINK_MAX_MS);
}

/** Bun's sockets have a public `fd`, which its types leave out. */
function descriptorOf(socket: object): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}
