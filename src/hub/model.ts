/**
 * The hub's nouns.
 *
 *     Directory ── user/channel ──► Channel ──► waiting: Watcher, Watcher, …       before the first byte
 *                                      │
 *                                      └─ live ─► Broadcast ──► awaiting: Watcher, …   a join point
 *                                                  │  │  └────► Roster: Watcher, Watcher, …
 *                                   Scan ► marks ◄─┘  │                   │ cursor
 *                                                     └─► Ring ◄──────────┘
 *
 * A channel is a name; a broadcast is the bytes of one broadcaster under that name, with everyone who
 * receives them. A broadcast outlives its broadcaster by the linger time. When another one comes in
 * that time, or takes the channel over, it begins a broadcast of its own, and those who watched go
 * on there as soon as they have been sent all of the first.
 *
 * Invariants: a watcher is in exactly one of the lists above, or has left and is in none. A
 * watcher's cursor is at least the ring's tail whenever the hub is not in the middle of an append.
 * `floor` is never above the lowest cursor, nor above the newest join point that the ring holds.
 */
import type { Buckets } from "../core/buckets.ts";
import type { Clock } from "../core/clock.ts";
import type { Known, Scan } from "../media/scan.ts";
import type { Rebaser } from "../media/scanner.ts";
import type { Join } from "../protocol/request.ts";
import type { FrameMarks } from "./marks.ts";
import type { Remote } from "./remote.ts";
import type { Ring } from "./ring.ts";
import type { Roster } from "./roster.ts";
import type { Inlet, Outlet } from "./shared.ts";
import type { Attendant, Sink, Source } from "./sink.ts";

/** What an operator decides about channels. Times are in milliseconds, sizes in bytes. */
export interface ChannelSettings {
  /** The least time between two fan-outs of a broadcast. */
  readonly coalesce: number;
  /** The most that a ring grows to. */
  readonly window: number;
  /** Where in the stream a watcher begins that does not say so. */
  readonly join: Join;
  /** How far behind a watcher may be before it skips to the newest join point. */
  readonly lag: number;
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
  /** How many watchers a channel has at most; 0 is any number. */
  readonly "max-watchers": number;
  /** How many channels of one user are on air at most, those that linger included; 0 is any. */
  readonly "max-channels-per-user": number;
}

/** One peer that receives. What changes with every fan-out stands in the roster, at its slot. */
export interface Watcher {
  readonly sink: Sink;
  /** The peer, as its sink knows it. */
  readonly handle: number;
  readonly attendant: Attendant;
  readonly channel: Channel;
  readonly password: string | undefined;
  readonly join: Join;
  /** What it receives; null while it waits for a broadcast and when it has left. */
  broadcast: Broadcast | null;
  /** Its slot in the roster; -1 while it has none. */
  slot: number;
  /** Bytes taken, less the cursor while it has one: a fan-out need not count. */
  sent: number;
  /** What its decoder has had so far, and so what it needs before it can go on at a join point. */
  past: Past;
  /** Whether it has nothing to be told before the first byte, or has been told it. */
  announced: boolean;
  /** How far the stream had come when it began to wait for a place. */
  since: number;
  /** How many join points its broadcast had when they were of no use to it; -1 where any is. */
  passed: number;
  /** When it was let in, until it gets its first place; then -1. */
  admittedAt: number;
  /** Since when its sink has taken no byte, while it has no slot and has to drain; else -1. */
  refusedAt: number;
  /** What it gets before the byte at its cursor, and how much of that it has taken. */
  preface: Uint8Array;
  prefaced: number;
  /** Where the frame ends after which it is to skip; Infinity where it is not. */
  until: number;
  /** How often it has skipped. */
  skips: number;
  /**
   * Whether it is no person but a tap.ts: nobody counts it, no password concerns it, it misses no byte
   * without being closed, and it ends with its broadcast.
   */
  readonly tap: boolean;
  /** Whether the channel counts it. */
  counted: boolean;
}

/**
 * A watcher's past: nothing; frames of the broadcast it is in; or all of another broadcast of its
 * channel, in a format (undefined where that did not become known).
 */
export type Past = "none" | "frames" | { readonly format: Known };

/** What a broadcast has to tell to those who run the server. */
export type Notice =
  | { readonly kind: "format"; readonly format: Known }
  | { readonly kind: "far-apart" }
  /** Writing to a watcher has thrown: it was sent away. */
  | { readonly kind: "fault"; readonly error: unknown };

/** One run of bytes and everyone who receives it. */
export interface Broadcast {
  readonly clock: Clock;
  readonly settings: ChannelSettings;
  readonly counters: HubCounters;
  /** Its channel's. */
  readonly tally: Tally;
  readonly roster: Roster;
  /** Those who were let in and wait for a join point. */
  readonly awaiting: Set<Watcher>;
  ring: Ring;
  /** What the stream is, and the scanner of that. */
  readonly scan: Scan;
  readonly marks: FrameMarks;
  /** The broadcast of this channel that came next; null while there is none. */
  next: Broadcast | null;
  /**
   * The same bytes rewritten for those who have not had them from the first on, in a ring of their
   * own; null where the format needs none. See Rebase in media/scanner.ts.
   */
  copy: Copy | null;
  /** Of a copy, the broadcast that it is one of; null for all others. */
  readonly original: Broadcast | null;
  /**
   * No cursor is lower, nor is the newest join point that the ring holds; a lower bound that is
   * renewed only when the ring is about to pass it.
   */
  floor: number;
  /** When the newest byte of each eighth of the ring arrived, by the clock; see grace.ts. */
  readonly arrivals: Float64Array;
  /** What has been received and has no room yet; while there is some, no more is asked for. */
  held: Held | null;
  /** Whether nobody is waited for: set while held bytes must go in at once. */
  impatient: boolean;
  /** Called when there is room again. */
  onRoom: () => void;
  /** Called when bytes have come while the broadcast is to end with the next frame; else null. */
  closing: (() => void) | null;
  /** Tells other threads of it; null where there are none, and of one that another thread owns. */
  outlet: Outlet | null;
  /** Where another thread owns it, what that tells; else null. */
  inlet: Inlet | null;
  /** Where another node has its broadcaster, what is asked of that; else null. */
  readonly remote: Remote | null;
  /** Whether no more bytes come: a watcher that has everything goes on to the next, or is closed. */
  ended: boolean;
  /** When its broadcaster came, by the clock. */
  readonly cameAt: number;
  /** When the first byte came, by the clock. */
  begunAt: number;
  /** Told what becomes known of the stream. */
  readonly notify: (notice: Notice) => void;
  /** Whether it was told that join points are too far apart for the ring. */
  farApart: boolean;
  fannedOutAt: number;
  /** When the oldest byte came that no fan-out has carried yet; -1 while there is none. */
  unsentSince: number;
  /** Cancels the fan-out that waits for its time; null when none does. */
  pending: (() => void) | null;
  /** When the broadcaster last sent a byte. */
  heardAt: number;
  /** Bytes a millisecond: the pace of late, falling slowly. */
  pace: number;
  pacedAt: number;
  pacedHead: number;
}

/** A broadcast's rewritten copy, with a roster and a ring of its own; all else is the original's. */
export interface Copy {
  readonly broadcast: Broadcast;
  rebaser: Rebaser;
}

/** The rest of a chunk for which there is no room in the ring yet. */
export interface Held {
  readonly chunk: Uint8Array;
  /** The absolute offset at which the chunk ends. */
  readonly edge: number;
  readonly cancelTimer: () => void;
}

/** Whether a password is the one that watchers must know. */
export type Opens = (offered: string) => boolean;

/** One name to broadcast and to watch under. */
export interface Channel {
  readonly user: string;
  readonly name: string;
  readonly tally: Tally;
  readonly waiting: Set<Watcher>;
  /** How many more wait, or await a place, on other threads. */
  waitingElsewhere: number;
  /**
   * How many watchers it has: those who wait, and those of all its broadcasts. When the channel is
   * over it is forgotten, and a namesake does not count those who are on the way to its end.
   */
  watchers: number;
  /** The broadcast that newcomers join; null when nothing is live and nothing lingers. */
  live: Broadcast | null;
  /** Who sends; null while the channel lingers or waits. */
  source: Source | null;
  /** What watchers must know; empty for an open channel. */
  password: string;
  /** What compares with it where that is no plain text but a hash; else null. */
  opens: Opens | null;
  /** Cancels the end of the linger time; null while it does not run. */
  lingering: (() => void) | null;
}

/** What a channel has had since it began, over all its broadcasts. */
export interface Tally {
  bytesIn: number;
  bytesOut: number;
  framesIn: number;
  skips: number;
  ringGrowths: number;
}

/** Totals since the start, plain numbers for others to read. */
export interface HubCounters extends Tally {
  broadcasts: number;
  watchers: number;
  takeovers: number;
  tooSlow: number;
  /** Who came when a channel had all the watchers that it may have. */
  watchersRefused: number;
  /** Who came when a user had all the channels that one may have. */
  channelsRefused: number;
  /** Milliseconds from a watcher's admission to its first place in the stream. */
  readonly joinWaits: Buckets;
  /** Milliseconds from a chunk's arrival to the end of the fan-out that carried it. */
  readonly fanOutLags: Buckets;
}
