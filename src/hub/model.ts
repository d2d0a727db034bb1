/**
 * The hub's nouns.
 *
 *     Directory ── user/channel ──► Channel ──► waiting: Watcher, Watcher, …       before the first byte
 *                                      │
 *                                      └─ live ─► Broadcast ──► Roster: Watcher, Watcher, …
 *                                                    │                    │ cursor
 *                                                    └──► Ring ◄──────────┘
 *
 * A channel is a name; a broadcast is one run of bytes under that name, with everyone who receives
 * it. A broadcast outlives its broadcaster by the linger time, and is carried on when one returns
 * in time. When it ends its channel lets go of it, and it exists until its last watcher has been
 * sent the rest.
 *
 * Invariants: a watcher is in exactly one of the lists above, or has left and is in none. A
 * watcher's cursor is at least the ring's tail whenever the hub is not in the middle of an append.
 * `floor` is never above the lowest cursor.
 */
import type { Clock } from "../core/clock.ts";
import type { Ring } from "./ring.ts";
import type { Roster } from "./roster.ts";
import type { Attendant, Sink, Source } from "./sink.ts";

/** What an operator decides about channels. Times are in milliseconds, sizes in bytes. */
export interface ChannelSettings {
  /** The least time between two fan-outs of a broadcast. */
  readonly coalesce: number;
  /** The most that a ring grows to. */
  readonly window: number;
  /** What becomes of a watcher that is lapped where the stream has no frames that we know. */
  readonly slow: "close" | "skip";
  /** How long a watcher may take no byte while there are some. */
  readonly stall: number;
  /** What becomes of a broadcaster when a second one comes. */
  readonly takeover: "replace" | "refuse";
  /** How long watchers are kept when their broadcaster is gone. */
  readonly linger: number;
  /** How long a broadcaster may send nothing. */
  readonly silence: number;
}

/** One peer that receives. What changes with every fan-out stands in the roster, at its slot. */
export interface Watcher {
  readonly sink: Sink;
  /** The peer, as its sink knows it. */
  readonly handle: number;
  readonly attendant: Attendant;
  readonly channel: Channel;
  readonly password: string | undefined;
  /** What it receives; null while it waits and when it has left. */
  broadcast: Broadcast | null;
  /** Its slot in the roster; -1 while it has none. */
  slot: number;
  /** Bytes taken, less the cursor while it has one: a fan-out need not count. */
  sent: number;
}

/** One run of bytes and everyone who receives it. */
export interface Broadcast {
  readonly clock: Clock;
  readonly settings: ChannelSettings;
  readonly counters: HubCounters;
  readonly roster: Roster;
  ring: Ring;
  /** No cursor is lower; a lower bound that is renewed only when the ring is about to pass it. */
  floor: number;
  /** When the newest byte of each eighth of the ring arrived, by the clock; see grace.ts. */
  readonly arrivals: Float64Array;
  /** What has been received and has no room yet; while there is some, no more is asked for. */
  held: Held | null;
  /** Whether nobody is waited for: set while held bytes must go in at once. */
  impatient: boolean;
  /** Called when there is room again. */
  onRoom: () => void;
  /** Whether no more bytes come: a watcher that has everything is closed. */
  ended: boolean;
  fannedOutAt: number;
  /** Cancels the fan-out that waits for its time; null when none does. */
  pending: (() => void) | null;
  /** When the broadcaster last sent a byte. */
  heardAt: number;
  /** Bytes a millisecond: the pace of late, falling slowly. */
  pace: number;
  pacedAt: number;
  pacedHead: number;
}

/** The rest of a chunk for which there is no room in the ring yet. */
export interface Held {
  readonly chunk: Uint8Array;
  /** The absolute offset at which the chunk ends. */
  readonly edge: number;
  readonly cancelTimer: () => void;
}

/** One name to broadcast and to watch under. */
export interface Channel {
  readonly user: string;
  readonly name: string;
  readonly waiting: Set<Watcher>;
  /** The broadcast that newcomers join; null when nothing is live and nothing lingers. */
  live: Broadcast | null;
  /** Who sends; null while the channel lingers or waits. */
  source: Source | null;
  /** What watchers must know; empty for an open channel. */
  password: string;
  /** Cancels the end of the linger time; null while it does not run. */
  lingering: (() => void) | null;
}

/** Totals since the start, plain numbers for others to read. */
export interface HubCounters {
  broadcasts: number;
  watchers: number;
  bytesIn: number;
  bytesOut: number;
  takeovers: number;
  skips: number;
  tooSlow: number;
}
