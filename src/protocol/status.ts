/**
 * What the API says of a running server, in JSON: `fstream status` and the pages read it.
 *
 * Times of day are milliseconds since the epoch, durations milliseconds, rates bits a second over
 * the last seconds. Names may be added; none changes its meaning.
 */

/** `live` has a broadcaster, `lingering` had one, and `waiting` has watchers alone. */
export type ChannelState = "live" | "lingering" | "waiting";

export interface ChannelStatus {
  readonly user: string;
  readonly channel: string;
  readonly state: ChannelState;
  /** Of the media layer's formats; null while it is not known, or never will be. */
  readonly format: string | null;
  /** The format as people write it; empty where that is null. */
  readonly title: string;
  readonly contentType: string | null;
  /** Picture size, where the stream says it in a way that is read. */
  readonly width: number | null;
  readonly height: number | null;
  /** When the broadcaster came; null while there is none. */
  readonly since: number | null;
  readonly uptime: number;
  /** Since the channel began, over all its broadcasts. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly bitsIn: number;
  readonly bitsOut: number;
  readonly watchers: number;
  /** Of them, those that have not had a byte. */
  readonly waiting: number;
  readonly skips: number;
  /** From one place to join to the next; null before there are two. */
  readonly joinInterval: number | null;
  /** Whether they are further apart than the window holds. */
  readonly farApart: boolean;
  readonly ringBytes: number;
  /** Whether watchers need a password. */
  readonly locked: boolean;
  /** How it goes through the cluster; null where there is none, or no node has it on air. */
  readonly cluster: ChannelCluster | null;
  /** Bits a second of the last minutes, oldest first, one entry every `historyStep`. */
  readonly history: readonly RatePoint[];
}

export interface ChannelCluster {
  /** The name of the node that has its broadcaster, and whether that is this one. */
  readonly owner: string;
  readonly isOwn: boolean;
  /** Of an own channel, the nodes that its bytes go to. */
  readonly followers: readonly FollowerStatus[];
  /** Whether the bytes of another node's channel come here. */
  readonly follows: boolean;
  /** From that node to this one, by both machines' time of day; null where nothing comes. */
  readonly lag: number | null;
  /** Messages that were missing, and how often the owner was asked to begin again. */
  readonly gaps: number;
  readonly resyncs: number;
}

export interface FollowerStatus {
  readonly node: string;
  /** Bytes that it was sent and has not confirmed. */
  readonly lagBytes: number;
}

export interface RatePoint {
  readonly bitsIn: number;
  readonly bitsOut: number;
}

export interface WatcherStatus {
  /** Stable as long as it is connected. */
  readonly id: string;
  readonly user: string;
  readonly channel: string;
  readonly address: string;
  readonly via: "tcp" | "tls" | "unix" | "http";
  readonly state: "watching" | "waiting";
  readonly since: number;
  /** How far behind the newest byte. */
  readonly lag: number;
  readonly lagBytes: number;
  readonly bytes: number;
  readonly skips: number;
}

export interface ServerStatus {
  readonly version: string;
  readonly since: number;
  readonly channels: number;
  readonly live: number;
  readonly watchers: number;
  readonly connections: number;
  readonly bitsIn: number;
  readonly bitsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly skips: number;
  readonly residentBytes: number;
  /** The port of the media, for links. */
  readonly port: number | null;
  /** Milliseconds between two entries of a channel's history. */
  readonly historyStep: number;
  /** Null where it is no node of a cluster. */
  readonly cluster: ServerCluster | null;
}

/** The cluster as this node sees it. Totals are since the start. */
export interface ServerCluster {
  /** This node's name. */
  readonly node: string;
  /** Whether it has a connection to NATS. */
  readonly connected: boolean;
  /** The other nodes. */
  readonly nodes: readonly NodeStatus[];
  /** Bytes and messages of streams, from other nodes and to them. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Messages that were missing. */
  readonly gaps: number;
  /** How often an owner was asked to begin again. */
  readonly resyncs: number;
  /** How often a stream went on further on, because bytes were gone. */
  readonly skips: number;
  /** Connections to NATS that were made. */
  readonly connects: number;
  readonly nodesLost: number;
  /** Channels that were given up to another node. */
  readonly yielded: number;
}

export interface NodeStatus {
  readonly name: string;
  /** No other node has it, whatever its name is. */
  readonly id: string;
  readonly lost: boolean;
  /** Channels of which it has the broadcaster. */
  readonly channels: number;
  /** Since it was last heard. */
  readonly heard: number;
}

/** Which page of a list. */
export interface Bounds {
  readonly offset: number;
  readonly limit: number;
}

/** One page of a list. `total` counts all that match. */
export interface Page<Item> {
  readonly total: number;
  readonly offset: number;
  readonly items: readonly Item[];
}
