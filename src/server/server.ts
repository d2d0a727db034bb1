/**
 * A running server: built from its settings, and taken down again without losing what was promised.
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Clock } from "../core/clock.ts";
import { CONNECTIONS_FALLBACK, DESCRIPTORS_RESERVED } from "../core/limits.ts";
import type { ClusterFigures } from "../cluster/figures.ts";
import { newDirectory, type Directory, type Ears as HubEars } from "../hub/directory.ts";
import type { Bounds, Page, WatcherStatus } from "../protocol/status.ts";
import type { Address } from "../protocol/address.ts";
import { cut } from "./connection.ts";
import type { Connection, Shared } from "./model.ts";
import type { Refusal } from "../core/errors.ts";
import { newCensus, type Census } from "./census.ts";
import { newAdmission, type AdmissionCounters } from "./admission.ts";
import {
  listenProblem,
  listenTcp,
  socketHandlers,
  type Listener,
  type TcpListener,
} from "./listener.ts";
import { newFaults, type Faults } from "./faults.ts";
import { newLobby } from "./lobby.ts";
import { claiming, joinCluster, nameByPort } from "./clustering.ts";
import type { Log } from "./log.ts";
import type { Applier } from "./reload.ts";
import type { Settings } from "./settings.ts";
import { newSocketSink } from "./socket-sink.ts";
import { prepareTls, type Tls } from "./tls.ts";
import { listenUnix } from "./unix-listener.ts";
import { newNotifier, newWitness, type Closes } from "./witness.ts";
import type { Tell } from "../hooks/event.ts";
import { withHooks } from "./hook-witness.ts";
import { recordSettings, startRecorder } from "./recording.ts";
import type { RecordCounters, Recorder } from "../record/recorder.ts";
import type { ClusterNode } from "../cluster/node.ts";

export interface ServerOptions {
  readonly settings: Settings;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults?: Faults;
  /** Told what becomes of broadcasters and watchers; see src/hooks. */
  readonly tell?: Tell | undefined;
  /** Where it is one thread of several: how it hears of the others, and they of it. */
  readonly thread?: ThreadOptions | undefined;
  /** Whether to listen beside another server, which has the addresses now and is about to stop. */
  readonly beside?: boolean;
}

export interface ThreadOptions {
  readonly ears: Partial<HubEars>;
  /** What its connections are counted from: no other thread's have the same numbers. */
  readonly firstConnection: number;
  /** Counts the connections of all threads. */
  readonly census: Census;
  /** A connection has ended. */
  readonly gone: (connection: number) => void;
}

export interface Elsewhere {
  /** How many threads serve. */
  readonly workers: number;
  /** Brings all numbers up to date. */
  refresh(): Promise<void>;
  /** A page of the watchers that a query of the API asks for. */
  watchers(query: string, bounds: Bounds): Promise<Page<WatcherStatus>>;
  kick(connection: number, why: Refusal): Promise<boolean>;
}

export interface Server {
  /** Where it listens, with the ports that it really got. */
  readonly addresses: readonly Address[];
  readonly directory: Directory;
  readonly closes: Closes;
  /** How often the door has refused, by reason; what the hub has is in its own counters. */
  readonly refused: AdmissionCounters;
  /** What recording has done; undefined where nothing is recorded. */
  readonly recorded: RecordCounters | undefined;
  /** Those that are open. */
  readonly connections: { readonly size: number };
  /** Those of them that this thread has. */
  readonly local: Iterable<Connection>;
  /** What is known of the cluster; undefined where it is no node of one. */
  readonly cluster?: ClusterFigures | undefined;
  /** What other threads have; undefined where there are none. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Closes the connection of a watcher; false where none that watches has this number. */
  kick(id: number, why: Refusal): boolean;
  /** Takes over those settings that are live. */
  readonly apply: Applier;
  /** Reads the TLS certificate anew, where there is one. A broken one is not used, and the log says so. */
  reloadCertificates(): Promise<void>;
  /** Takes no further connection. */
  shut(): void;
  /**
   * Takes no further connection, ends every broadcast where a frame ends, and resolves when all
   * watchers have been sent the rest or the drain time is over.
   */
  stop(): Promise<void>;
}

/** Starts a server. Throws an error with a one-line message when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { beside = false, clock, log, faults = newFaults(log) } = options;
  // One object for all who read live settings, changed in place: reading one costs no more so.
  const settings: Settings = { ...options.settings };
  const closes: Closes = new Map();
  const { cluster, directory, recorder } = await openHub(options, settings, faults);
  let most = mostConnections(settings["max-connections"], log);
  const census = options.thread?.census ?? newCensus();
  const admission = newAdmission({ census, clock, log, settings, most: () => most, cut });
  let lastConnection = options.thread?.firstConnection ?? 0;

  const shared: Shared = {
    clock,
    nextId: () => ++lastConnection,
    directory,
    admission,
    authenticator: claiming(options.authenticator, cluster),
    settings,
    sink: newSocketSink(),
    transport: { kind: "plain", otherPort: () => portOf(listeners, "tls") },
    witness: withHooks(clock, newWitness(clock, log, closes), options.tell),
    failed: (error) => faults.note(error),
  };
  const { gone } = options.thread ?? {};
  const lobby = newLobby({ admission, census, clock, gone });
  const { connections, door } = lobby;
  const otherPort = (): number | undefined => portOf(listeners, "tcp");
  const tls = await prepareTls({ settings, clock, log, shared, door, otherPort });
  const handlers = socketHandlers(shared, door);
  const listeners = await listenEverywhere({ settings, handlers, tls, log, beside });
  let isOpen = true;
  const shut = (): void => {
    if (isOpen) {
      isOpen = false;
      tls?.stop();
      listeners.forEach((listener) => listener.stop());
    }
  };

  cluster?.start(settings.node ?? nameByPort(portOf(listeners, "tcp")));

  return {
    addresses: listeners.map((listener) => listener.address),
    directory,
    closes,
    refused: admission.refused,
    recorded: recorder?.counters,
    cluster: cluster?.figures,
    connections,
    local: connections,
    kick: lobby.kick,
    apply(next) {
      const wanted = next["max-connections"];
      most = wanted === settings["max-connections"] ? most : mostConnections(wanted, log);
      Object.assign(settings, next);
      recorder?.apply(recordSettings(settings));
    },
    reloadCertificates: async () => tls?.reload(),
    shut,
    async stop() {
      shut();
      await cluster?.retire();
      directory.close();
      lobby.clear("the server is shutting down", ({ request }) => request === null);
      await lobby.emptied(settings.drain);
      lobby.clear("the drain time is over", () => true);
      await recorder?.stop(settings.drain);
      await cluster?.stop();
    },
  };
}

interface Hub {
  readonly directory: Directory;
  readonly recorder: Recorder | undefined;
  readonly cluster: ClusterNode | undefined;
}

/** The channels, and those who hear what becomes of them. */
async function openHub(
  { clock, log, thread }: ServerOptions,
  settings: Settings,
  faults: Faults,
): Promise<Hub> {
  const failed = (error: unknown): void => faults.note(error);
  const recorder = await startRecorder(clock, settings, log);
  const cluster = await joinCluster({ clock, settings, log, failed, directory: () => directory });
  const ears = allEars([
    { noticed: newNotifier(log, faults), ...(recorder && { began: recorder.began }) },
    thread?.ears ?? {},
    cluster?.ears ?? {},
  ]);
  const directory: Directory = newDirectory(clock, settings, ears);
  return { directory, recorder, cluster };
}

/** One who hears all that each of `all` is to hear. */
function allEars(all: readonly Partial<HubEars>[]): HubEars {
  return {
    began: (channel, broadcast) => all.forEach((each) => each.began?.(channel, broadcast)),
    ended: (channel, broadcast) => all.forEach((each) => each.ended?.(channel, broadcast)),
    noticed: (channel, notice) => all.forEach((each) => each.noticed?.(channel, notice)),
    silenced: (channel, broadcast) => all.forEach((each) => each.silenced?.(channel, broadcast)),
  };
}

/** What listening takes. */
interface Ears {
  readonly settings: Settings;
  readonly handlers: ReturnType<typeof socketHandlers>;
  readonly tls: Tls | undefined;
  readonly log: Log;
  readonly beside: boolean;
}

/** Listens on every host, with TLS too where there is a certificate, and on the unix socket. */
async function listenEverywhere({
  settings,
  handlers,
  tls,
  log,
  beside,
}: Ears): Promise<Listener[]> {
  const listeners: Listener[] = [];
  const { host: hosts, unix: path } = settings;
  try {
    const plain = (host: string, port: number): Promise<TcpListener> =>
      listenTcp(host, port, handlers, beside);
    await listenOnHosts({ hosts, port: settings.port, kind: "tcp", listen: plain }, listeners, log);
    if (tls !== undefined) {
      const listen = (host: string, port: number): Promise<TcpListener> =>
        tls.listen(host, port, beside);
      await listenOnHosts(
        { hosts, port: settings["tls-port"], kind: "tls", listen },
        listeners,
        log,
      );
    }
    if (path !== undefined) {
      listeners.push(await listenUnix(path, handlers, beside).catch(explainUnix(path)));
    }
  } catch (error) {
    tls?.stop();
    listeners.forEach((listener) => listener.stop());
    throw error;
  }
  return listeners;
}

function explainUnix(path: string): (error: unknown) => never {
  return (error) => {
    throw new Error(listenProblem({ kind: "unix", path }, error), { cause: error });
  };
}

interface Hosts {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly kind: "tcp" | "tls";
  readonly listen: (host: string, port: number) => Promise<TcpListener>;
}

/** Adds a listener a host to `listeners`. All share the port that the first one gets. */
async function listenOnHosts(
  { hosts, kind, listen, ...first }: Hosts,
  listeners: Listener[],
  log: Log,
): Promise<void> {
  let { port } = first;
  for (const [index, host] of hosts.entries()) {
    try {
      const listener = await listen(host, port);
      port = listener.address.port;
      listeners.push(listener);
    } catch (error) {
      const problem = listenProblem({ kind, host, port }, error);
      if (host !== "::" || index === 0 || isTaken(error)) {
        throw new Error(problem, { cause: error });
      }
      log.warn(`${problem}; going on without IPv6`, "no ipv6");
    }
  }
}

function portOf(listeners: readonly Listener[], kind: "tcp" | "tls"): number | undefined {
  const address = listeners.map((listener) => listener.address).find((at) => at.kind === kind);
  return address === undefined || address.kind === "unix" ? undefined : address.port;
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
