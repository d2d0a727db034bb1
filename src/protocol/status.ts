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
  /** Bits a second of the last minutes, oldest first, one entry every `historyStep`. */
  readonly history: readonly RatePoint[];
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
