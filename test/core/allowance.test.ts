/**
 * What a source may send: a rate in the long run, and a burst before that.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { newAllowance, spend } from "../../src/core/allowance.ts";
import { BITRATE_WINDOW_MS } from "../../src/core/limits.ts";

const RATE = 1000;
const STORE = (RATE * BITRATE_WINDOW_MS) / 1000;

test("a burst of the whole window passes, and not a byte more", () => {
  expect(spend(newAllowance(RATE, 5), RATE, STORE, 5)).toBe(true);
  expect(spend(newAllowance(RATE, 5), RATE, STORE + 1, 5)).toBe(false);
});

test("keyframes of several seconds' worth pass for ever where the average is kept", () => {
  const allowance = newAllowance(RATE, 0);
  for (let at = 0; at < 3_600_000; at += 5_000) {
    expect(spend(allowance, RATE, 5_000, at)).toBe(true);
  }
});

test("twice the rate passes for as long as the window, and no longer", () => {
  const allowance = newAllowance(RATE, 0);
  let at = 0;
  while (spend(allowance, RATE, 200, at)) {
    at += 100;
  }
  // The first of the pieces came before any time had passed.
  expect(at + 100).toBe(BITRATE_WINDOW_MS);
});

test("what was not sent is saved up to the window and no further", () => {
  const allowance = newAllowance(RATE, 0);
  expect(spend(allowance, RATE, STORE, 3_600_000)).toBe(true);
  expect(spend(allowance, RATE, 1, 3_600_000)).toBe(false);
});

test("a rate that is changed counts from the next byte on", () => {
  const allowance = newAllowance(RATE, 0);
  expect(spend(allowance, RATE / 10, STORE / 10 + 1, 0)).toBe(false);
  expect(spend(newAllowance(RATE, 0), RATE * 10, STORE, 0)).toBe(true);
});

test("in any time no more than its rate and the store get through, and that much does", () => {
  const step = fc.record({ wait: fc.nat(30_000), bytes: fc.nat(15_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const allowance = newAllowance(RATE, 0);
      const sent: { at: number; bytes: number }[] = [];
      let at = 0;
      for (const { wait, bytes } of steps) {
        at += wait;
        sent.push({ at, bytes });
        const over = sent.some((first, i) => {
          const sum = sent.slice(i).reduce((total, piece) => total + piece.bytes, 0);
          return sum > STORE + ((at - first.at) * RATE) / 1000 + 1e-6;
        });
        if (!spend(allowance, RATE, bytes, at)) {
          expect(over).toBe(true);
          return;
        }
        expect(over).toBe(false);
      }
    }),
  );
});
