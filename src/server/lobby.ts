/**
 * The connections that this thread has open, whatever they came for.
 */
import type { Clock } from "../core/clock.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import type { Admission } from "./admission.ts";
import type { Census } from "./census.ts";
import { cut } from "./connection.ts";
import type { Door } from "./listener.ts";
import type { Connection } from "./model.ts";

export interface Lobby {
  readonly connections: ReadonlySet<Connection>;
  readonly door: Door;
  /** Closes the connection of a watcher; false where none that watches has this number. */
  readonly kick: (id: number, why: Refusal) => boolean;
  /** Closes those that are `which`, for the server stops. */
  clear(message: string, which: (connection: Connection) => boolean): void;
  /** Resolves when none is open any more, or after `ms` milliseconds. */
  emptied(ms: number): Promise<void>;
}

export interface LobbyOptions {
  readonly clock: Clock;
  readonly admission: Admission;
  readonly census: Census;
  /** A connection has ended. */
  readonly gone: ((connection: number) => void) | undefined;
}

export function newLobby({ admission, census, clock, gone }: LobbyOptions): Lobby {
  const connections = new Set<Connection>();
  let whenEmpty: (() => void) | null = null;
  return {
    connections,
    door: {
      opened(connection) {
        connections.add(connection);
        census.opened();
        admission.opened(connection);
      },
      closed(connection) {
        connections.delete(connection);
        census.closed();
        admission.closed(connection);
        gone?.(connection.id);
        if (connections.size === 0) {
          whenEmpty?.();
        }
      },
      full: (address) => admission.isFull(address, census.all()),
    },
    kick(id, why) {
      for (const connection of connections) {
        if (connection.id === id && connection.seat !== null) {
          cut(connection, why);
          return true;
        }
      }
      return false;
    },
    clear(message, which) {
      for (const connection of connections) {
        if (which(connection)) {
          cut(connection, refusal("shutting-down", message));
        }
      }
    },
    async emptied(ms) {
      if (connections.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        whenEmpty = resolve;
        clock.after(ms, resolve);
        await promise;
      }
    },
  };
}
