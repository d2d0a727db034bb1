/**
 * What a connection notes of its bytes.
 */
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { moved, newProgress } from "../../src/client/progress.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test("nothing has moved at first", () => {
  expect(newProgress()).toEqual({
    state: "connecting",
    bytes: 0,
    startedAt: undefined,
    movedAt: undefined,
    format: undefined,
  });
});

test("bytes add up, the first keeps its time and the newest has its own", () => {
  const progress = newProgress();
  const begin = performance.now();
  moved(progress, 5);
  expect(progress).toMatchObject({ state: "live", bytes: 5, startedAt: begin, movedAt: begin });
  jest.advanceTimersByTime(700);
  moved(progress, 2 ** 40);
  expect(progress).toMatchObject({ bytes: 2 ** 40 + 5, startedAt: begin, movedAt: begin + 700 });
});

test("a connection that comes after another goes on counting, and is live again by a byte", () => {
  const progress = newProgress();
  moved(progress, 5);
  Object.assign(progress, { state: "connecting" });
  jest.advanceTimersByTime(1000);
  moved(progress, 1);
  expect(progress.state).toBe("live");
  expect(progress.bytes).toBe(6);
  expect((progress.movedAt ?? 0) - (progress.startedAt ?? 0)).toBe(1000);
});
