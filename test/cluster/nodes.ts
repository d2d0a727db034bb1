/**
 * Nodes of a cluster: relays as processes of their own, that know each other through NATS.
 */
import { startNats, type Nats, type NatsOptions } from "../support/nats.ts";
import { newStage, within, type Relay, type RelayOptions, type Stage } from "../support/program.ts";

/** Who may broadcast at every node; fier has a password. */
export const USERS: Readonly<Record<string, string | null>> = {
  open: null,
  fier: "for-fier-alone",
};

export interface Node extends Relay {
  readonly name: string;
  /** Where its pages, its API and its metrics are. */
  readonly admin: string;
  /** The sum of a metric over all its labels; 0 where there is none yet. */
  metric(name: string): Promise<number>;
  /** Resolves when it has said that the other node has come, for the `nth` time. */
  knows(other: string, nth?: number): Promise<void>;
  /** How many watchers it has, of one channel or of all, with those that wait. */
  watchers(channel?: string): Promise<number>;
}

export interface NodeOptions extends RelayOptions {
  /** What `--cluster` gets. */
  readonly cluster: string;
}

/** Starts one node, which may or may not reach NATS. */
export async function startNode(
  stage: Stage,
  name: string,
  { cluster, flags = [], ...rest }: NodeOptions,
): Promise<Node> {
  const own = ["--workers", "1", "--cluster", cluster, "--node", name];
  const relay = await stage.serve({ users: USERS, ...rest, flags: [...own, ...flags] });
  const admin = /http:\S+/.exec(await relay.said.line(/pages at /))?.[0] ?? "";
  return {
    ...relay,
    name,
    admin,
    async metric(wanted) {
      const response = await fetch(new URL("/metrics", admin));
      const lines = (await response.text()).split("\n");
      const found = lines.filter((line) => line.split(/[ {]/)[0] === wanted);
      return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
    async knows(other, nth = 1) {
      await relay.said.line(new RegExp(`cluster: node ${other} has come`), nth);
    },
    async watchers(channel) {
      const filter = channel === undefined ? "" : `&channel=${encodeURIComponent(channel)}`;
      const response = await fetch(new URL(`/api/watchers?limit=1${filter}`, admin));
      return Number(Reflect.get(Object(await response.json()), "total"));
    },
  };
}

/** Starts nodes with the names n1, n2, … and waits until they know each other. */
export async function startNodes(
  stage: Stage,
  clusters: readonly string[],
  options: Partial<NodeOptions> = {},
): Promise<readonly Node[]> {
  const nodes = await Promise.all(
    clusters.map((cluster, index) => startNode(stage, `n${index + 1}`, { cluster, ...options })),
  );
  await allKnow(nodes);
  return nodes;
}

/** Resolves when each has said of each other one that it has come. */
export async function allKnow(nodes: readonly Node[]): Promise<void> {
  await Promise.all(
    nodes.flatMap((node) =>
      nodes.filter((other) => other !== node).map((other) => node.knows(other.name)),
    ),
  );
}

export interface Cluster extends AsyncDisposable {
  readonly stage: Stage;
  readonly nats: Nats;
  readonly nodes: readonly Node[];
  node(index: number): Node;
  /** Resolves when the nodes have that many watchers, of one channel or of all, with those that wait. */
  watched(count: number, channel?: string): Promise<void>;
}

export interface ClusterOptions extends Partial<NodeOptions> {
  readonly nodes?: number;
  readonly nats?: NatsOptions;
  /** Whether each node knows one NATS server alone, that of its own number. */
  readonly apart?: boolean;
}

/** Three NATS servers and three nodes, unless `options` say otherwise. */
export async function newCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes: count = 3, nats: natsOptions = {}, apart = false, ...rest } = options;
  const stage = await newStage();
  try {
    const nats = await startNats(stage, natsOptions);
    const clusters = Array.from({ length: count }, (_, index) =>
      apart ? nats.server(index % nats.servers.length).url : nats.urls,
    );
    const nodes = await startNodes(stage, clusters, rest);
    return {
      stage,
      nats,
      nodes,
      node: (index) => at(nodes, index),
      watched: (wanted, channel) => watched(nodes, wanted, channel),
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves when nodes have that many watchers together, of one channel or of all, with those that wait. */
export async function watched(
  nodes: readonly Node[],
  count: number,
  channel?: string,
): Promise<void> {
  let counts: readonly number[] = [];
  const isEnough = (): boolean => counts.reduce((sum, own) => sum + own, 0) === count;
  const look = async (): Promise<void> => {
    while (!isEnough()) {
      counts = await Promise.all(nodes.map((node) => node.watchers(channel)));
    }
  };
  await within(look(), () => `nodes have ${counts.join(" + ")} watchers in place of ${count}`);
}

/** The member of that index, which must be there. */
export function at<T>(all: readonly T[], index: number): T {
  const found = all[index];
  if (found === undefined) {
    throw new Error(`there is no ${index} among ${all.length}`);
  }
  return found;
}
