/**
 * The largest number that passes a trial, by doubling and then by bisection:
 *
 *     100 ✓  200 ✓  400 ✓  800 ✗  600 ✓  700 ✗  650 ✓ …
 *
 * A trial that fails is made once more, for a machine has other things to do now and then.
 */

export interface Search {
  readonly first: number;
  /** What cannot be exceeded, whatever passes. */
  readonly most: number;
  /** How near the failing neighbour must be, as a part of the result. */
  readonly precision: number;
}

export interface Found<T> {
  /** The largest number that passed, 0 where none did. */
  readonly number: number;
  readonly passed: T | undefined;
  /** The trial that failed next above it; undefined where `most` was reached. */
  readonly failed: T | undefined;
}

/** `trial` says whether a number passes, and what was seen. */
export async function search<T>(
  { first, most, precision }: Search,
  trial: (number: number) => Promise<{ ok: boolean; seen: T }>,
): Promise<Found<T>> {
  let low = 0;
  let high = Infinity;
  let passed: T | undefined;
  let failed: T | undefined;
  let next = Math.min(first, most);
  while (next > low && next < high) {
    let { ok, seen } = await trial(next);
    if (!ok) {
      ({ ok, seen } = await trial(next));
    }
    if (ok) {
      [low, passed] = [next, seen];
    } else {
      [high, failed] = [next, seen];
    }
    next = high === Infinity ? Math.min(low * 2, most) : between(low, high, precision);
  }
  return { number: low, passed, failed };
}

/** The middle, in steps that people read; `low` itself where that is near enough. */
function between(low: number, high: number, precision: number): number {
  if (high - low <= Math.max(1, high * precision)) {
    return low;
  }
  const step = 10 ** Math.max(Math.floor(Math.log10(high - low)) - 1, 0);
  const middle = Math.round((low + high) / 2 / step) * step;
  return middle > low && middle < high ? middle : Math.floor((low + high) / 2);
}
