/**
 * The hub's plain numbers, for others to read: what was, in all and in one channel.
 */
import { newBuckets } from "../core/buckets.ts";
import type { HubCounters, Tally } from "./model.ts";

/** Milliseconds: a join point in the ring takes none, the next one of an encoder up to ten seconds. */
const JOIN_BOUNDS_MS = [5, 25, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** Milliseconds: a paced fan-out takes up to `coalesce`, five of them by default. */
const FAN_OUT_BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000];

export function newCounters(): HubCounters {
  return {
    ...newTally(),
    broadcasts: 0,
    watchers: 0,
    takeovers: 0,
    tooSlow: 0,
    watchersRefused: 0,
    channelsRefused: 0,
    joinWaits: newBuckets(JOIN_BOUNDS_MS),
    fanOutLags: newBuckets(FAN_OUT_BOUNDS_MS),
  };
}

export function newTally(): Tally {
  return { bytesIn: 0, bytesOut: 0, framesIn: 0, skips: 0, ringGrowths: 0 };
}
