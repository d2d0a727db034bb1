/**
 * Checks of password hashes: a few at once, a bounded number waiting, the rest refused.
 *
 *     verify ──► running (HASHES_AT_ONCE) ──► answer
 *        │            ▲ first come, first served
 *        ├──► waiting (HASHES_WAITING_MAX)
 *        └──► "full"
 */
import { HASHES_AT_ONCE, HASHES_WAITING_MAX } from "../core/limits.ts";
import { turns } from "./turns.ts";

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
  const waitingMax = options.waitingMax ?? HASHES_WAITING_MAX;
  const { line, take } = turns(options.atOnce ?? HASHES_AT_ONCE);
  return {
    async verify(password, hash) {
      const waiting = line();
      return waiting === undefined || waiting < waitingMax
        ? take(() => check(password, hash))
        : "full";
    },
  };
}
