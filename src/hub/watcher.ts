/**
 * How watchers come and go.
 */
import type { Refusal } from "../core/errors.ts";
import type { Broadcast, Watcher } from "./model.ts";
import { add, cursorAt, remove } from "./roster.ts";

/** Lets `watcher` in. It receives what comes from now on. */
export function admit(broadcast: Broadcast, watcher: Watcher): void {
  watcher.broadcast = broadcast;
  watcher.sent -= broadcast.ring.head;
  broadcast.counters.watchers++;
  add(broadcast.roster, watcher, broadcast.ring.head);
  watcher.attendant.admitted();
}

/** Forgets `watcher`, which gets no further byte and no word. */
export function dismiss(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.broadcast === broadcast) {
    watcher.sent = bytesSent(watcher);
    remove(broadcast.roster, watcher);
    watcher.broadcast = null;
  }
}

/** Sends `watcher` away. */
export function expel(broadcast: Broadcast, watcher: Watcher, why: Refusal): void {
  dismiss(broadcast, watcher);
  watcher.attendant.close(why);
}

/** Has `watcher` go on at the absolute offset `cursor` without what lies in between. */
export function skipTo(broadcast: Broadcast, watcher: Watcher, cursor: number): void {
  watcher.sent -= cursor - cursorAt(broadcast.roster, watcher.slot);
  broadcast.roster.cursors[watcher.slot] = cursor;
  broadcast.counters.skips++;
}

/** Bytes of the stream that the watcher's sink has taken. */
export function bytesSent(watcher: Watcher): number {
  const { broadcast } = watcher;
  return broadcast === null
    ? watcher.sent
    : watcher.sent + cursorAt(broadcast.roster, watcher.slot);
}
