/**
 * Trying again: how long each wait is, and what ends it.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import * as fc from "fast-check";
import type { Outcome } from "../../src/client/outcome.ts";
import { retryDelay, retrying } from "../../src/client/retry.ts";
import { refusal } from "../../src/core/errors.ts";
import { RETRY_FIRST_MS, RETRY_FORGET_MS, RETRY_MAX_MS } from "../../src/core/limits.ts";

const LOST: Outcome = { kind: "lost", message: "gone" };
const STOPPED: Outcome = {
  kind: "refused",
  why: refusal("shutting-down", "the server is shutting down"),
  wasLive: true,
};
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
function attempts(
  again: (outcome: Outcome) => boolean = (outcome) => outcome === LOST,
  servers?: number,
) {
  const controller = new AbortController();
  const waits: number[] = [];
  const told: number[] = [];
  const asked: number[] = [];
  let made = 0;
  let present = Promise.withResolvers<Outcome>();
  const result = retrying({
    ...(servers === undefined ? {} : { servers }),
    attempt(server) {
      made++;
      asked.push(server);
      present = Promise.withResolvers<Outcome>();
      return present.promise;
    },
    again,
    waiting(_outcome, ms, server) {
      waits.push(ms);
      told.push(server);
    },
    signal: controller.signal,
  });
  return {
    waits,
    /** The servers that were asked, and those of which it was told that they are next. */
    asked,
    told,
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

describe("several servers", () => {
  test("are each tried at once, and then in turn after the usual waits", async () => {
    const run = attempts(undefined, 3);
    for (let failures = 0; failures < 9; failures++) {
      await run.end(LOST);
      const ms = run.waits.at(-1) ?? 0;
      if (failures < 2) {
        expect(ms).toBe(0);
      } else {
        const bound = retryDelay(failures - 2, 1);
        expect(ms).toBeGreaterThanOrEqual(bound / 2);
        expect(ms).toBeLessThanOrEqual(bound);
        expect(run.made()).toBe(failures + 1);
        await run.passWait();
      }
      expect(run.made()).toBe(failures + 2);
    }
    expect(run.asked).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    expect(run.told).toEqual(run.asked.slice(1));
    await run.end(ENDED);
    expect(await run.result).toBe(ENDED);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("are each tried at once again after a good connection, from the next one on", async () => {
    const run = attempts(undefined, 3);
    for (let i = 0; i < 7; i++) {
      await run.end(LOST);
      await run.passWait();
    }
    await pass(RETRY_FORGET_MS);
    for (let i = 0; i < 3; i++) {
      await run.end(LOST);
    }
    expect(run.asked.slice(7)).toEqual([1, 2, 0]);
    expect(run.waits.slice(7, 9)).toEqual([0, 0]);
    expect(run.waits[9]).toBeGreaterThan(0);
    expect(run.waits[9]).toBeLessThanOrEqual(RETRY_FIRST_MS);
  });

  test("are left at once where one that had us is being stopped", async () => {
    const run = attempts(() => true, 2);
    for (let i = 0; i < 6; i++) {
      await pass(RETRY_FIRST_MS);
      await run.end(STOPPED);
      expect(run.made()).toBe(i + 2);
    }
    expect(new Set(run.waits)).toEqual(new Set([0]));
  });

  test("are not tried without a pause where all say at once that they are being stopped", async () => {
    const run = attempts(() => true, 2);
    await run.end(STOPPED);
    await run.end(STOPPED);
    expect(run.waits.map((ms) => ms > 0)).toEqual([false, true]);
    await run.passWait();
    await run.end(STOPPED);
    expect(run.waits.at(-1)).toBeGreaterThanOrEqual(retryDelay(1, 0));
  });

  test("are one where it says so, and a stopped one is waited for", async () => {
    const run = attempts(() => true, 1);
    for (let i = 0; i < 4; i++) {
      await pass(RETRY_FIRST_MS);
      await run.end(STOPPED);
      expect(run.waits.at(-1)).toBeGreaterThanOrEqual(retryDelay(i, 0));
      await run.passWait();
    }
    expect(new Set(run.asked)).toEqual(new Set([0]));
  });

  test("are not asked any more once it is interrupted", async () => {
    const run = attempts(() => true, 2);
    run.interrupt();
    await run.end(LOST);
    expect(await run.result).toBe(LOST);
    expect(run.asked).toEqual([0]);
  });
});
