/**
 * A running server: built from its settings, and taken down again without losing what was promised.
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Clock } from "../core/clock.ts";
import { CONNECTIONS_FALLBACK, DESCRIPTORS_RESERVED } from "../core/limits.ts";
import { newDirectory, type Directory } from "../hub/directory.ts";
import type { Address } from "../protocol/address.ts";
import { cut, type Connection, type Shared } from "./connection.ts";
import { refusal } from "../core/errors.ts";
import { newAdmission, type AdmissionCounters } from "./admission.ts";
import { listenProblem, listenTcp, listenUnix, socketHandlers, type Listener } from "./listener.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";
import { newSocketSink } from "./socket-sink.ts";
import { newNotifier, newWitness, type Closes } from "./witness.ts";

export interface ServerOptions {
  readonly settings: Settings;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Server {
  /** Where it listens, with the ports that it really got. */
  readonly addresses: readonly Address[];
  readonly directory: Directory;
  readonly closes: Closes;
  /** How often the door has refused, by reason; what the hub has is in its own counters. */
  readonly refused: AdmissionCounters;
  /** How many connections are open. */
  connections(): number;
  /**
   * Takes no further connection, ends every broadcast, and resolves when all watchers have been
   * sent the rest or the drain time is over.
   */
  stop(): Promise<void>;
}

/** Starts a server. Throws an error with a one-line message when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { settings, clock, log } = options;
  const connections = new Set<Connection>();
  const closes: Closes = new Map();
  const directory = newDirectory(clock, settings, newNotifier(log));
  const most = mostConnections(settings["max-connections"], log);
  const admission = newAdmission({ clock, log, settings, most: () => most, cut });
  let emptied: (() => void) | null = null;

  const shared: Shared = {
    clock,
    directory,
    admission,
    authenticator: options.authenticator,
    handshakeTimeout: settings["handshake-timeout"],
    sink: newSocketSink(),
    witness: newWitness(clock, log, closes),
  };
  const handlers = socketHandlers(shared, {
    opened(connection) {
      connections.add(connection);
      admission.opened(connection);
    },
    closed(connection) {
      connections.delete(connection);
      admission.closed(connection);
      if (connections.size === 0) {
        emptied?.();
      }
    },
    full: (address) => admission.isFull(address, connections.size),
    failed: (error) =>
      log.event("error", "internal error", `internal error: ${error.stack ?? error}`),
  });
  const listeners = await listenEverywhere(settings, handlers, log);

  return {
    addresses: listeners.map((listener) => listener.address),
    directory,
    closes,
    refused: admission.refused,
    connections: () => connections.size,
    async stop() {
      listeners.forEach((listener) => listener.stop());
      directory.close();
      cutAll(
        connections,
        "the server is shutting down",
        (connection) => connection.request === null,
      );
      if (connections.size > 0) {
        await new Promise<void>((resolve) => {
          emptied = resolve;
          clock.after(settings.drain, resolve);
        });
      }
      cutAll(connections, "the drain time is over", () => true);
    },
  };
}

function cutAll(
  connections: Iterable<Connection>,
  message: string,
  which: (connection: Connection) => boolean,
): void {
  for (const connection of connections) {
    if (which(connection)) {
      cut(connection, refusal("shutting-down", message));
    }
  }
}

/**
 * Listens on every host and on the unix socket. All hosts share the port that the first one got.
 */
async function listenEverywhere(
  settings: Settings,
  handlers: ReturnType<typeof socketHandlers>,
  log: Log,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  let { port } = settings;
  for (const host of settings.host) {
    try {
      const listener = listenTcp(host, port, handlers);
      port = listener.address.port;
      listeners.push(listener);
    } catch (error) {
      const problem = listenProblem({ kind: "tcp", host, port }, error);
      if (host !== "::" || listeners.length === 0 || isTaken(error)) {
        listeners.forEach((listener) => listener.stop());
        throw new Error(problem, { cause: error });
      }
      log.warn(`${problem}; going on without IPv6`);
    }
  }
  const path = settings.unix;
  if (path !== undefined) {
    try {
      listeners.push(await listenUnix(path, handlers));
    } catch (error) {
      listeners.forEach((listener) => listener.stop());
      throw new Error(listenProblem({ kind: "unix", path }, error), { cause: error });
    }
  }
  return listeners;
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/**
 * How many connections may be open at once. Bun raises the soft limit on descriptors to the hard
 * one, and spins without an event when accepting meets it: so the cap stays safely below.
 */
function mostConnections(wanted: number, log: Log): number {
  const descriptors = descriptorLimit();
  const fit =
    descriptors === undefined
      ? CONNECTIONS_FALLBACK
      : Math.max(descriptors - DESCRIPTORS_RESERVED, 1);
  if (wanted > fit) {
    log.warn(
      `max-connections is ${wanted}, but the limit on open files carries no more than ${fit}`,
    );
  }
  return wanted === 0 ? fit : Math.min(wanted, fit);
}

function descriptorLimit(): number | undefined {
  const report = JSON.stringify(process.report?.getReport() ?? {});
  const soft = /"open_files":\{"soft":(\d+)/.exec(report)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
