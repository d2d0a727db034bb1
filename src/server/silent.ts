/**
 * Connections that have not said what they want yet. Of these there may be so many among all threads;
 * where one more comes, the thread that it comes to closes the one that it has had for the longest
 * time.
 */
import { HANDSHAKES_MAX, HANDSHAKES_SHARE } from "../core/limits.ts";
import type { Census } from "./census.ts";
import type { Connection } from "./model.ts";

export interface Silent {
  /** A connection is open; returns the one that has to make way for it. */
  opened(connection: Connection): Connection | undefined;
  /** Its request is complete, or never will be. Harmless where it was known. */
  readonly heard: (connection: Connection) => void;
}

/** `most` says how many connections there may be in all. */
export function newSilent(census: Census, most: () => number): Silent {
  // In the order in which they came. Invariant: the census counts each of these, once.
  const connections = new Set<Connection>();
  return {
    opened(connection) {
      connections.add(connection);
      census.silent(1);
      const [longest] = connections;
      // A newcomer that is this thread's only one stays: at most one a thread too many.
      return census.allSilent() > mostSilent(most()) && longest !== connection
        ? longest
        : undefined;
    },
    heard(connection) {
      if (connections.delete(connection)) {
        census.silent(-1);
      }
    },
  };
}

/** How many of `connections` may be silent. */
function mostSilent(connections: number): number {
  return Math.min(HANDSHAKES_MAX, Math.max(Math.floor(connections * HANDSHAKES_SHARE), 1));
}
