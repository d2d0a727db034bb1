/** What of the settings is each thread's own business, and what is decided for all of them. */
import type { Settings } from "../server/settings.ts";

/** Connections of a thread are counted from its number times this. */
export const CONNECTIONS_EACH = 1e12;

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
