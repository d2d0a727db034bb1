/**
 * A watcher's way along the ring: cursor forward as far as its sink takes bytes, then blocked until the sink drains.
 */
import type { Refusal } from "../core/errors.ts";
import type { Broadcast, Watcher } from "./model.ts";
import type { Ring } from "./ring.ts";

/**
 * Writes what the watcher lacks, up to the ring's head. Returns the bytes taken, or -1 when the peer is gone. The watcher is
 * blocked afterwards if and only if the sink took less than all.
 *
 * This is the hot path: one call a watcher a fan-out. It makes no object and no string, and calls nothing but the sink.
 */
export function flush(watcher: Watcher, ring: Ring): number {
  const from = watcher.cursor;
  while (watcher.cursor < ring.head) {
    const index = watcher.cursor % ring.capacity;
    const length = Math.min(ring.head - watcher.cursor, ring.capacity - index);
    const some = watcher.sink.write(ring.bytes, index, length);
    if (some < 0) {
      return -1;
    }
    watcher.cursor += some;
    if (some < length) {
      watcher.blocked = true;
      break;
    }
  }
  const taken = watcher.cursor - from;
  watcher.sent += taken;
  return taken;
}

/** Puts the watcher at the end of `list`. */
export function enlist(list: Watcher[], watcher: Watcher): void {
  watcher.slot = list.length;
  list.push(watcher);
}

/**
 * Takes the watcher out of `list` by putting the last one in its place. A loop over the list that runs from its end to its
 * beginning may do this to the watcher it is at.
 */
export function delist(list: Watcher[], watcher: Watcher): void {
  const last = list.pop();
  if (last !== undefined && last !== watcher) {
    list[watcher.slot] = last;
    last.slot = watcher.slot;
  }
  watcher.slot = -1;
}

/** Lets `watcher` in. It receives what comes from now on. */
export function admit(broadcast: Broadcast, watcher: Watcher): void {
  watcher.broadcast = broadcast;
  watcher.cursor = broadcast.ring.head;
  broadcast.counters.watchers++;
  enlist(broadcast.watchers, watcher);
  watcher.attendant.admitted();
}

/** Forgets `watcher`, which gets no further byte and no word. */
export function dismiss(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.broadcast === broadcast) {
    delist(broadcast.watchers, watcher);
    watcher.broadcast = null;
  }
}

/** Sends `watcher` away. */
export function expel(broadcast: Broadcast, watcher: Watcher, why: Refusal): void {
  dismiss(broadcast, watcher);
  watcher.attendant.close(why);
}
