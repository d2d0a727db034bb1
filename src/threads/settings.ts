/** What of the settings is each thread's own business, and what is decided for all of them. */
import type { Settings } from "../server/settings.ts";
import type { Start } from "./messages.ts";

/** Connections of a thread are counted from its number times this. */
const CONNECTIONS_EACH = 1e13;

/** Those of the thread that takes a crashed one's place from so many on: no number comes twice. */
const CONNECTIONS_ONCE = 1e9;

export function firstConnection({ begun, self }: Pick<Start, "begun" | "self">): number {
  return self * CONNECTIONS_EACH + begun * CONNECTIONS_ONCE;
}

/** The thread that has a connection. */
export function threadOf(connection: number): number {
  return Math.floor(connection / CONNECTIONS_EACH);
}

/** A worker does not count what the main thread counts for all: see registry.ts. */
export function workerSettings(settings: Settings): Settings {
  return {
    ...settings,
    takeover: "replace",
    "max-watchers": 0,
    "max-channels-per-user": 0,
    record: undefined,
  };
}
