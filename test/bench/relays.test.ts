/**
 * The whole bench against relays that do wrong on purpose, over real sockets: each wrong has its name
 * in the figures, and an honest relay has none.
 */
import { expect, test } from "bun:test";
import { failureOf } from "../../bench/commands/soak.ts";
import { newPlacement } from "../../bench/measure/placement.ts";
import { runRound, type Load } from "../../bench/measure/round.ts";
import type { Faults } from "../../bench/verify/tally.ts";
import { TEST_MS } from "../support/program.ts";
import { flip, GOP, wrongRelay, type Wrong } from "./wrong-relay.ts";

const LOAD: Load = {
  plan: { bitsPerSecond: 1_000_000, fps: 60, gop: GOP },
  channels: 1,
  watchers: 3,
  others: {},
  seconds: 0.8,
  warmup: 0.2,
  processes: 1,
  sink: false,
  restartMs: 0,
};

const WRONGS: Readonly<Record<string, [wrong: Wrong, name: keyof Faults | undefined]>> = {
  honest: [(first, second) => [first, second], undefined],
  drops: [(first) => [first], "lost"],
  tears: [(first, second) => [first, second.subarray(0, second.length >> 1)], "torn"],
  repeats: [(first, second) => [first, first, second], "repeated"],
  reorders: [(first, second) => [second, first], "reordered"],
  corrupts: [(first, second) => [first, flip(second)], "corrupt"],
};

async function roundWith(wrong: Wrong) {
  const subject = wrongRelay(LOAD.plan, wrong);
  try {
    return await runRound(subject, LOAD, newPlacement(false), { progress() {} });
  } finally {
    await subject.stop();
  }
}

test(
  "a relay that drops, tears, repeats, reorders or corrupts frames is caught, and named rightly",
  async () => {
    const outcomes = Object.entries(WRONGS).map(async ([title, [wrong, name]]) => {
      const round = await roundWith(wrong);
      const { faults, expected, delivered } = round;
      const named = Object.entries(faults).filter(([, count]) => count > 0);
      expect([title, named.map(([fault]) => fault)]).toEqual([title, name ? [name] : []]);
      expect(expected).toBe(Math.round(LOAD.watchers * LOAD.seconds * LOAD.plan.fps));
      const bad = faults.lost + faults.torn + faults.corrupt;
      expect([title, delivered < expected]).toEqual([title, bad > 0]);
      // A soak fails for the same reasons, and only for them.
      expect([title, failureOf(LOAD, round, undefined) === undefined]).toEqual([title, !name]);
    });
    await Promise.all(outcomes);
  },
  TEST_MS,
);

test(
  "a soak also fails for what leaks, closes and does not come at all",
  async () => {
    const round = await roundWith((first, second) => [first, second]);
    const trend = { slope: 1, at0: 60, growth: 30, leaks: true };
    expect(failureOf(LOAD, round, { ...trend, leaks: false })).toBeUndefined();
    expect(failureOf(LOAD, round, trend)).toBe("memory grew by 30.0 MiB");
    const saidOf = (some: Partial<typeof round>) =>
      failureOf(LOAD, { ...round, ...some }, undefined);
    expect(saidOf({ expected: 0 })).toBe("no frame was sent");
    expect(saidOf({ closed: 2 })).toBe("2 steady watchers were closed");
    expect(saidOf({ broadcastersClosed: 1 })).toBe("1 broadcasters were closed");
    expect(saidOf({ serverDescriptors: 500 })).toStartWith("500 descriptors are open");
    expect(saidOf({ othersFaults: { ...round.faults, torn: 1 } })).toBe("1 torn frames");
  },
  TEST_MS,
);
