/**
 * What a channel has sent in all, added up from what its watchers have been sent: the hub counts
 * nothing for it while bytes flow.
 */
import { withCopy } from "../hub/broadcast.ts";
import type { Channel } from "../hub/model.ts";
import { cursorAt } from "../hub/roster.ts";

/** Bytes that all watchers of a channel have been sent, those that have left included. */
export function sentOf(channel: Channel): number {
  const { live } = channel;
  let sum = channel.sent;
  for (const watcher of channel.waiting) {
    sum += watcher.sent;
  }
  if (live === null) {
    return sum;
  }
  for (const watcher of live.awaiting) {
    sum += watcher.sent;
  }
  for (const { roster } of withCopy(live)) {
    for (let slot = 0; slot < roster.count; slot++) {
      sum += (roster.watchers[slot]?.sent ?? 0) + cursorAt(roster, slot);
    }
  }
  return sum;
}

/** How many of a channel's watchers wait for its first byte. */
export function waitingOf({ live, waiting }: Channel): number {
  return waiting.size + (live?.awaiting.size ?? 0);
}
