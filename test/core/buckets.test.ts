import { expect, test } from "bun:test";
import { newBuckets, observe } from "../../src/core/buckets.ts";

test("each observation is in the first bucket whose bound it does not pass", () => {
  const buckets = newBuckets([1, 2, 5]);
  [0, 1, 1.5, 2, 5, 5.1, 1000].forEach((value) => observe(buckets, value));
  expect([...buckets.counts]).toEqual([2, 2, 1, 2]);
  expect(buckets.sum).toBeCloseTo(1014.6);
});
