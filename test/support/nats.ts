/**
 * Real NATS servers, one or a cluster of them, as child processes on the loopback:
 *
 *     ┌─ nats1 ──────────────────────────┐      routes      ┌─ nats2 … ────────┐
 *     │ clients    routes    monitoring  │◄────────────────►│                  │
 *     └──────────────────────────────────┘                  └──────────────────┘
 *
 * Ports are chosen once, so that a server that was killed comes back at its own, and below those that
 * the kernel gives to whoever connects, so that nobody takes them meanwhile.
 */
import { randomInt } from "node:crypto";
import type { Issued } from "./certificates.ts";
import { within, type Program, type Stage } from "./program.ts";

export const NATS_SERVER = "nats-server";

const LOOPBACK = "127.0.0.1";

/** Ports that Linux does not give out by itself. */
const PORTS = { from: 10_000, to: 32_000 } as const;

/** How often a cluster is planned anew where another process was faster to take a port. */
const PLANS = 5;

export interface NatsOptions {
  /** How many servers; three by default. */
  readonly servers?: number;
  /** What a client must know. */
  readonly login?: Login;
  /** The certificate that clients see; without one they speak in clear. */
  readonly tls?: Issued;
  /** Further lines of every server's configuration. */
  readonly lines?: readonly string[];
  /** What runs a server somewhere else, as `ip netns exec` does, by its index. */
  readonly prefixes?: readonly (readonly string[])[];
  /** Where the others find a server, by its index; the loopback by default, where clients find it. */
  readonly hosts?: readonly string[];
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What a server says of itself: /varz of its monitoring. */
export interface Varz {
  readonly connections: number;
  readonly routes: number;
  readonly slow_consumers: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
}

export interface NatsServer {
  readonly name: string;
  readonly port: number;
  /** nats://127.0.0.1:PORT or tls://127.0.0.1:PORT, without a login. */
  readonly url: string;
  /** All that it has said since its last start. */
  said(): Program["said"];
  kill(signal: NodeJS.Signals): void;
  /** Kills it, and waits until it is gone. */
  stop(): Promise<void>;
  /** Starts it where it is not there yet or no more, at its own ports, and waits until it listens. */
  start(): Promise<void>;
  /** Has it read a new configuration, and waits until it has. */
  reload(change: Pick<NatsOptions, "login">): Promise<void>;
  varz(): Promise<Varz>;
}

export interface Nats {
  readonly servers: readonly NatsServer[];
  /** All their URLs, with commas between them. */
  readonly urls: string;
  server(index: number): NatsServer;
  /** Resolves when each of them has a route to each other one. */
  joined(): Promise<void>;
}

interface Ports {
  readonly client: number;
  readonly route: number;
  readonly monitor: number;
}

/**
 * Starts the servers, which end with the stage. Those on the loopback are waited for until they know each
 * other.
 */
export async function startNats(stage: Stage, options: NatsOptions = {}): Promise<Nats> {
  for (let plan = 1; ; plan++) {
    const nats = planNats(stage, options);
    const started = await Promise.allSettled(nats.servers.map((server) => server.start()));
    const failed = started.find((one) => one.status === "rejected");
    if (failed === undefined) {
      await (options.hosts === undefined ? nats.joined() : undefined);
      return nats;
    }
    await Promise.all(nats.servers.map((server) => server.stop()));
    if (plan === PLANS || !String(failed.reason).includes("address already in use")) {
      throw failed.reason;
    }
  }
}

/** Servers at ports that were free, each of which is still to be started. */
export function planNats(stage: Stage, options: NatsOptions = {}): Nats {
  const ports = freePorts(options.servers ?? 3);
  const hosts = ports.map((_, index) => options.hosts?.[index] ?? LOOPBACK);
  const servers = ports.map((own, index) =>
    newServer(stage, { options, ports, hosts, own, index }),
  );
  return {
    servers,
    urls: servers.map(({ url }) => url).join(","),
    server(index) {
      const server = servers[index];
      if (server === undefined) {
        throw new Error(`there is no NATS server ${index}`);
      }
      return server;
    },
    async joined() {
      await Promise.all(servers.map((server) => hasRoutes(server, servers.length - 1)));
    },
  };
}

async function hasRoutes(server: NatsServer, count: number): Promise<void> {
  let routes = 0;
  const look = async (): Promise<void> => {
    while (routes !== count) {
      await Bun.sleep(20);
      ({ routes } = await server.varz());
    }
  };
  await within(
    look(),
    () => `${server.name} has ${routes} routes in place of ${count}: ${server.said().text()}`,
  );
}

interface Plan {
  readonly options: NatsOptions;
  readonly ports: readonly Ports[];
  readonly hosts: readonly string[];
  readonly own: Ports;
  readonly index: number;
}

function newServer(stage: Stage, plan: Plan): NatsServer {
  const { own, index } = plan;
  const name = `nats${index + 1}`;
  const prefix = plan.options.prefixes?.[index] ?? [];
  const file = `${name}-${own.client}.conf`;
  let options = plan.options;
  let process: Program | undefined;
  let reloads = 0;
  const running = (): Program => {
    if (process === undefined) {
      throw new Error(`${name} has not been started`);
    }
    return process;
  };
  const configure = (): Promise<string> =>
    stage.file(file, configuration({ ...plan, options }, name));
  return {
    name,
    port: own.client,
    url: `${options.tls === undefined ? "nats" : "tls"}://${LOOPBACK}:${own.client}`,
    said: () => running().said,
    kill: (signal) => running().kill(signal),
    async stop() {
      running().kill("SIGKILL");
      await running().exited();
    },
    async start() {
      process = stage.run([...prefix, NATS_SERVER, "-c", await configure()], { stdin: "ignore" });
      reloads = 0;
      const last = plan.ports.length > 1 ? "route" : "client";
      await process.said.line(new RegExp(`Listening for ${last} connections`));
    },
    async reload(change) {
      options = { ...options, ...change };
      await configure();
      running().kill("SIGHUP");
      reloads++;
      await running().said.line(/Reloaded server configuration/, reloads);
    },
    async varz() {
      const response = await fetch(`http://${LOOPBACK}:${own.monitor}/varz`);
      return readVarz(await response.json());
    },
  };
}

function readVarz(value: unknown): Varz {
  const number = (key: string): number => {
    const field: unknown =
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
    if (typeof field !== "number") {
      throw new Error(`NATS does not tell ${key}`);
    }
    return field;
  };
  return {
    connections: number("connections"),
    routes: number("routes"),
    slow_consumers: number("slow_consumers"),
    in_bytes: number("in_bytes"),
    out_bytes: number("out_bytes"),
  };
}

function configuration({ options, ports, hosts, own, index }: Plan, name: string): string {
  const { login, tls, lines = [] } = options;
  const host = hosts[index] ?? "";
  const routes = ports
    .map(({ route }, other) => `nats://${hosts[other]}:${route}`)
    .filter((_, other) => other !== index);
  const authorization =
    login === undefined
      ? []
      : [`authorization { user: ${quote(login.user)}, password: ${quote(login.password)} }`];
  const secure =
    tls === undefined
      ? []
      : [`tls { cert_file: ${quote(tls.cert)}, key_file: ${quote(tls.key)}, timeout: 10 }`];
  const cluster = `cluster { name: fstream, listen: "${host}:${own.route}", routes: [${routes.join(", ")}] }`;
  return [
    `server_name: ${name}`,
    `listen: "${LOOPBACK}:${own.client}"`,
    `http: "${LOOPBACK}:${own.monitor}"`,
    ...(ports.length > 1 ? [cluster] : []),
    ...authorization,
    ...secure,
    ...lines,
    "",
  ].join("\n");
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** Three ports a server, free a moment ago, no two of them the same. */
function freePorts(servers: number): readonly Ports[] {
  const listeners: Bun.TCPSocketListener[] = [];
  try {
    const next = (): number => {
      for (;;) {
        const listener = listenAt(randomInt(PORTS.from, PORTS.to));
        if (listener !== undefined) {
          listeners.push(listener);
          return listener.port;
        }
      }
    };
    return Array.from({ length: servers }, () => ({
      client: next(),
      route: next(),
      monitor: next(),
    }));
  } finally {
    listeners.forEach((listener) => listener.stop(true));
  }
}

function listenAt(port: number): Bun.TCPSocketListener | undefined {
  try {
    return Bun.listen({ hostname: LOOPBACK, port, socket: { data() {} } });
  } catch {
    return undefined;
  }
}
