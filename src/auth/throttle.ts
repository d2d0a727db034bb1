/**
 * Slows down whoever keeps failing, and then refuses him for a while. It only counts and decides;
 * the gate does the waiting.
 *
 *     failures   0  1  2 │   3    4    5 …    8     9 │ 10 and more
 *     wait, ms   0  0  0 │ 250  500 1000 … 8000  8000 │ refused for AUTH_SHUT_OUT_MS, then 8000
 *
 * Slowed attempts that are under way are taken for failures to come. Invariants: a source that has not
 * failed AUTH_FREE_FAILURES times of late never waits; slowed attempts never bring one further than
 * to AUTH_SHUT_OUT_FAILURES, and from there on one failure at a time.
 */
import type { Clock } from "../core/clock.ts";
import {
  AUTH_ADDRESSES_MAX,
  AUTH_FORGET_MS,
  AUTH_FREE_FAILURES,
  AUTH_SHUT_OUT_FAILURES,
  AUTH_SHUT_OUT_MS,
  AUTH_SLOW_MAX_MS,
  AUTH_SLOW_MS,
} from "../core/limits.ts";

/** Counts by source, a text that stands for whoever is to be told apart from others. */
export interface Throttle {
  /** Milliseconds that an attempt of `source` has to wait, or that it is not to be made at all. */
  delay(source: string): number | "refused";
  /** Whether `source` has failed so often that none of its attempts is looked at for now. */
  isShutOut(source: string): boolean;
  /** To be called when a slowed attempt begins to wait; what it returns, when it is over. */
  begin(source: string): () => void;
  failed(source: string): void;
  /** Forgets the failures of `source`. */
  succeeded(source: string): void;
}

interface Failures {
  readonly count: number;
  readonly lastAt: number;
}

/** A throttle with nothing to hold against anyone. */
export function throttle(clock: Clock): Throttle {
  /** In the order of their last failure, so the first is the one to go when there are too many. */
  const failures = new Map<string, Failures>();
  /** Bounded by the connections that are open, and no entry stays at zero. */
  const underWay = new Map<string, number>();

  const countOf = (source: string): number => {
    const known = failures.get(source);
    if (known !== undefined && clock.now() - known.lastAt >= AUTH_FORGET_MS) {
      failures.delete(source);
      return 0;
    }
    return known?.count ?? 0;
  };

  const isShutOut = (source: string): boolean => {
    const lastAt = failures.get(source)?.lastAt ?? -Infinity;
    return countOf(source) >= AUTH_SHUT_OUT_FAILURES && clock.now() - lastAt < AUTH_SHUT_OUT_MS;
  };

  const addUnderWay = (source: string, change: 1 | -1): void => {
    const count = (underWay.get(source) ?? 0) + change;
    if (count === 0) {
      underWay.delete(source);
    } else {
      underWay.set(source, count);
    }
  };

  return {
    isShutOut,
    delay(source) {
      const count = countOf(source);
      if (count < AUTH_FREE_FAILURES) {
        return 0;
      }
      // Or attempts made all at once would wait no longer than one, and all be looked at.
      const others = underWay.get(source) ?? 0;
      const isEnough = others > 0 && count + others >= AUTH_SHUT_OUT_FAILURES;
      return isEnough || isShutOut(source) ? "refused" : delayAfter(count + others);
    },
    begin(source) {
      addUnderWay(source, 1);
      return () => addUnderWay(source, -1);
    },
    failed(source) {
      const count = countOf(source) + 1;
      failures.delete(source);
      failures.set(source, { count, lastAt: clock.now() });
      const [longestAgo] = failures.keys();
      if (failures.size > AUTH_ADDRESSES_MAX && longestAgo !== undefined) {
        failures.delete(longestAgo);
      }
    },
    succeeded(source) {
      failures.delete(source);
    },
  };
}

function delayAfter(failures: number): number {
  return Math.min(AUTH_SLOW_MS * 2 ** (failures - AUTH_FREE_FAILURES), AUTH_SLOW_MAX_MS);
}
