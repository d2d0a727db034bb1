/**
 * Relays of this checkout as nodes of a cluster, all on this machine, with the NATS server where they
 * meet.
 */
import { spawnServer, type Spawned } from "../measure/spawn.ts";
import { fstream, newUsers, spawnRelay, targetAt } from "./fstream.ts";
import type { Peer, PeerOptions, Subject } from "./peer.ts";

const NATS = "nats-server";

/** Where Debian has it, which is not on everybody's path. */
const SBIN = "/usr/local/sbin:/usr/sbin";

/** Milliseconds between two looks whether all nodes know each other. */
const LOOK_MS = 20;

/** Milliseconds for that: they tell each other at once, and every half second. */
const MEET_MS = 15_000;

interface Node {
  readonly name: string;
  readonly relay: Spawned;
}

/** That many nodes as one peer. `path` is where NATS is looked for. */
export function clusterOf(count: number, path: string = `${Bun.env["PATH"]}:${SBIN}`): Peer {
  const program = Bun.which(NATS, { PATH: path });
  const missing =
    program === null ? `${NATS} is not installed (Debian: apt install ${NATS})` : undefined;
  return {
    ...fstream,
    name: `${count} nodes`,
    processes: count + 1,
    missing: () => missing,
    start: (options) => startCluster(count, program ?? NATS, options),
  };
}

async function startCluster(
  count: number,
  program: string,
  options: PeerOptions,
): Promise<Subject> {
  const users = newUsers();
  const nodes: Node[] = [];
  let nats: Spawned | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([...nodes.map(({ relay }) => relay.stop()), nats?.stop()]);
    users.forget();
  };
  try {
    // A port of -1 is any that is free.
    nats = await spawnServer(
      [...options.prefix, program, "-a", "127.0.0.1", "-p", "-1"],
      /Listening for client connections on \S*:(\d+)/,
    );
    for (let i = 1; i <= count; i++) {
      const name = `n${i}`;
      const own = ["--workers=1", `--cluster=nats://127.0.0.1:${nats.port}`, `--node=${name}`];
      nodes.push({ name, relay: await spawnRelay(options, users.path, own) });
    }
    await Promise.all(nodes.map((node) => met(node, count - 1)));
    const ports = nodes.map(({ relay }) => relay.port);
    return {
      target: { ...targetAt(ports[0] ?? 0), nodes: ports },
      parts: [
        ...nodes.map(({ name, relay }) => ({ name, pid: relay.pid })),
        { name: NATS, pid: nats.pid },
      ],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves when a node knows as many others. It is asked, for a log holds floods back. */
async function met({ name, relay }: Node, others: number): Promise<void> {
  const until = performance.now() + MEET_MS;
  while ((await nodesKnown(relay)) < others) {
    if (performance.now() > until) {
      throw new Error(`${name} does not know all other nodes; it said: ${relay.said().trim()}`);
    }
    await Bun.sleep(LOOK_MS);
  }
}

async function nodesKnown(relay: Spawned): Promise<number> {
  const pages = /pages at (http:\S+)/.exec(relay.said())?.[1];
  if (pages === undefined) {
    return 0;
  }
  const status: unknown = await (await fetch(new URL("/api/status", pages))).json();
  const cluster: unknown = Reflect.get(Object(status), "cluster");
  const nodes: unknown = Reflect.get(Object(cluster), "nodes");
  return Array.isArray(nodes) ? nodes.length : 0;
}
