/**
 * The whole bench against relays that do wrong on purpose, over real sockets: each wrong has its name
 * in the figures, and an honest relay has none.
 */
import { expect, test } from "bun:test";
import { newPlacement } from "../../bench/measure/placement.ts";
import { runRound, type Load } from "../../bench/measure/round.ts";
import type { Subject } from "../../bench/peers/peer.ts";
import { newStudio } from "../../bench/stream/synthetic.ts";
import type { Faults } from "../../bench/verify/tally.ts";
import { TEST_MS } from "../support/program.ts";

const LOAD: Load = {
  plan: { bitsPerSecond: 1_000_000, fps: 60, gop: 12 },
  channels: 1,
  watchers: 3,
  others: {},
  seconds: 0.8,
  warmup: 0.2,
  processes: 1,
  sink: false,
  restartMs: 0,
};

/** What a relay sends for some frames; the second one is there to be exchanged with. */
type Wrong = (first: Buffer, second: Buffer) => readonly Buffer[];

const WRONGS: Readonly<Record<string, [wrong: Wrong, name: keyof Faults | undefined]>> = {
  honest: [(first, second) => [first, second], undefined],
  drops: [(first) => [first], "lost"],
  tears: [(first, second) => [first, second.subarray(0, second.length >> 1)], "torn"],
  repeats: [(first, second) => [first, first, second], "repeated"],
  reorders: [(first, second) => [second, first], "reordered"],
  corrupts: [(first, second) => [first, flip(second)], "corrupt"],
};

function flip(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  copy[copy.length >> 1]! ^= 1;
  return copy;
}

/** Two of twelve frames go through `wrong`, none of which is a keyframe. */
function relay(wrong: Wrong): Subject {
  const broadcast = newStudio(LOAD.plan).broadcast(0, 0);
  const watchers = new Set<Bun.Socket<{ greeted: boolean }>>();
  const send = (bytes: Buffer): void => {
    for (const watcher of watchers) {
      watcher.write(bytes);
    }
  };
  let held = Buffer.alloc(0);
  let first: Buffer | undefined;
  let sequence = 0;
  const pass = (bytes: Buffer): void => {
    held = Buffer.concat([held, bytes]);
    for (;;) {
      const { length } = broadcast.frame(sequence);
      if (held.length < length) {
        return;
      }
      const frame = held.subarray(0, length);
      held = held.subarray(length);
      const place = sequence++ % 12;
      if (place === 5) {
        first = frame;
      } else if (place === 6 && first !== undefined) {
        wrong(first, frame).forEach(send);
      } else {
        send(frame);
      }
    }
  };
  const listener = Bun.listen<{ greeted: boolean }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { greeted: false };
      },
      data(socket, chunk) {
        if (socket.data.greeted) {
          pass(chunk);
          return;
        }
        socket.data.greeted = true;
        const end = 5 + chunk.readUInt32BE(0);
        if (chunk.toString("latin1", 5, end).startsWith("watch")) {
          watchers.add(socket);
        } else if (chunk.length > end) {
          pass(chunk.subarray(end));
        }
      },
      close(socket) {
        watchers.delete(socket);
      },
    },
  });
  return {
    target: {
      peer: "fstream",
      host: "127.0.0.1",
      port: listener.port,
      user: "bench",
      password: undefined,
    },
    pid: undefined,
    stop: () => Promise.resolve(listener.stop(true)),
  };
}

test(
  "a relay that drops, tears, repeats, reorders or corrupts frames is caught, and named rightly",
  async () => {
    const placement = newPlacement(false);
    const outcomes = Object.entries(WRONGS).map(async ([title, [wrong, name]]) => {
      await using stack = new AsyncDisposableStack();
      const subject = relay(wrong);
      stack.defer(() => subject.stop());
      const round = await runRound(subject, LOAD, placement, { progress() {} });
      const named = Object.entries(round.faults).filter(([, count]) => count > 0);
      expect([title, named.map(([fault]) => fault)]).toEqual([title, name ? [name] : []]);
      expect(round.expected).toBe(Math.round(LOAD.watchers * LOAD.seconds * LOAD.plan.fps));
      const bad = round.faults.lost + round.faults.torn + round.faults.corrupt;
      expect([title, round.delivered < round.expected]).toEqual([title, bad > 0]);
    });
    await Promise.all(outcomes);
  },
  TEST_MS,
);
