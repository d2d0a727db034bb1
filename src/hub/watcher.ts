/**
 * How watchers come into a broadcast's lists and out of them: see the invariant in model.ts.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import { NOTHING } from "../media/scanner.ts";
import type { Join, Request } from "../protocol/request.ts";
import type { Broadcast, Channel, Watcher } from "./model.ts";
import { add, cursorAt, DETOUR, remove } from "./roster.ts";
import type { Peer } from "./sink.ts";

const FAULT = refusal("forbidden", "internal error");

/** A watcher that is in no list yet. */
export function newWatcher(
  channel: Channel,
  request: Pick<Request, "channelPassword">,
  peer: Peer,
  join: Join,
  tap = false,
): Watcher {
  return {
    ...peer,
    channel,
    password: request.channelPassword,
    join,
    broadcast: null,
    slot: -1,
    sent: 0,
    past: "none",
    announced: peer.attendant.announce === undefined,
    since: 0,
    passed: -1,
    admittedAt: -1,
    refusedAt: -1,
    preface: NOTHING,
    prefaced: 0,
    until: Infinity,
    skips: 0,
    tap,
    counted: false,
  };
}

/** Has its channel count `watcher`, which is let in or waits. */
export function count(watcher: Watcher): void {
  watcher.counted = true;
  watcher.channel.watchers++;
}

/** Makes nothing of a second call: the hub may have sent away who now goes. */
export function discount(watcher: Watcher): void {
  if (watcher.counted) {
    watcher.counted = false;
    watcher.channel.watchers--;
  }
}

/** The end of a watcher that is in no list any more: a clean one with null. */
export function close(watcher: Watcher, why: Refusal | null): void {
  discount(watcher);
  watcher.attendant.close(why);
}

/** Where its bytes come from elsewhere, they are to come now. */
function want({ inlet, remote }: Broadcast): void {
  inlet?.want(true);
  if (remote !== null && !remote.wanted) {
    remote.wanted = true;
    remote.upstream.want(true);
  }
}

/** Has `watcher` wait for a place in `broadcast`. */
export function hold(broadcast: Broadcast, watcher: Watcher): void {
  want(broadcast);
  watcher.broadcast = broadcast;
  watcher.since = broadcast.ring.head;
  broadcast.awaiting.add(watcher);
}

/**
 * Puts a watcher that waits for a place into the roster, at the absolute offset `cursor`. Where it
 * has a preface to take, or its sink refuses, it begins with a detour.
 */
export function seat(broadcast: Broadcast, watcher: Watcher, cursor: number): void {
  dismiss(watcher.broadcast ?? broadcast, watcher);
  want(broadcast);
  watcher.broadcast = broadcast;
  watcher.sent -= cursor;
  add(broadcast.roster, watcher, cursor);
  broadcast.floor = Math.min(broadcast.floor, cursor);
  if (watcher.preface.length > 0 || watcher.refusedAt >= 0) {
    broadcast.roster.blocked[watcher.slot] = DETOUR;
    const { refusedAt } = watcher;
    broadcast.roster.movedAt[watcher.slot] = refusedAt < 0 ? broadcast.clock.now() : refusedAt;
  }
}

/** Forgets `watcher`, which gets no further byte and no word. */
export function dismiss(broadcast: Broadcast, watcher: Watcher): void {
  if (watcher.broadcast !== broadcast) {
    return;
  }
  watcher.sent = bytesSent(watcher);
  watcher.broadcast = null;
  if (watcher.slot === -1) {
    broadcast.awaiting.delete(watcher);
  } else {
    remove(broadcast.roster, watcher);
  }
}

/** Sends `watcher` away. */
export function expel(broadcast: Broadcast, watcher: Watcher, why: Refusal): void {
  dismiss(broadcast, watcher);
  close(watcher, why);
}

/** Writing to `watcher` has thrown `error`: that is told, and costs nobody else anything. */
export function expelFaulty(
  broadcast: Broadcast,
  watcher: Watcher | undefined,
  error: unknown,
): void {
  broadcast.notify({ kind: "fault", error });
  if (watcher !== undefined) {
    expel(watcher.broadcast ?? broadcast, watcher, FAULT);
  }
}

/** Has `watcher` go on at the absolute offset `cursor` without what lies in between. */
export function skipTo(broadcast: Broadcast, watcher: Watcher, cursor: number): void {
  watcher.sent -= cursor - cursorAt(broadcast.roster, watcher.slot);
  broadcast.roster.cursors[watcher.slot] = cursor;
  countSkip(broadcast, watcher);
}

export function countSkip(broadcast: Broadcast, watcher: Watcher): void {
  broadcast.counters.skips++;
  broadcast.tally.skips++;
  watcher.skips++;
}

/** Bytes that the watcher's sink has taken. */
export function bytesSent(watcher: Watcher): number {
  const { broadcast, sent, slot } = watcher;
  return broadcast === null || slot === -1 ? sent : sent + cursorAt(broadcast.roster, slot);
}
