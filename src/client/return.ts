/**
 * Whether a watcher comes back. Its output is one stream for whoever reads it, however many
 * connections it takes: so it only comes back where a second stream may stand behind the first.
 *
 *     ended ──► comes back, and waits a while ──► it goes on: the server was restarted
 *                       │                    └──► nobody broadcasts: that was the end
 *                       └──► no server there: it is being restarted, and is waited for
 *
 * A watcher in mid-stream gets stream bytes and a clean end, of a broadcast as of a server that is
 * stopped. Only what happens next tells them apart.
 */
import { RETURN_MS } from "../core/limits.ts";
import { canFollow } from "../media/scan.ts";
import { mayRetry, type Outcome } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { watchOnce, type WatchOptions } from "./watch.ts";

export interface Attempts {
  readonly attempt: () => Promise<Outcome>;
  /** Whether to come back after `outcome`. */
  readonly again: (outcome: Outcome) => boolean;
}

/** The attempts of one watcher. */
export function watchAttempts(options: Omit<WatchOptions, "patience">): Attempts {
  let patience = Infinity;
  return {
    async attempt() {
      const outcome = await watchOnce({ ...options, patience });
      patience = outcome.kind === "ended" ? RETURN_MS : Infinity;
      return outcome;
    },
    again: (outcome) => mayReturn(outcome, options.progress),
  };
}

function mayReturn(outcome: Outcome, { bytes, format }: Progress): boolean {
  const fits = bytes === 0 || canFollow(format);
  return fits && (outcome.kind === "ended" || mayRetry(outcome));
}
