/**
 * What a thread has counted, and what all of them have together.
 */
import type { Buckets } from "../core/buckets.ts";
import type { HubCounters, Tally } from "../hub/model.ts";
import type { AdmissionCounters } from "../server/admission.ts";
import type { Reason } from "../server/model.ts";
import type { Server } from "../server/server.ts";

export interface ChannelFigures {
  readonly user: string;
  readonly channel: string;
  readonly tally: Tally;
  readonly watchers: number;
  readonly waiting: number;
}

export interface Figures {
  readonly counters: HubCounters;
  readonly closes: readonly (readonly [Reason["code"], number])[];
  readonly refused: AdmissionCounters;
  readonly connections: number;
  readonly channels: readonly ChannelFigures[];
}

/** What a thread's server has counted. */
export function figuresOf({ closes, connections, directory, refused }: Server): Figures {
  return {
    counters: directory.counters,
    closes: [...closes],
    refused,
    connections: connections.size,
    channels: Array.from(directory.list(), ({ live, name, tally, user, waiting, watchers }) => ({
      user,
      channel: name,
      tally,
      watchers,
      waiting: waiting.size + (live?.awaiting.size ?? 0),
    })),
  };
}

/** Adds what `more` has to `sum`, name by name. */
export function addNumbers<Name extends string>(
  sum: Record<Name, number>,
  more: Readonly<Record<Name, number>>,
  names: readonly Name[],
): void {
  for (const name of names) {
    sum[name] += more[name];
  }
}

/** Adds observations that were made with the same bounds. */
export function addBuckets(sum: Buckets, more: Buckets): void {
  more.counts.forEach((count, at) => {
    sum.counts[at] = (sum.counts[at] ?? 0) + count;
  });
  sum.sum += more.sum;
}
