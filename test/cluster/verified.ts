/**
 * Synthetic broadcasts and watchers that know every byte of them, see bench/verify. Whatever becomes of
 * nodes and servers, what a watcher gets is whole frames, each at most once and in their order.
 */
import type { Socket } from "bun";
import { expect } from "bun:test";
import { nowUs } from "../../bench/load/clock.ts";
import { newStudio, type Plan, type Studio, type Synthetic } from "../../bench/stream/synthetic.ts";
import { newKnown, type Known } from "../../bench/verify/known.ts";
import { newTally, type Faults, type Tally } from "../../bench/verify/tally.ts";
import { check, newWatch, type Watch } from "../../bench/verify/verifier.ts";
import { connect, frame } from "../support/sockets.ts";
import { eventually } from "../support/server.ts";

const PLAN: Plan = { bitsPerSecond: 400_000, fps: 25, gop: 10 };

const STUDIO = newStudio(PLAN);

/** Of a broadcast that soon has more than the kernel holds for somebody who does not read. */
export const LARGE: Studio = newStudio({ bitsPerSecond: 12_000_000, fps: 25, gop: 10 });

/** Milliseconds before a watcher or a broadcaster that found nobody tries the next place. */
const AGAIN_MS = 50;

/** The part of a frame that comes first where it comes in pieces, and the milliseconds until the rest does. */
const PART = 0.6;
const PART_MS = 20;

/** A broadcaster of synthetic frames over one connection. */
export interface Caster extends Disposable {
  readonly broadcast: Synthetic;
  /** Resolves with the first reply: "ok", or why not. */
  readonly admitted: Promise<string>;
  /** Resolves when the connection is over, with all replies that came. */
  readonly over: Promise<readonly string[]>;
  /** Frames that the kernel has taken. */
  sent(): number;
  /** Ends the broadcast after a whole frame. */
  end(): Promise<void>;
}

export interface CastOptions {
  readonly studio?: Studio;
  /**
   * Whether frames come in pieces, so that whatever happens may happen in the middle of one. A frame whose
   * broadcaster is gone is never whole.
   */
  readonly torn?: boolean;
}

/** Broadcasts on a channel of the user open, from now on, until it is told to end or the server closes. */
export async function cast(
  port: number,
  channel: string,
  { studio = STUDIO, torn = false }: CastOptions = {},
): Promise<Caster> {
  const client = await connect({ port }, `broadcast,user=open,channel=${channel},reply=1`);
  const broadcast = studio.broadcast(0, Math.ceil(nowUs()));
  const stop = new AbortController();
  let sent = 0;
  const pump = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { head, body, due } = broadcast.frame(sent);
      await Bun.sleep(Math.max((due - nowUs()) / 1_000, 0));
      const bytes = Buffer.concat([head, body]);
      const cut = torn ? Math.floor(bytes.length * PART) : bytes.length;
      await client.send(bytes.subarray(0, cut));
      if (torn) {
        await Bun.sleep(PART_MS);
        await client.send(bytes.subarray(cut));
      }
      sent++;
    }
    client.end();
  };
  const admitted = client.reply();
  const replies = async (): Promise<readonly string[]> => {
    // What the kernel no longer takes says that it is over; the replies are there then.
    await pump().catch(() => {});
    const all: string[] = [];
    await admitted.then((reply) => all.push(reply)).catch(() => {});
    while (!stop.signal.aborted) {
      const more = await client.reply().catch(() => undefined);
      if (more === undefined) {
        break;
      }
      all.push(more);
    }
    return all;
  };
  const over = replies();
  return {
    broadcast,
    admitted,
    over,
    sent: () => sent,
    async end() {
      stop.abort();
      await over;
    },
    [Symbol.dispose]() {
      stop.abort();
      client.destroy();
    },
  };
}

/** A broadcaster that goes to the next place whenever its connection is over. */
export interface Roamer extends Disposable {
  /** How often it was let in. */
  times(): number;
  /** The newest of its broadcasts. */
  caster(): Caster | undefined;
  stop(): Promise<void>;
}

export function roam(ports: readonly number[], channel: string, options: CastOptions = {}): Roamer {
  const stop = new AbortController();
  let caster: Caster | undefined;
  let times = 0;
  const go = async (): Promise<void> => {
    for (let turn = 0; !stop.signal.aborted; turn++) {
      const port = ports[turn % ports.length] ?? 0;
      const next = await cast(port, channel, options).catch(() => undefined);
      if (next === undefined) {
        await Bun.sleep(AGAIN_MS);
        continue;
      }
      caster = next;
      times += (await next.admitted.catch(() => "")) === "ok" ? 1 : 0;
      await next.over;
    }
  };
  const going = go();
  return {
    times: () => times,
    caster: () => caster,
    async stop() {
      stop.abort();
      await caster?.end();
      await going;
    },
    [Symbol.dispose]() {
      stop.abort();
      caster?.[Symbol.dispose]();
    },
  };
}

interface Seat {
  /** Whose node it watches at. */
  port: number;
  watch: Watch;
  socket: Socket | undefined;
}

/** Watchers of one channel, at whatever nodes. One whose connection ends comes again at the next of its places. */
export interface Crowd extends Disposable {
  /** Adds watchers at `ports[0]`, and waits until they are connected. The other places are for later. */
  add(count: number, ports: readonly number[]): Promise<void>;
  /** How often a server has closed a watcher's connection, by the port it was at. */
  closed(port: number): number;
  /** What was wrong with what they got. A frame that a watcher missed whole is `lost`. */
  readonly faults: Faults;
  /**
   * Resolves when every watcher has a frame that was due after this moment; with a broadcast, one of that.
   */
  seeing(broadcast?: Synthetic): Promise<void>;
  /** Has nobody read anything until it is called with false. */
  freeze(frozen: boolean): void;
  /** Expects that no watcher got anything but whole frames, once and in order. */
  expectWhole(): void;
}

export function newCrowd(channel: string, studio: Studio = STUDIO): Crowd {
  const known = newKnown(studio, 0);
  const tally = newTally();
  const seats: Seat[] = [];
  const closed = new Map<number, number>();
  const stop = new AbortController();
  const take = async (seat: Seat, ports: readonly number[], first: number): Promise<void> => {
    for (let turn = first; !stop.signal.aborted; turn++) {
      seat.port = ports[turn % ports.length] ?? 0;
      const connection = await watchOnce(seat, channel, known, tally).catch(() => undefined);
      if (connection === undefined) {
        await Bun.sleep(AGAIN_MS);
        continue;
      }
      // Whoever waits for the first connection goes on; what comes behind it is for later.
      void connection.over.then(() => {
        closed.set(seat.port, (closed.get(seat.port) ?? 0) + 1);
        return stop.signal.aborted ? undefined : take(seat, ports, turn + 1);
      });
      return;
    }
  };
  return {
    async add(count, ports) {
      const more = Array.from({ length: count }, () => ({
        port: 0,
        watch: newWatch(known, tally),
        socket: undefined,
      }));
      seats.push(...more);
      await Promise.all(more.map((seat) => take(seat, ports, 0)));
    },
    closed: (port) => closed.get(port) ?? 0,
    faults: tally.faults,
    async seeing(broadcast) {
      const since = nowUs();
      const behind = (): Seat[] => seats.filter(({ watch }) => !isSince(watch, since, broadcast));
      await eventually(
        () => behind().length === 0,
        () => {
          const at = behind().map(({ port, watch }) => `${port}: ${watch.state} ${watch.highest}`);
          return `frames at ${at.length} of ${seats.length} watchers: ${at.slice(0, 5).join("; ")}`;
        },
      );
    },
    freeze(frozen) {
      seats.forEach(({ socket }) => (frozen ? socket?.pause() : socket?.resume()));
    },
    expectWhole() {
      const { lost, ...others } = tally.faults;
      const none = { torn: 0, corrupt: 0, repeated: 0, reordered: 0, foreign: 0 };
      expect(others, `with ${lost} lost frames`).toEqual(none);
    },
    [Symbol.dispose]() {
      stop.abort();
      seats.forEach(({ socket }) => socket?.terminate());
    },
  };
}

function isSince(watch: Watch, since: number, broadcast: Synthetic | undefined): boolean {
  const of = watch.broadcast;
  return (
    of !== undefined &&
    watch.highest >= 0 &&
    of.dueOf(watch.highest) >= since &&
    (broadcast === undefined || broadcast.start === of.start)
  );
}

/** Connects, and returns how to wait for the end of the connection. */
async function watchOnce(
  seat: Seat,
  channel: string,
  known: Known,
  tally: Tally,
): Promise<{ readonly over: Promise<void> }> {
  const over = Promise.withResolvers<void>();
  // A connection begins anywhere in the stream, whatever the one before has got.
  const watch = newWatch(known, tally);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: seat.port,
    socket: {
      open(opened) {
        opened.timeout(0);
        opened.write(frame(`watch,user=open,channel=${channel}`));
      },
      data: (_, chunk) => check(watch, chunk, 0, chunk.length, nowUs()),
      close: () => over.resolve(),
      error: () => {},
    },
  });
  seat.watch = watch;
  seat.socket = socket;
  return { over: over.promise };
}
