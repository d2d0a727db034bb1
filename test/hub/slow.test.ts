/**
 * Those who cannot keep up: how long the ring waits for them, and what becomes of them then.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HOUSEKEEPING_MS, RING_MIN_BYTES, RING_SPAN_MS } from "../../src/core/limits.ts";
import { inspect } from "../../src/hub/broadcast.ts";
import { endLive, goSilent } from "../../src/hub/channel.ts";
import { bytesSent } from "../../src/hub/watcher.ts";
import { streamBytes } from "./fakes.ts";
import {
  expectAll,
  expectExact,
  expectInvariants,
  expectSame,
  newStage,
  type Stage,
} from "./stage.ts";

const RING = 800;
const small = { ring: RING, window: RING, coalesce: 0 };

/** Sends `size` bytes every `every` ms for `ms`, all of which there must be room for. */
function flow(stage: Stage, ms: number, size: number, every = 50): void {
  for (let time = 0; time < ms; time += every) {
    expect(stage.send(size)).toBe(true);
    stage.pass(every);
  }
}

function capacityOf(stage: Stage): number {
  return stage.broadcast.ring.capacity;
}

describe("a watcher that is lapped", () => {
  test("is closed with too-slow, having got nothing that is wrong", () => {
    const stage = newStage(small);
    const slow = stage.join(100);
    flow(stage, 450, 100);
    expect(slow.told).toEqual(["admitted"]);
    flow(stage, 50, 100);
    expect(slow.told).toEqual(["admitted", "too-slow"]);
    expectExact(slow);
    expect(bytesSent(slow.watcher)).toBe(100);
    expect(stage.around.counters).toMatchObject({ tooSlow: 1, skips: 0 });
    slow.drain(Infinity);
    expect(slow.writes).toBe(2);
  });

  test("is closed at the first byte that overwrites one it lacks, and not before", () => {
    const stage = newStage(small);
    const slow = stage.join(0);
    flow(stage, 400, 100);
    expect(slow.told).toEqual(["admitted"]);
    slow.drain(1);
    flow(stage, 50, 1);
    expect(slow.told).toEqual(["admitted"]);
    flow(stage, 50, 1);
    expect(slow.told).toEqual(["admitted", "too-slow"]);
  });

  test("is nobody else's concern: the others are byte exact, and never held up", () => {
    const stage = newStage(small);
    const lagging = stage.join(0);
    const others = [stage.join(), stage.join(), stage.join(0), stage.join()];
    const slow = [stage.join(0), stage.join(250), stage.join(777)];
    for (let i = 0; i < 100; i++) {
      flow(stage, 50, 100);
      lagging.drain(100);
      others[2]?.drain(100);
    }
    lagging.drain(Infinity);
    others[2]?.drain(Infinity);
    [lagging, ...others].forEach((guest) => expectAll(stage, guest));
    expect(slow.map(({ told }) => told[1])).toEqual(["too-slow", "too-slow", "too-slow"]);
    expect(stage.source.readied).toBe(0);
    expect(stage.around.counters.tooSlow).toBe(3);
  });
});

describe("a watcher that is lapped where slow=skip", () => {
  test("goes on where the chunk ends that lapped it, and the skip is counted", () => {
    const stage = newStage({ ...small, slow: "skip" });
    const slow = stage.join(150);
    flow(stage, 500, 100);
    expect(stage.around.counters.skips).toBe(1);
    flow(stage, 150, 100);
    slow.drain(Infinity);
    expect(slow.told).toEqual(["admitted"]);
    expectSame(
      slow.received(),
      Buffer.concat([streamBytes(0, 150), streamBytes(1_000, stage.sent)]),
    );
    expect(bytesSent(slow.watcher)).toBe(450);
    expect(stage.around.counters).toMatchObject({ tooSlow: 0, skips: 1 });
  });

  test("skips to the end of a chunk that is larger than the ring", () => {
    const stage = newStage({ ...small, slow: "skip" });
    const [slow, fast] = [stage.join(10), stage.join()];
    flow(stage, 400, 100);
    flow(stage, 50, 3 * RING);
    flow(stage, 50, 100);
    slow.drain(Infinity);
    expectSame(
      slow.received(),
      Buffer.concat([streamBytes(0, 10), streamBytes(stage.sent - 100, stage.sent)]),
    );
    expect(stage.around.counters.skips).toBe(1);
    expectAll(stage, fast);
  });

  test("gets whole chunks after every skip, whatever it takes and whenever", () => {
    const turn = fc.record({
      size: fc.integer({ min: 1, max: 2 * RING }),
      drain: fc.nat(3 * RING),
      ms: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 50, size: "max" }), (turns) => {
        const stage = newStage({ ...small, slow: "skip", stall: 60_000 });
        const [slow, fast] = [stage.join(0), stage.join()];
        const expected: Uint8Array[] = [];
        let position = slow.from;
        let taken = 0;
        let skips = 0;
        const settle = (): void => {
          expected.push(streamBytes(position, position + slow.taken - taken));
          position += slow.taken - taken;
          taken = slow.taken;
          // Held bytes belong to the last chunk, so a skip always leads behind all that was sent.
          if (stage.around.counters.skips > skips) {
            skips = stage.around.counters.skips;
            position = stage.sent;
          }
        };
        for (const { size, drain, ms } of turns) {
          if (stage.broadcast.held === null) {
            stage.send(size);
            settle();
          }
          for (let left = ms; left > 0; left--) {
            stage.pass(1);
            settle();
          }
          slow.drain(drain);
          settle();
          expectInvariants(stage);
        }
        stage.pass(1_000);
        settle();
        slow.drain(Infinity);
        settle();
        expectSame(slow.received(), Buffer.concat(expected));
        expect(position).toBe(stage.sent);
        expect(bytesSent(slow.watcher)).toBe(slow.taken);
        expectAll(stage, fast);
      }),
    );
  });
});

describe("a watcher that takes no byte", () => {
  const stall = 2_000;

  /** When `guest` was sent away, in ms from now; -1 if not within twice the stall time. */
  function closedAfter(stage: Stage, told: readonly string[], each: () => void = () => {}): number {
    for (let ms = 1; ms <= 2 * stall; ms++) {
      stage.pass(1);
      each();
      if (told.length > 1) {
        return ms;
      }
    }
    return -1;
  }

  test("is closed with too-slow when the stall time is over, and not before", () => {
    for (const phase of [0, 1, 100, 249]) {
      const stage = newStage({ coalesce: 0, stall });
      stage.pass(phase);
      const slow = stage.join(10);
      stage.send(100);
      const ms = closedAfter(stage, slow.told);
      expect(ms).toBeGreaterThanOrEqual(stall);
      expect(ms).toBeLessThanOrEqual(stall + HOUSEKEEPING_MS);
      expect(slow.told).toEqual(["admitted", "too-slow"]);
      expect(stage.around.counters.tooSlow).toBe(1);
      expect(stage.broadcast.roster.count).toBe(0);
    }
  });

  test("begins anew with every byte that it does take", () => {
    const stage = newStage({ coalesce: 0, stall });
    const slow = stage.join(0);
    stage.send(100);
    for (let i = 0; i < 5; i++) {
      stage.pass(stall - 1);
      slow.drain(1);
    }
    expect(slow.told).toEqual(["admitted"]);
    expect(closedAfter(stage, slow.told)).toBeGreaterThanOrEqual(stall);
  });

  test("is not saved by drains in which it takes nothing", () => {
    const stage = newStage({ coalesce: 0, stall });
    const slow = stage.join(0);
    stage.send(100);
    const ms = closedAfter(stage, slow.told, () => slow.drain(0));
    expect(ms).toBeGreaterThanOrEqual(stall);
    expect(ms).toBeLessThanOrEqual(stall + HOUSEKEEPING_MS);
  });

  test("is not saved by what is sent meanwhile, and harms nobody else", () => {
    const stage = newStage({ coalesce: 0, stall });
    const [slow, fast] = [stage.join(0), stage.join()];
    stage.send(100);
    const ms = closedAfter(stage, slow.told, () => stage.send(10));
    expect(ms).toBeLessThanOrEqual(stall + HOUSEKEEPING_MS);
    expect(fast.told).toEqual(["admitted"]);
    expectAll(stage, fast);
  });

  test("is not stalled while there is none to take", () => {
    const stage = newStage({ coalesce: 0, stall });
    const late = stage.join(100);
    const waiting = stage.join(0);
    waiting.leave();
    stage.send(100);
    stage.pass(3 * stall);
    expect(late.told).toEqual(["admitted"]);
    stage.send(1);
    expect(closedAfter(stage, late.told)).toBeGreaterThanOrEqual(stall);
  });

  test("is closed in the linger time too, and on the way to a broadcast's end", () => {
    for (const end of [goSilent, endLive]) {
      const stage = newStage({ coalesce: 0, stall });
      const slow = stage.join(0);
      stage.send(100);
      end(stage.around, stage.channel, stage.source);
      expect(closedAfter(stage, slow.told)).toBeGreaterThanOrEqual(stall);
      expect(slow.told).toEqual(["admitted", "too-slow"]);
    }
  });
});

describe("a ring", () => {
  test("costs nothing before the first byte", () => {
    const stage = newStage();
    stage.join();
    stage.pass(1_000);
    expect(capacityOf(stage)).toBe(0);
  });

  test("stays as small as it begins while nobody lags and its stream is slow", () => {
    const stage = newStage();
    const guests = Array.from({ length: 20 }, () => stage.join());
    flow(stage, 60_000, 1_500);
    expect(capacityOf(stage)).toBe(RING_MIN_BYTES);
    guests.forEach((guest) => expectAll(stage, guest));
  });

  test("stays small for a file that is pushed through, however large its chunks", () => {
    const stage = newStage({ coalesce: 0 });
    const guest = stage.join();
    for (let i = 0; i < 20; i++) {
      expect(stage.send(512 * 1024)).toBe(true);
    }
    expect(capacityOf(stage)).toBe(RING_MIN_BYTES);
    expectAll(stage, guest);
  });

  test("comes to hold the usual span of its stream, whoever watches", () => {
    for (const [size, stall] of [
      [12_000, 15_000],
      [50_000, 15_000],
      [50_000, 1_000],
    ] as const) {
      const stage = newStage({ stall });
      flow(stage, 12_000, size);
      const span = (size / 50) * Math.min(RING_SPAN_MS, stall);
      expect(capacityOf(stage)).toBeGreaterThanOrEqual(span * 0.9);
      expect(capacityOf(stage)).toBeLessThan(span * 2.2);
    }
  });

  test("does not grow for a watcher that lags by less than it holds", () => {
    const stage = newStage();
    const slow = stage.join(0);
    stage.send(RING_MIN_BYTES / 2);
    flow(stage, 10_000, 600);
    expect(capacityOf(stage)).toBe(RING_MIN_BYTES);
    slow.drain(Infinity);
    expectAll(stage, slow);
  });

  test("doubles as often as a lagging watcher needs, and no oftener", () => {
    const stage = newStage({ ring: 256, window: 1 << 20, coalesce: 0 });
    const slow = stage.join(0);
    for (const [size, capacity] of [
      [256, 256],
      [1, 512],
      [255, 512],
      [1, 1024],
      [3000, 4096],
    ] as const) {
      expect(stage.send(size)).toBe(true);
      expect(capacityOf(stage)).toBe(capacity);
    }
    slow.drain(Infinity);
    expectAll(stage, slow);
  });

  test("grows no further than the window, also where that is no power of two", () => {
    for (const window of [1_000, 1_001, 1_024, 5_000]) {
      const stage = newStage({ ring: 256, window, coalesce: 0 });
      const slow = stage.join(0);
      flow(stage, 6_000, 50);
      expect(capacityOf(stage)).toBe(window);
      expect(slow.told).toEqual(["admitted", "too-slow"]);
      expect(stage.sent - slow.from).toBeGreaterThan(window);
    }
  });

  test("grows for one who hangs no further than its stream fills in the stall time", () => {
    const stage = newStage({ ring: 256, stall: 4_000, coalesce: 0 });
    // One takes a byte now and then, so that it never stalls: it is the ring that ends its visit.
    const [hangs, crawls, fast] = [stage.join(0), stage.join(0), stage.join()];
    for (let ms = 0; ms < 20_000; ms += 50) {
      flow(stage, 50, 20);
      crawls.drain(crawls.told.length === 1 && ms % 1_000 === 0 ? 1 : 0);
      expect(capacityOf(stage)).toBeLessThan(2 * (20 / 50) * 4_000);
      expect(hangs.told.length).toBe(ms < 3_950 ? 1 : hangs.told.length);
    }
    expect([hangs.told[1], crawls.told[1]]).toEqual(["too-slow", "too-slow"]);
    expectAll(stage, fast);
  });

  test("forgets a burst of its stream in the end", () => {
    const stage = newStage({ ring: 4096 });
    flow(stage, 50, 2_000);
    stage.pass(250);
    expect(stage.broadcast.pace).toBeGreaterThan(5);
    flow(stage, 60_000, 5);
    expect(capacityOf(stage)).toBe(4096);
    expect(stage.broadcast.pace).toBeLessThan(1);
  });

  test("is not taken in by a first burst that is looked at too soon", () => {
    const stage = newStage({ ring: 2048 });
    stage.send(1_000);
    stage.clock.advance(1);
    inspect(stage.broadcast);
    flow(stage, 1_000, 100);
    expect(capacityOf(stage)).toBeLessThanOrEqual(2 * (1_000 / 250) * RING_SPAN_MS);
  });

  test("holds what a watcher lacks for the whole stall time, whatever the stream's pace", () => {
    const paces = fc.integer({ min: 1, max: 4_000 });
    fc.assert(
      fc.property(paces, fc.nat(8_000), (size, from) => {
        const stage = newStage({ ring: 256, stall: 3_000, coalesce: 0 });
        flow(stage, from, size);
        const slow = stage.join(0);
        flow(stage, 2_950, size);
        expect(slow.told).toEqual(["admitted"]);
        slow.drain(Infinity);
        expectAll(stage, slow);
      }),
      { numRuns: 50 },
    );
  });
});
