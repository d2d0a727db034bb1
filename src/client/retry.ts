/**
 * Trying again, each time after a longer wait, and never in step with the others who lost the same
 * server.
 */
import { RETRY_FIRST_MS, RETRY_FORGET_MS, RETRY_MAX_MS } from "../core/limits.ts";
import type { Outcome } from "./outcome.ts";

export interface RetryOptions {
  /** One attempt, from connecting to the end of the connection. */
  readonly attempt: () => Promise<Outcome>;
  readonly again: (outcome: Outcome) => boolean;
  /** Told before each wait. */
  readonly waiting: (outcome: Outcome, ms: number) => void;
  readonly signal: AbortSignal;
}

/** Attempts until `again` says no, and returns the last outcome. */
export async function retrying(options: RetryOptions): Promise<Outcome> {
  for (let failures = 0; ; failures++) {
    const startedAt = performance.now();
    const outcome = await options.attempt();
    if (options.signal.aborted || !options.again(outcome)) {
      return outcome;
    }
    if (performance.now() - startedAt >= RETRY_FORGET_MS) {
      failures = 0;
    }
    const ms = retryDelay(failures, Math.random());
    options.waiting(outcome, ms);
    if (!(await pause(ms, options.signal))) {
      return { kind: "interrupted" };
    }
  }
}

/**
 * The wait after `failures` failures before this one: doubling, bounded, and spread by `chance`
 * from half of it on.
 */
export function retryDelay(failures: number, chance: number): number {
  const longest = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MAX_MS);
  return longest * (0.5 + chance / 2);
}

/** Waits; returns false where it was interrupted. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const interrupted = (): void => resolve(false);
  const timer = setTimeout(() => resolve(true), ms);
  signal.addEventListener("abort", interrupted);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupted);
  }
}
