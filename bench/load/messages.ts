/**
 * What the processes of a run say to each other, as messages between a parent and its children.
 */
import type { Plan } from "../stream/synthetic.ts";
import type { Packed } from "../verify/histogram.ts";
import type { Faults, Window } from "../verify/tally.ts";

/** Whom to load, and as whom. */
export interface Target {
  /** The name in the table of peers, by which requests are made. */
  readonly peer: string;
  readonly host: string;
  readonly port: number;
  /** The ports of all nodes, where it is a cluster. */
  readonly nodes?: readonly number[];
  readonly user: string;
  readonly password: string | undefined;
}

/** How watchers behave. Only steady ones are owed every frame. */
export type Habit = "steady" | "slow" | "frozen" | "resetting" | "visiting" | "probing";

export interface CastOrder {
  readonly kind: "cast";
  readonly target: Target;
  readonly plan: Plan;
  readonly channels: number;
  /** Milliseconds after which the broadcasters come anew; 0 for never. */
  readonly restartMs: number;
}

export interface WatchOrder {
  readonly kind: "watch";
  readonly target: Target;
  readonly plan: Plan;
  readonly channels: number;
  readonly watchers: number;
  /** Watchers of that habit in other processes, which are counted before these. */
  readonly first: number;
  readonly habit: Habit;
  /** Whether bytes are only counted. */
  readonly sink: boolean;
}

/** What a parent tells a child. The window comes when all have said that they are ready. */
export type Order = CastOrder | WatchOrder | { readonly kind: "window"; readonly window: Window };

export interface Ready {
  readonly kind: "ready";
  readonly connected: number;
  readonly failed: number;
}

/** A sign of life. Counts are since the beginning. */
export interface Pulse {
  readonly kind: "pulse";
  readonly bytes: number;
  readonly connected: number;
  readonly faults: Faults;
}

export interface CastResult {
  readonly kind: "cast-result";
  /** Frames that were sent and due within the window, over all channels. */
  readonly frames: readonly number[];
  /** How late the last byte of a frame was given to the kernel. */
  readonly lateness: Packed;
  /** Broadcasters that the server closed. */
  readonly closed: number;
  readonly cpuSeconds: number;
}

export interface WatchResult {
  readonly kind: "watch-result";
  readonly habit: Habit;
  /** Bytes received within the window, and the seconds that it really took. */
  readonly bytes: number;
  readonly seconds: number;
  readonly delivered: number;
  /** Watchers by channel that were there for the whole window. */
  readonly present: readonly number[];
  readonly faults: Faults;
  readonly setups: number;
  readonly slices: readonly Packed[];
  /** Watchers that the server closed. */
  readonly closed: number;
  readonly cpuSeconds: number;
  /** Of probes: milliseconds from connecting to the first byte, and to the first of a keyframe. */
  readonly firstByteMs: readonly number[];
  readonly firstKeyMs: readonly number[];
}

export type Report = Ready | Pulse | CastResult | WatchResult | Trouble;

/** The parent, as a child's work sees it. */
export interface Parent {
  tell(report: Report): void;
  /** Resolves when the parent has set the measured time. */
  readonly window: Promise<Window>;
}

/** A child cannot go on. */
export interface Trouble {
  readonly kind: "trouble";
  readonly message: string;
}
