/**
 * Counts of times, in buckets that grow with the time: 32 to each power of two, so that every figure
 * is within 3 % of the truth whatever its size, and recording one takes no memory.
 *
 *     µs       0 … 63   64 … 127   128 … 255   …
 *     bucket     1         2           4       µs wide
 */

/** Buckets to a power of two. */
const STEPS = 32;

/** The last bucket takes everything from half an hour on. */
const BUCKETS: number = 27 * STEPS;

const LONGEST_US: number = 2 ** 31 - 1;

export interface Histogram {
  readonly counts: Float64Array;
  /** The largest time, exactly. */
  max: number;
}

/** A histogram in a form that a message can carry: bucket and count by turns. */
export interface Packed {
  readonly filled: readonly number[];
  readonly max: number;
}

export function newHistogram(): Histogram {
  return { counts: new Float64Array(BUCKETS), max: 0 };
}

/** Counts a time of `us` microseconds. */
export function record(histogram: Histogram, us: number): void {
  const value = us < 0 ? 0 : us > LONGEST_US ? LONGEST_US : us | 0;
  histogram.counts[bucketOf(value)]!++;
  if (value > histogram.max) {
    histogram.max = value;
  }
}

function bucketOf(us: number): number {
  const shift = us < 2 * STEPS ? 0 : 26 - Math.clz32(us);
  return STEPS * shift + (us >>> shift);
}

/** The middle of a bucket, in microseconds. */
function middle(bucket: number): number {
  const shift = bucket < 2 * STEPS ? 0 : Math.floor(bucket / STEPS) - 1;
  const least = (bucket - STEPS * shift) * 2 ** shift;
  return shift === 0 ? least : least + 2 ** (shift - 1);
}

/** Adds what `more` has counted to `histogram`. */
export function merge(histogram: Histogram, more: Packed): void {
  for (let i = 0; i + 1 < more.filled.length; i += 2) {
    histogram.counts[more.filled[i] ?? 0]! += more.filled[i + 1] ?? 0;
  }
  histogram.max = Math.max(histogram.max, more.max);
}

export function pack(histogram: Histogram): Packed {
  const filled: number[] = [];
  histogram.counts.forEach((count, bucket) => {
    if (count > 0) {
      filled.push(bucket, count);
    }
  });
  return { filled, max: histogram.max };
}

export function total(histogram: Histogram): number {
  return histogram.counts.reduce((sum, count) => sum + count, 0);
}

/** The time in milliseconds that `part` of all times do not exceed; undefined where there is none. */
export function percentile(histogram: Histogram, part: number): number | undefined {
  const all = total(histogram);
  if (all === 0) {
    return undefined;
  }
  if (part === 1) {
    return histogram.max / 1_000;
  }
  let rank = Math.max(Math.ceil(part * all), 1);
  let bucket = 0;
  while (bucket < BUCKETS - 1 && rank > (histogram.counts[bucket] ?? 0)) {
    rank -= histogram.counts[bucket] ?? 0;
    bucket++;
  }
  return Math.min(middle(bucket), histogram.max) / 1_000;
}
