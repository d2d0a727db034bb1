/**
 * What a node knows of its cluster, as the status, the pages and the metrics read it.
 */

export interface ClusterFigures {
  /** This node's name. */
  readonly node: string;
  readonly counters: ClusterCounters;
  /** Whether there is a connection to NATS at the moment. */
  connected(): boolean;
  /** The other nodes, with those that are lost. */
  nodes(): readonly NodeFigures[];
  /** Null where no node that is known has the channel on air. */
  channel(user: string, channel: string): ChannelLinks | null;
}

export interface NodeFigures {
  readonly name: string;
  /** No other node has it, whatever its name is. */
  readonly id: string;
  readonly lost: boolean;
  /** Channels of which it has the broadcaster. */
  readonly channels: number;
  /** Milliseconds since it was last heard. */
  readonly heard: number;
}

/** How one channel goes through the cluster. */
export interface ChannelLinks {
  /** The name of the node that has its broadcaster. */
  readonly owner: string;
  readonly isOwn: boolean;
  /** Of an own channel, the nodes that its bytes go to. */
  readonly followers: readonly FollowerFigures[];
  /** Whether another's bytes come here. */
  readonly follows: boolean;
  /**
   * Milliseconds from the owner's sending to our receipt, of the newest message, by both machines'
   * time of day; null where nothing comes.
   */
  readonly lag: number | null;
  /** Messages that were missing. */
  readonly gaps: number;
  /** How often the owner was asked to begin again. */
  readonly resyncs: number;
}

export interface FollowerFigures {
  readonly node: string;
  /** Bytes that it was sent and has not confirmed. */
  readonly lagBytes: number;
}

/** Totals since the start. */
export interface ClusterCounters {
  /** Bytes of streams, without what goes around them. */
  bytesIn: number;
  bytesOut: number;
  messagesIn: number;
  messagesOut: number;
  /** Messages that were missing. */
  gaps: number;
  /** How often an owner was asked to begin again. */
  resyncs: number;
  /** How often a link went on further on, because bytes were gone. */
  skips: number;
  /** Connections to NATS that were made. */
  connects: number;
  nodesLost: number;
  /** Channels that were given up to another node. */
  yielded: number;
}

export function newClusterCounters(): ClusterCounters {
  return {
    bytesIn: 0,
    bytesOut: 0,
    messagesIn: 0,
    messagesOut: 0,
    gaps: 0,
    resyncs: 0,
    skips: 0,
    connects: 0,
    nodesLost: 0,
    yielded: 0,
  };
}
