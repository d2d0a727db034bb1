/**
 * Checks of password hashes: a few at once, a bounded number waiting, the rest refused.
 *
 *     verify ──► running (HASHES_AT_ONCE) ──► answer
 *        │            ▲ first come, first served
 *        ├──► waiting (HASHES_WAITING_MAX)
 *        └──► "full"
 *
 * Invariant: nobody waits while fewer than the allowed number are running.
 */
import { HASHES_AT_ONCE, HASHES_WAITING_MAX } from "../core/limits.ts";

/** Checks hashes within its bounds. */
export interface HashChecks {
  /** Whether `hash` is of `password`. Rejects where the hash is one that nobody can check. */
  verify(password: string, hash: string): Promise<boolean | "full">;
}

/** What can be set; the defaults are the real ones. */
export interface HashChecksOptions {
  readonly verify?: (password: string, hash: string) => Promise<boolean>;
  readonly atOnce?: number;
  readonly waitingMax?: number;
}

/** Makes a queue of its own. A server has one, however many users folders it has. */
export function hashChecks(options: HashChecksOptions = {}): HashChecks {
  const check = options.verify ?? ((password, hash) => Bun.password.verify(password, hash));
  const atOnce = options.atOnce ?? HASHES_AT_ONCE;
  const waitingMax = options.waitingMax ?? HASHES_WAITING_MAX;
  const waiting: (() => void)[] = [];
  let running = 0;

  /**
   * Hands the finished one's place to the first in line, so that a newcomer cannot slip in between.
   */
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) {
      running--;
    } else {
      next();
    }
  };

  return {
    async verify(password, hash) {
      if (running < atOnce) {
        running++;
      } else if (waiting.length < waitingMax) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        return "full";
      }
      try {
        return await check(password, hash);
      } finally {
        leave();
      }
    },
  };
}
