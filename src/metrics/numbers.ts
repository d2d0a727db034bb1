/**
 * What the metrics read, at a scrape and never else: plain numbers that others count.
 */
import type { Buckets } from "../core/buckets.ts";

/** What only rises, in one channel or in all. */
export interface Counts {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly skips: number;
  readonly ringGrowths: number;
}

/** What a channel has at the moment. */
export interface Levels {
  readonly watchers: number;
  readonly ringBytes: number;
}

export interface ChannelNumbers {
  /** The same object as long as it is the same channel: a namesake has another. */
  readonly identity: object;
  readonly user: string;
  readonly channel: string;
  readonly isOnAir: boolean;
  readonly counts: Counts;
  readonly levels: Levels;
  /** Bytes from one join point to the next; 0 before there are two. */
  readonly joinInterval: number;
}

export type ByReason = Readonly<Record<string, number>>;

/** A server, read anew for each scrape. */
export interface Numbers {
  /** Of all channels, also of those that are over. */
  readonly counts: Counts;
  readonly channels: readonly ChannelNumbers[];
  readonly connections: number;
  readonly broadcasts: number;
  readonly admitted: number;
  readonly takeovers: number;
  readonly closes: ByReason;
  readonly authFailures: ByReason;
  readonly refusals: ByReason;
  readonly recorded: { readonly bytes: number; readonly files: number };
  readonly recordingFailures: ByReason;
  readonly hooks: ByReason;
  /** In milliseconds. */
  readonly joinWaits: Buckets;
  readonly fanOutLags: Buckets;
  /** Null where it is no node of a cluster; that is so from the start on, or never. */
  readonly cluster: ClusterNumbers | null;
}

export interface ClusterNumbers {
  readonly connected: boolean;
  /** Nodes that are heard, this one included, and nodes that are lost. */
  readonly nodes: { readonly here: number; readonly lost: number };
  /** Channels of other nodes whose bytes come here, and own ones whose bytes go to others. */
  readonly followed: number;
  readonly led: number;
  readonly counts: ClusterCounts;
}

/** What only rises. */
export interface ClusterCounts {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly gaps: number;
  readonly resyncs: number;
  readonly skips: number;
  readonly connects: number;
  readonly nodesLost: number;
  readonly yielded: number;
}
