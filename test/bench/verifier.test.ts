/**
 * What a watcher's bytes are called, in whatever chunks they come.
 */
import { describe, expect, test } from "bun:test";
import { newStudio } from "../../bench/stream/synthetic.ts";
import { newKnown } from "../../bench/verify/known.ts";
import { newFaults, newTally, type Tally } from "../../bench/verify/tally.ts";
import { check, newWatch } from "../../bench/verify/verifier.ts";
import { broadcastOf, FRAMES, framesOf, PLAN, PLANTED, VICTIM } from "./faults.ts";

const CHUNKS = [1, 7, 1_316, Infinity];

const studio = newStudio(PLAN);
const broadcast = broadcastOf();

/** What is said of `bytes`, which come `size` at a time. */
function verdict(bytes: Buffer, size: number, tally: Tally = newTally()): Tally {
  tally.window.from = 0;
  tally.window.to = Number.MAX_SAFE_INTEGER;
  const watch = newWatch(newKnown(studio, 0), tally);
  for (let at = 0; at < bytes.length; at += size) {
    check(watch, bytes, at, Math.min(at + size, bytes.length), broadcast.start);
  }
  return tally;
}

describe("a planted fault is found and has its name", () => {
  for (const { title, plant, faults } of PLANTED) {
    test(title, () => {
      const frames = framesOf(broadcast);
      plant(frames);
      for (const size of CHUNKS) {
        const tally = verdict(Buffer.concat(frames), size);
        expect(tally.faults).toEqual({ ...newFaults(), ...faults });
        const bad = ["lost", "torn", "corrupt"] as const;
        const missing = bad.reduce((sum, name) => sum + (faults[name] ?? 0), 0);
        expect(tally.delivered).toBe(FRAMES - missing);
      }
    });
  }

  test.each([VICTIM, 10])(
    "at every byte of the head of frame %d, and at some of its body",
    (victim) => {
      const frames = framesOf(broadcast, victim + 3);
      const frame = frames[victim]!;
      for (let at = 0; at < frame.length; at += at < 420 ? 1 : 97) {
        const flip = Buffer.from(frame);
        flip[at]! ^= 0x81;
        const cut = frames.with(victim, frame.subarray(0, at));
        const changed = verdict(Buffer.concat(frames.with(victim, flip)), Infinity);
        expect({ at, ...changed.faults }).toEqual({ at, ...newFaults(), corrupt: 1 });
        const shortened = verdict(Buffer.concat(cut), at % 8 === 0 ? 1 : Infinity);
        // Parameter sets alone are no torn frame: a relay may give them where it likes.
        const whole = at === 0 || (frame.indexOf(studio.sets) === 0 && at === studio.sets.length);
        const fault = whole ? { lost: 1 } : { torn: 1 };
        expect({ at, ...shortened.faults }).toEqual({ at, ...newFaults(), ...fault });
      }
    },
  );
});

describe("it is no fault", () => {
  test("to join at any byte", () => {
    const frames = framesOf(broadcast, 3);
    const bytes = Buffer.concat(frames);
    for (let at = 0; at < bytes.length; at += at % frames[0]!.length < 150 ? 1 : 53) {
      const tally = verdict(bytes.subarray(at), Infinity);
      expect(tally.faults).toEqual(newFaults());
      const whole = at === 0 ? 3 : at <= frames[0]!.length ? 2 : 1;
      const last = bytes.length - frames[2]!.length;
      expect(tally.delivered).toBe(at > last ? 0 : whole);
    }
  });

  test("to be given parameter sets first, or between whole frames", () => {
    const frames = framesOf(broadcast);
    const given = [studio.sets, ...frames.slice(VICTIM, 20), studio.sets, ...frames.slice(20)];
    for (const size of CHUNKS) {
      const tally = verdict(Buffer.concat(given), size);
      expect(tally.faults).toEqual(newFaults());
      expect(tally.setups).toBe(2);
      expect(tally.delivered).toBe(FRAMES - VICTIM);
    }
  });

  test("when the broadcaster begins anew", () => {
    const again = studio.broadcast(0, broadcast.start + 5_000_001);
    const bytes = Buffer.concat([...framesOf(broadcast), ...framesOf(again)]);
    for (const size of CHUNKS) {
      const tally = verdict(bytes, size);
      expect(tally.faults).toEqual(newFaults());
      expect(tally.delivered).toBe(2 * FRAMES);
    }
  });
});

test("frames of another channel are told apart from damage", () => {
  const other = studio.broadcast(1, broadcast.start);
  const frames = framesOf(broadcast).with(VICTIM, framesOf(other)[VICTIM]!);
  for (const size of CHUNKS) {
    const { faults } = verdict(Buffer.concat(frames), size);
    expect(faults).toEqual({ ...newFaults(), foreign: 1, lost: 1 });
  }
});

test("random bytes are neither frames nor faults", () => {
  const noise = Buffer.alloc(100_000, "noise and 0 0 1");
  expect(verdict(noise, 1_316).faults).toEqual(newFaults());
});

test("latency counts from when a frame was due", () => {
  const tally = newTally();
  Object.assign(tally.window, { from: broadcast.start, to: broadcast.start + 2e6 });
  const watch = newWatch(newKnown(studio, 0), tally);
  framesOf(broadcast).forEach((bytes, i) => {
    check(watch, bytes, 0, bytes.length, broadcast.dueOf(i) + 5_000);
  });
  const all = tally.slices.flatMap(({ counts }) =>
    [...counts].flatMap((count, i) => Array<number>(count).fill(i)),
  );
  expect(all.length).toBe(FRAMES);
  expect(new Set(all).size).toBe(1);
  expect(Math.max(...tally.slices.map(({ max }) => max))).toBe(5_000);
});
