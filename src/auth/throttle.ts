/**
 * Slows down whoever keeps failing. It only counts and decides; the gate does the waiting.
 *
 *     failures   0  1  2 │   3    4    5 …     8 and more
 *     wait, ms   0  0  0 │ 250  500 1000 …  8000
 *
 * Invariant: a source that has not failed AUTH_FREE_FAILURES times of late never waits.
 */
import type { Clock } from "../core/clock.ts";
import {
  AUTH_ADDRESSES_MAX,
  AUTH_FORGET_MS,
  AUTH_FREE_FAILURES,
  AUTH_SLOW_MAX_MS,
  AUTH_SLOW_MS,
  AUTH_WAITING_MAX,
} from "../core/limits.ts";

/** Counts by source, a text that stands for whoever is to be told apart from others. */
export interface Throttle {
  /**
   * Milliseconds that an attempt of `source` has to wait, or "full" where too many of its attempts
   * wait already.
   */
  delay(source: string): number | "full";
  /** To be called when an attempt begins to wait; what it returns, when the wait is over. */
  wait(source: string): () => void;
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
  const waiting = new Map<string, number>();

  const countOf = (source: string): number => {
    const known = failures.get(source);
    if (known !== undefined && clock.now() - known.lastAt >= AUTH_FORGET_MS) {
      failures.delete(source);
      return 0;
    }
    return known?.count ?? 0;
  };

  const addWaiting = (source: string, change: 1 | -1): void => {
    const count = (waiting.get(source) ?? 0) + change;
    if (count === 0) {
      waiting.delete(source);
    } else {
      waiting.set(source, count);
    }
  };

  return {
    delay(source) {
      const count = countOf(source);
      if (count < AUTH_FREE_FAILURES) {
        return 0;
      }
      const others = waiting.get(source) ?? 0;
      // Those that wait are taken for failures to come, or attempts made all at once would wait no
      // longer than one.
      return others >= AUTH_WAITING_MAX ? "full" : delayAfter(count + others);
    },
    wait(source) {
      addWaiting(source, 1);
      return () => addWaiting(source, -1);
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
