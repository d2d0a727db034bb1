/** What hooks are told: the one object that is posted, and handed to the functions of a module. */

export const EVENTS = ["on-live", "on-end", "on-watch", "on-leave", "on-skip"] as const;

export type EventName = (typeof EVENTS)[number];

export interface HookEvent {
  readonly event: EventName;
  /** When it happened: ISO 8601, UTC. */
  readonly time: string;
  readonly user: string;
  readonly channel: string;
  /** The peer, with its port. */
  readonly address: string;
  /** Bytes received of a broadcaster or sent to a watcher, at its end. */
  readonly bytes?: number;
  readonly duration_ms?: number;
  /** The code by which it ended. */
  readonly reason?: string;
  /** What the stream is, where that is known at its end. */
  readonly format?: string;
  /** How often the watcher has skipped so far. */
  readonly skips?: number;
}

/** Told of each event. It returns at once and does not throw. */
export type Tell = (event: HookEvent) => void;
