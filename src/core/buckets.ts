/**
 * How long something took, many times over, in numbers that a histogram is made of later:
 *
 *     bounds      1      2      5     10          ms, rising
 *     counts   │  7   │  3   │  0   │  1   │  0   │
 *               ≤ 1     ≤ 2    ≤ 5    ≤ 10   beyond
 *
 * Invariant: there is one count more than there are bounds, and each observation is in exactly one.
 */
export interface Buckets {
  readonly bounds: Float64Array;
  readonly counts: Float64Array;
  /** Of all that was observed. */
  sum: number;
}

/** Buckets that are empty yet, up to each of `bounds`. */
export function newBuckets(bounds: readonly number[]): Buckets {
  return {
    bounds: Float64Array.from(bounds),
    counts: new Float64Array(bounds.length + 1),
    sum: 0,
  };
}

/** Counts `value`. It makes no object. */
export function observe(buckets: Buckets, value: number): void {
  const { bounds, counts } = buckets;
  let at = 0;
  while (at < bounds.length && value > (bounds[at] ?? Infinity)) {
    at++;
  }
  counts[at] = (counts[at] ?? 0) + 1;
  buckets.sum += value;
}
