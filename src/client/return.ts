/**
 * Whether a watcher comes back. Its output is one stream for whoever reads it, however many
 * connections it takes: so it only comes back where a second stream may stand behind the first.
 *
 *     ended ──► comes back, and waits a while ──► it goes on: the server was restarted
 *                       │                    └──► nobody broadcasts: that was the end
 *                       └──► no server there: it is being restarted, and is waited for
 *
 * A watcher in mid-stream gets stream bytes and a clean end, of a broadcast as of a server that is
 * stopped. Only what happens next tells them apart. Of several servers only the one whose stream has
 * ended can tell, by its absence, that it was being stopped; that another one is away means nothing.
 */
import { RETURN_MS } from "../core/limits.ts";
import { canFollow } from "../media/scan.ts";
import type { Address } from "../protocol/address.ts";
import { mayRetry, type Outcome } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { watchOnce, type WatchOptions } from "./watch.ts";

export interface Attempts {
  readonly attempt: (address: Address) => Promise<Outcome>;
  /** Whether to come back after `outcome`. */
  readonly again: (outcome: Outcome) => boolean;
}

/** The attempts of one watcher. */
export function watchAttempts(options: Omit<WatchOptions, "address" | "patience">): Attempts {
  const { progress } = options;
  /** Where the stream has ended, as long as that may have been the end of the broadcast. */
  let endedAt: Address | null = null;
  return {
    async attempt(address) {
      const had = progress.bytes;
      const patience = endedAt === null ? Infinity : RETURN_MS;
      const outcome = await watchOnce({ ...options, address, patience });
      if (outcome.kind === "ended") {
        endedAt = address;
      } else if (address === endedAt || progress.bytes > had) {
        endedAt = null;
      }
      return outcome;
    },
    again: (outcome) => mayReturn(outcome, progress),
  };
}

function mayReturn(outcome: Outcome, { bytes, format }: Progress): boolean {
  const fits = bytes === 0 || canFollow(format);
  return fits && (outcome.kind === "ended" || mayRetry(outcome));
}
