/**
 * Watchers that cannot keep up with a stream whose frames are known: they miss whole frames, and
 * never see a broken one.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { concatBytes } from "../../src/core/bytes.ts";
import { RING_MIN_BYTES } from "../../src/core/limits.ts";
import { film, frame, HEADER, numbers, view } from "./film.ts";
import { expectInvariants, newStage, type Guest, type Stage } from "./stage.ts";

const FRAME_MS = 40;

/** Sends the frames `from` to `to` - 1 at their pace, ten to a keyframe. */
function play(stage: Stage, from: number, to: number, size: number): void {
  for (let n = from; n < to; n++) {
    const picture = frame(n, size, n % 10 === 0);
    stage.cast(n === 0 ? concatBytes(HEADER, picture) : picture);
    stage.pass(FRAME_MS);
  }
}

/** A stage whose watchers may lag for a second. */
function newScreen(changes = {}): Stage {
  return newStage({ coalesce: 0, lag: 1_000, ...changes });
}

describe("a watcher that lags too far", () => {
  test("finishes its frame, and goes on at the newest keyframe", () => {
    const stage = newScreen();
    const slow = stage.watch({}, 700);
    play(stage, 0, 58, 300);
    expect(slow.taken).toBe(700);
    slow.drain(Infinity);
    play(stage, 58, 60, 300);
    expect(numbers(slow.received())).toEqual([0, 1, 2, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]);
    expect(stage.around.counters).toMatchObject({ skips: 1, tooSlow: 0 });
    expect(slow.watcher.skips).toBe(1);
    expect(slow.told).toEqual(["admitted"]);
    expectInvariants(stage);
  });

  test("where a frame ends, goes on at the newest keyframe without another byte", () => {
    const stage = newScreen();
    const slow = stage.watch({}, HEADER.length + 2 * 312);
    play(stage, 0, 58, 300);
    slow.drain(Infinity);
    expect(numbers(slow.received())).toEqual([0, 1, 50, 51, 52, 53, 54, 55, 56, 57]);
  });

  test("not yet too far, gets everything late", () => {
    const stage = newScreen();
    const slow = stage.watch({}, 700);
    play(stage, 0, 24, 300);
    slow.drain(Infinity);
    expect(numbers(slow.received()).length).toBe(24);
    expect(stage.around.counters.skips).toBe(0);
  });

  test("in time, but would gain nothing, gets everything late", () => {
    const stage = newScreen();
    play(stage, 0, 10, 300);
    const slow = stage.watch({}, 700);
    for (let n = 10; n < 60; n++) {
      stage.cast(frame(n, 200, false));
      stage.pass(FRAME_MS);
    }
    slow.drain(Infinity);
    expect(numbers(slow.received()).length).toBe(60);
  });

  test("in bytes, skips however little time that took", () => {
    const stage = newScreen({ window: RING_MIN_BYTES, lag: 3_600_000 });
    const slow = stage.watch({}, 10_000);
    play(stage, 0, 35, 6_000);
    slow.drain(Infinity);
    expect(numbers(slow.received())).toEqual([0, 1, 30, 31, 32, 33, 34]);
  });

  test("again and again, sees the start of each part that it takes", () => {
    const stage = newScreen();
    const slow = stage.watch({}, 700);
    for (let n = 0; n < 1_000; n += 10) {
      play(stage, n, n + 10, 300);
      slow.drain(400);
    }
    const seen = view(slow.received(), true);
    expect(slow.watcher.skips).toBeGreaterThan(10);
    expect(seen.length).toBeGreaterThan(50);
    expect(slow.told).toEqual(["admitted"]);
  });

  test("notices nothing of it while it takes its set-up", () => {
    const stage = newScreen();
    play(stage, 0, 25, 300);
    const slow = stage.watch({}, 10);
    play(stage, 25, 200, 300);
    slow.drain(Infinity);
    expect(numbers(slow.received())[0]).toBe(20);
  });
});

describe("a watcher that takes nothing at all", () => {
  test("is closed after the stall time, and not before, however often it could skip", () => {
    const stage = newScreen({ stall: 15_000, window: RING_MIN_BYTES });
    const slow = stage.watch({}, HEADER.length + 312);
    play(stage, 0, 370, 300);
    expect(slow.told).toEqual(["admitted"]);
    play(stage, 370, 390, 300);
    expect(slow.told).toEqual(["admitted", "too-slow"]);
    expect(numbers(slow.received())).toEqual([0]);
  });

  test("in the middle of a frame, is closed when the ring passes it", () => {
    const stage = newScreen({ window: RING_MIN_BYTES });
    const slow = stage.watch({}, 5_000);
    const fast = stage.watch();
    play(stage, 0, 100, 6_000);
    expect(slow.told).toEqual(["admitted", "too-slow"]);
    expect(numbers(fast.received()).length).toBe(100);
    expect(stage.around.counters).toMatchObject({ skips: 0, tooSlow: 1 });
  });

  test("between two frames, is kept when the ring passes it, and goes on at a keyframe", () => {
    const stage = newScreen({ window: RING_MIN_BYTES });
    const slow = stage.watch({}, HEADER.length + 6_012);
    play(stage, 0, 105, 6_000);
    expect(slow.told).toEqual(["admitted"]);
    slow.drain(Infinity);
    // Where it waits is a keyframe that is not yet a second old.
    const from = numbers(slow.received())[1] ?? 0;
    expect(from).toBeOneOf([80, 90, 100]);
    expect(numbers(slow.received())).toEqual([
      0,
      ...Array.from({ length: 105 - from }, (_, n) => from + n),
    ]);
  });
});

test("a watcher whose keyframe is lost before it could go on awaits the next one", () => {
  const stage = newScreen({ window: RING_MIN_BYTES });
  const slow = stage.watch({}, HEADER.length + 6_012);
  play(stage, 0, 15, 6_000);
  for (let n = 15; n < 100; n++) {
    stage.cast(frame(n, 6_000, false));
    stage.pass(FRAME_MS);
  }
  slow.drain(Infinity);
  expect(numbers(slow.received())).toEqual([0]);
  play(stage, 100, 102, 6_000);
  expect(numbers(slow.received())).toEqual([0, 100, 101]);
});

test("a watcher that lags at the broadcast's end gets the rest, however far it lags", () => {
  const stage = newScreen({ linger: 0 });
  const slow = stage.watch({}, 700);
  film(40, 10, 300).forEach((piece) => stage.cast(piece));
  stage.end();
  slow.drain(Infinity);
  expect(numbers(slow.received()).length).toBe(40);
  expect(slow.told).toEqual(["admitted", "closed"]);
});

/** One thing that happens on a stage with several watchers. */
const step = fc.oneof(
  fc.record({ kind: fc.constant("frames"), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant("pass"), count: fc.integer({ min: 1, max: 700 }) }),
  fc.record({ kind: fc.constant("drain"), count: fc.integer({ min: 0, max: 9_000 }) }),
  fc.record({ kind: fc.constant("watch"), count: fc.integer({ min: 0, max: 4_000 }) }),
  fc.record({ kind: fc.constant("live"), count: fc.integer({ min: 0, max: 4_000 }) }),
  fc.record({ kind: fc.constant("piece"), count: fc.integer({ min: 1, max: 5_000 }) }),
);

test("whatever is sent, taken, drained and joined in whatever order, nobody sees a broken frame", () => {
  const sizes = fc.array(fc.integer({ min: 5, max: 9_000 }), { minLength: 1, maxLength: 7 });
  const gop = fc.integer({ min: 1, max: 25 });
  const rings = fc.constantFrom(20_000, 50_000, 300_000);
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      sizes,
      gop,
      rings,
      (steps, bytes, every, ring) => {
        const stage = newScreen({ ring, window: ring, lag: 400 });
        const guests: Guest[] = [];
        let sent = 0;
        let rest: Uint8Array = new Uint8Array(0);
        const next = (): Uint8Array => {
          const picture = frame(sent, bytes[sent % bytes.length] ?? 5, sent % every === 0);
          return sent++ === 0 ? concatBytes(HEADER, picture) : picture;
        };
        const cast = (piece: Uint8Array): void => {
          if (!stage.cast(piece)) {
            stage.pass(300);
          }
        };
        for (const { kind, count } of steps) {
          if (kind === "frames") {
            cast(rest);
            rest = new Uint8Array(0);
            for (let n = 0; n < count; n++) {
              cast(next());
            }
          } else if (kind === "piece") {
            rest = rest.length === 0 ? next() : rest;
            cast(rest.subarray(0, count));
            rest = rest.subarray(count);
          } else if (kind === "pass") {
            stage.pass(count);
          } else if (kind === "drain") {
            const guest = guests[count % Math.max(guests.length, 1)];
            if (guest?.blocked === true) {
              guest.drain(count);
            }
          } else {
            const join = kind === "live" ? "live" : "keyframe";
            guests.push(stage.watch({ join }, count % 3 === 0 ? Infinity : count));
          }
          expectInvariants(stage);
        }
        for (const guest of guests) {
          view(guest.received(), true);
        }
      },
    ),
    { numRuns: 400 },
  );
});
