/**
 * Trying again, each time after a longer wait, and never in step with the others who lost the same
 * server. Where there are several servers they are tried in turn, once without a wait.
 *
 *     good connection to A ──lost──► B ──► C ──wait──► A ──longer wait──► B …
 */
import { RETRY_FIRST_MS, RETRY_FORGET_MS, RETRY_MAX_MS } from "../core/limits.ts";
import type { Outcome } from "./outcome.ts";

export interface RetryOptions {
  /** How many servers there are; one where nothing is said. */
  readonly servers?: number;
  /** One attempt at one of them, from connecting to the end of the connection. */
  readonly attempt: (server: number) => Promise<Outcome>;
  readonly again: (outcome: Outcome) => boolean;
  /** Told before each further attempt: after how many milliseconds, and at which server. */
  readonly waiting: (outcome: Outcome, ms: number, server: number) => void;
  readonly signal: AbortSignal;
}

/** Attempts until `again` says no, and returns the last outcome. */
export async function retrying(options: RetryOptions): Promise<Outcome> {
  const { servers = 1, signal } = options;
  for (let failures = 0, server = 0; ; failures++) {
    const startedAt = performance.now();
    const outcome = await options.attempt(server);
    if (signal.aborted || !options.again(outcome)) {
      return outcome;
    }
    const lasted = performance.now() - startedAt;
    if (lasted >= RETRY_FORGET_MS || (servers > 1 && wasStopped(outcome, lasted))) {
      failures = 0;
    }
    server = (server + 1) % servers;
    const others = servers - 1;
    const ms = failures < others ? 0 : retryDelay(failures - others, Math.random());
    options.waiting(outcome, ms, server);
    if (ms > 0 && !(await pause(ms, signal))) {
      return { kind: "interrupted" };
    }
  }
}

/**
 * Whether a server had us, and is being stopped: that is no trouble of the others. One that says so
 * to whoever comes is another failure, or servers that all do would be tried without a pause.
 */
function wasStopped(outcome: Outcome, lasted: number): boolean {
  const saysSo = outcome.kind === "refused" && outcome.why.code === "shutting-down";
  return saysSo && lasted >= RETRY_FIRST_MS;
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
