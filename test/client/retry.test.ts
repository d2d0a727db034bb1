/**
 * Trying again: how long each wait is, and what ends it.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import * as fc from "fast-check";
import type { Outcome } from "../../src/client/outcome.ts";
import { retryDelay, retrying } from "../../src/client/retry.ts";
import { RETRY_FIRST_MS, RETRY_FORGET_MS, RETRY_MAX_MS } from "../../src/core/limits.ts";

const LOST: Outcome = { kind: "lost", message: "gone" };
const ENDED: Outcome = { kind: "ended" };

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Lets everything happen that waits for no timer. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
}

async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await settle();
}

/** Attempts that the test ends one by one, and the waits between them. */
function attempts(again: (outcome: Outcome) => boolean = (outcome) => outcome === LOST) {
  const controller = new AbortController();
  const waits: number[] = [];
  let made = 0;
  let present = Promise.withResolvers<Outcome>();
  const result = retrying({
    attempt() {
      made++;
      present = Promise.withResolvers<Outcome>();
      return present.promise;
    },
    again,
    waiting: (_outcome, ms) => waits.push(ms),
    signal: controller.signal,
  });
  return {
    waits,
    result,
    made: () => made,
    interrupt: () => controller.abort(),
    async end(outcome: Outcome) {
      present.resolve(outcome);
      await settle();
    },
    /** Passes the newest wait and no more, for what is over counts for the next attempt. */
    passWait: () => pass(Math.ceil(waits.at(-1) ?? 0)),
  };
}

describe("a wait", () => {
  test("doubles from half a second on, up to a quarter of a minute", () => {
    const longest = [0, 1, 2, 3, 4, 5, 6, 50, 5000].map((failures) => retryDelay(failures, 1));
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
  });

  test("is spread over the upper half of its bound, whatever the chance", () => {
    const chance = fc.nat(999).map((thousandths) => thousandths / 1000);
    fc.assert(
      fc.property(fc.nat(3000), chance, chance, (failures, one, other) => {
        const bound = Math.min(RETRY_FIRST_MS * 2 ** Math.min(failures, 30), RETRY_MAX_MS);
        const ms = retryDelay(failures, one);
        expect(ms).toBeGreaterThanOrEqual(bound / 2);
        expect(ms).toBeLessThanOrEqual(bound);
        expect(Math.sign(retryDelay(failures, other) - ms)).toBe(Math.sign(other - one));
      }),
    );
  });
});

describe("retrying", () => {
  test("attempts at once, and returns the first outcome that needs no other", async () => {
    const run = attempts();
    expect(run.made()).toBe(1);
    await run.end(ENDED);
    expect(await run.result).toBe(ENDED);
    expect(run.made()).toBe(1);
    expect(run.waits).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("waits longer after each failure, and attempts again when the wait is over", async () => {
    const run = attempts();
    for (let failures = 0; failures < 8; failures++) {
      await run.end(LOST);
      const ms = run.waits.at(-1) ?? 0;
      const bound = retryDelay(failures, 1);
      expect(ms).toBeGreaterThanOrEqual(bound / 2);
      expect(ms).toBeLessThanOrEqual(bound);
      await pass(Math.floor(ms) - 1);
      expect(run.made()).toBe(failures + 1);
      await pass(2);
      expect(run.made()).toBe(failures + 2);
    }
    await run.end(ENDED);
    expect(await run.result).toBe(ENDED);
    expect(run.waits.length).toBe(8);
  });

  test("begins with the first wait again after a good connection", async () => {
    const run = attempts();
    for (let i = 0; i < 6; i++) {
      await run.end(LOST);
      await run.passWait();
    }
    expect(run.waits.at(-1)).toBeGreaterThan(RETRY_FIRST_MS);
    await pass(RETRY_FORGET_MS);
    await run.end(LOST);
    expect(run.waits.at(-1)).toBeLessThanOrEqual(RETRY_FIRST_MS);
    await run.passWait();
    await run.end(LOST);
    expect(run.waits.at(-1)).toBeGreaterThanOrEqual(retryDelay(1, 0));
  });

  test("goes on with longer waits after a connection that was short", async () => {
    const run = attempts();
    for (let i = 0; i < 6; i++) {
      await pass(RETRY_FORGET_MS - 100);
      await run.end(LOST);
      expect(run.waits.at(-1)).toBeGreaterThanOrEqual(retryDelay(i, 0));
      await run.passWait();
    }
  });

  test("stops in the middle of a wait when it is interrupted, with no timer left", async () => {
    const run = attempts();
    await run.end(LOST);
    expect(jest.getTimerCount()).toBe(1);
    run.interrupt();
    await settle();
    expect(await run.result).toEqual({ kind: "interrupted" });
    expect(run.made()).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("does not wait at all where the attempt itself was interrupted", async () => {
    const run = attempts(() => true);
    run.interrupt();
    await run.end({ kind: "interrupted" });
    expect(await run.result).toEqual({ kind: "interrupted" });
    expect(run.waits).toEqual([]);
  });

  test("asks about each outcome whether to go on", async () => {
    const seen: Outcome["kind"][] = [];
    const run = attempts((outcome) => {
      seen.push(outcome.kind);
      return outcome.kind !== "unreachable";
    });
    for (const outcome of [LOST, ENDED]) {
      await run.end(outcome);
      await run.passWait();
    }
    await run.end({ kind: "unreachable", message: "nobody" });
    expect(await run.result).toEqual({ kind: "unreachable", message: "nobody" });
    expect(seen).toEqual(["lost", "ended", "unreachable"]);
  });
});
