/**
 * When failures slow an address down, and when they are forgotten.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { throttle, type Throttle } from "../../src/auth/throttle.ts";
import {
  AUTH_ADDRESSES_MAX,
  AUTH_FORGET_MS,
  AUTH_FREE_FAILURES,
  AUTH_SHUT_OUT_FAILURES,
  AUTH_SHUT_OUT_MS,
  AUTH_SLOW_MAX_MS,
  AUTH_SLOW_MS,
} from "../../src/core/limits.ts";
import { handClock } from "../support/clock.ts";

function fail(guesses: Throttle, source: string, times: number): void {
  for (let i = 0; i < times; i++) {
    guesses.failed(source);
  }
}

test("the first failures are free, each then doubles the wait to a bound, the tenth shuts out", () => {
  const guesses = throttle(handClock());
  const delays: unknown[] = [];
  for (let i = 0; i < 11; i++) {
    delays.push(guesses.delay("a"));
    guesses.failed("a");
  }
  expect(delays).toEqual([0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, "refused"]);
});

test("who is shut out is refused for a time, however often it has failed, and then waits", () => {
  for (const times of [AUTH_SHUT_OUT_FAILURES, 5000]) {
    const clock = handClock();
    const guesses = throttle(clock);
    fail(guesses, "a", times);
    expect([guesses.isShutOut("a"), guesses.isShutOut("b")]).toEqual([true, false]);
    clock.advance(AUTH_SHUT_OUT_MS - 1);
    expect(guesses.delay("a")).toBe("refused");
    clock.advance(1);
    expect([guesses.isShutOut("a"), guesses.delay("a")]).toEqual([false, AUTH_SLOW_MAX_MS]);
  }
});

test("being refused does not make the time longer, another failure after it does", () => {
  const clock = handClock();
  const guesses = throttle(clock);
  fail(guesses, "a", AUTH_SHUT_OUT_FAILURES);
  for (let ms = 0; ms < AUTH_SHUT_OUT_MS; ms += 1000) {
    expect(guesses.delay("a")).toBe("refused");
    clock.advance(1000);
  }
  expect(guesses.delay("a")).toBe(AUTH_SLOW_MAX_MS);
  guesses.failed("a");
  clock.advance(AUTH_SHUT_OUT_MS - 1);
  expect(guesses.delay("a")).toBe("refused");
  clock.advance(1);
  guesses.succeeded("a");
  expect(guesses.delay("a")).toBe(0);
});

test("after that time one attempt is looked at, and not many at once", () => {
  const clock = handClock();
  const guesses = throttle(clock);
  fail(guesses, "a", AUTH_SHUT_OUT_FAILURES);
  clock.advance(AUTH_SHUT_OUT_MS);
  const end = guesses.begin("a");
  expect(guesses.delay("a")).toBe("refused");
  end();
  expect(guesses.delay("a")).toBe(AUTH_SLOW_MAX_MS);
});

test("one source's failures never slow another", () => {
  const guesses = throttle(handClock());
  fail(guesses, "a", 100);
  expect(guesses.delay("b")).toBe(0);
});

test("a success clears what was counted", () => {
  const guesses = throttle(handClock());
  fail(guesses, "a", 20);
  guesses.succeeded("a");
  expect(guesses.delay("a")).toBe(0);
});

test("a source is forgiven some time after its last failure, not after its first", () => {
  const clock = handClock();
  const guesses = throttle(clock);
  fail(guesses, "a", AUTH_FREE_FAILURES);
  clock.advance(AUTH_FORGET_MS - 1);
  expect(guesses.delay("a")).toBe(AUTH_SLOW_MS);
  guesses.failed("a");
  clock.advance(AUTH_FORGET_MS - 1);
  expect(guesses.delay("a")).toBe(AUTH_SLOW_MS * 2);
  clock.advance(1);
  expect(guesses.delay("a")).toBe(0);
  guesses.failed("a");
  expect(guesses.delay("a")).toBe(0);
});

test("attempts made at once wait as if those before them had failed, and too many are refused", () => {
  const guesses = throttle(handClock());
  fail(guesses, "a", AUTH_FREE_FAILURES);
  const ends: (() => void)[] = [];
  for (let i = 0; i < AUTH_SHUT_OUT_FAILURES - AUTH_FREE_FAILURES; i++) {
    expect(guesses.delay("a")).toBe(Math.min(AUTH_SLOW_MS * 2 ** i, AUTH_SLOW_MAX_MS));
    ends.push(guesses.begin("a"));
  }
  expect(guesses.delay("a")).toBe("refused");
  expect(guesses.delay("b")).toBe(0);
  for (const end of ends) {
    end();
  }
  expect(guesses.delay("a")).toBe(AUTH_SLOW_MS);
});

test("when too many sources failed, the one that failed longest ago is forgotten", () => {
  const guesses = throttle(handClock());
  for (let i = 0; i < AUTH_ADDRESSES_MAX; i++) {
    fail(guesses, `s${i}`, AUTH_FREE_FAILURES);
  }
  guesses.failed("s0");
  fail(guesses, "newcomer", AUTH_FREE_FAILURES);
  expect(guesses.delay("s1")).toBe(0);
  expect(guesses.delay("s0")).toBe(AUTH_SLOW_MS * 2);
  expect(guesses.delay("s2")).toBe(AUTH_SLOW_MS);
  expect(guesses.delay("newcomer")).toBe(AUTH_SLOW_MS);
});

const most = AUTH_SHUT_OUT_FAILURES - AUTH_FREE_FAILURES;

test("whatever happens, the wait is that of the failures since the last success", () => {
  const step = fc.record({ source: fc.constantFrom("a", "b"), fails: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const guesses = throttle(handClock());
      const counts = new Map<string, number>();
      for (const { source, fails } of steps) {
        guesses[fails ? "failed" : "succeeded"](source);
        counts.set(source, fails ? (counts.get(source) ?? 0) + 1 : 0);
        const over = (counts.get(source) ?? 0) - AUTH_FREE_FAILURES;
        expect(guesses.delay(source)).toBe(
          over < 0
            ? 0
            : over >= most
              ? "refused"
              : Math.min(AUTH_SLOW_MS * 2 ** over, AUTH_SLOW_MAX_MS),
        );
      }
    }),
  );
});
