/**
 * Nodes and NATS servers that freeze, die, leave and come, under a hundred watchers a node: none of them
 * gets a torn frame, and in the end each has the newest ones.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { NATS_SERVER } from "../support/nats.ts";
import { TEST_MS } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster, startNode, type Cluster } from "./nodes.ts";
import { cast, LARGE, newCrowd, roam, type Caster, type Crowd, type Roamer } from "./verified.ts";

setDefaultTimeout(TEST_MS);

/** Watchers at each node. */
const EACH = 100;

/** Milliseconds for which a process is frozen: twice as long as it takes to be counted as lost. */
const FROZEN_MS = 4_000;

const CHANNEL = "load";

/** As long as any of it may take; whoever is late for a frame on a busy machine still gets it. */
const FLAGS = ["--linger", "1m", "--lag", "1m"];

interface Load extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly crowd: Crowd;
  /** Begins at the first node, and goes on to the next one when it must. */
  readonly roamer: Roamer;
  /** Connections that each of the nodes has closed, which are there in the beginning. */
  closed(): readonly number[];
}

/** Of a broadcaster whose frames are `torn` on their way into the cluster, where it stays there. */
async function newLoad(torn: boolean): Promise<Load> {
  const cluster = await newCluster({ flags: FLAGS });
  const crowd = newCrowd(CHANNEL);
  const ports = cluster.nodes.map(({ port }) => port);
  await Promise.all(
    ports.map((port, index) =>
      crowd.add(EACH, [port, ...ports.slice(index + 1), ...ports.slice(0, index)]),
    ),
  );
  const roamer = roam(ports, CHANNEL, { torn });
  await crowd.seeing();
  return {
    cluster,
    crowd,
    roamer,
    closed: () => ports.map((port) => crowd.closed(port)),
    async [Symbol.asyncDispose]() {
      roamer[Symbol.dispose]();
      crowd[Symbol.dispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

/** Freezes the node of that index, for so long that the others take it for lost. */
async function freeze({ cluster }: Load, index: number): Promise<void> {
  const frozen = cluster.node(index);
  const others = cluster.nodes.filter((node) => node !== frozen);
  frozen.kill("SIGSTOP");
  const thawed = Bun.sleep(FROZEN_MS);
  await Promise.all(
    others.map((node) => node.said.line(new RegExp(`cluster: node ${frozen.name} is lost`))),
  );
  await thawed;
  frozen.kill("SIGCONT");
  await Promise.all(others.map((node) => node.knows(frozen.name, 2)));
}

describeWith(NATS_SERVER, "under three hundred watchers", () => {
  test("a node that is killed with the broadcaster on it: both go on elsewhere", async () => {
    await using load = await newLoad(false);
    const { cluster, crowd, roamer } = load;
    cluster.node(0).kill("SIGKILL");
    await Promise.all([1, 2].map((index) => cluster.node(index).said.line(/node n1 is lost/)));
    await crowd.seeing();
    expect(roamer.times()).toBe(2);
    expect(load.closed()).toEqual([EACH, 0, 0]);
    crowd.expectWhole();
  });

  test("a node that stops in order with the broadcaster on it: both go on elsewhere", async () => {
    await using load = await newLoad(true);
    const { cluster, crowd, roamer } = load;
    cluster.node(0).kill("SIGTERM");
    await Promise.all([1, 2].map((index) => cluster.node(index).said.line(/node n1 has left/)));
    expect(await cluster.node(0).exited()).toBe(0);
    await crowd.seeing();
    expect(roamer.times()).toBe(2);
    expect(load.closed()).toEqual([EACH, 0, 0]);
    crowd.expectWhole();
  });

  test("NATS servers that are killed one after the other: nobody is closed", async () => {
    await using load = await newLoad(true);
    const { cluster, crowd, roamer } = load;
    for (const server of cluster.nats.servers) {
      await server.stop();
      await crowd.seeing();
      await server.start();
      await cluster.nats.joined();
    }
    await crowd.seeing();
    expect(roamer.times()).toBe(1);
    expect(load.closed()).toEqual([0, 0, 0]);
    crowd.expectWhole();
  });

  test("a node that freezes and follows: its watchers go on when it does", async () => {
    await using load = await newLoad(true);
    const { crowd, roamer } = load;
    await freeze(load, 1);
    await crowd.seeing(roamer.caster()?.broadcast);
    expect(roamer.times()).toBe(1);
    expect(load.closed()).toEqual([0, 0, 0]);
    crowd.expectWhole();
  });

  test("a node that freezes with the broadcaster on it: all go on when it does", async () => {
    await using load = await newLoad(true);
    const { crowd, roamer } = load;
    await freeze(load, 0);
    await crowd.seeing(roamer.caster()?.broadcast);
    expect(roamer.times()).toBe(1);
    expect(load.closed()).toEqual([0, 0, 0]);
    crowd.expectWhole();
  });

  test("a node that joins has watchers, and the others lose nothing", async () => {
    await using load = await newLoad(true);
    const { cluster, crowd } = load;
    const joining = await startNode(cluster.stage, "n4", {
      cluster: cluster.nats.urls,
      flags: FLAGS,
    });
    await Promise.all(cluster.nodes.map((node) => node.knows("n4")));
    await crowd.add(EACH, [joining.port]);
    await crowd.seeing();
    expect([...load.closed(), crowd.closed(joining.port)]).toEqual([0, 0, 0, 0]);
    crowd.expectWhole();
    expect(crowd.faults.lost).toBe(0);
  });

  test("a node that is killed and comes back under its name has watchers again", async () => {
    await using load = await newLoad(true);
    const { cluster, crowd } = load;
    const { port } = cluster.node(2);
    cluster.node(2).kill("SIGKILL");
    await cluster.node(2).exited();
    const again = await startNode(cluster.stage, "n3", {
      cluster: cluster.nats.urls,
      port,
      flags: FLAGS,
    });
    await Promise.all([again.knows("n1"), again.knows("n2"), cluster.node(0).knows("n3", 2)]);
    await crowd.add(EACH, [port]);
    await crowd.seeing();
    // Its watchers have gone to the next node.
    expect(load.closed()).toEqual([0, 0, EACH]);
    crowd.expectWhole();
  });

  test("broadcasters that take over at one node after another: nobody is closed", async () => {
    await using load = await newLoad(false);
    const { cluster, crowd, roamer } = load;
    // It would come back, and take over itself.
    await roamer.stop();
    let last: Caster | undefined;
    for (const index of [1, 2, 0, 1]) {
      const next = await cast(cluster.node(index).port, CHANNEL);
      expect(await next.admitted).toBe("ok");
      await crowd.seeing(next.broadcast);
      await last?.over;
      last = next;
    }
    expect(load.closed()).toEqual([0, 0, 0]);
    crowd.expectWhole();
    last?.[Symbol.dispose]();
  });
});

describeWith(NATS_SERVER, "a watcher that freezes at a node that follows", () => {
  test("goes on with whole frames, and the others have noticed nothing", async () => {
    await using cluster = await newCluster({ flags: ["--linger", "1m", "--lag", "1s"] });
    using near = newCrowd("large", LARGE);
    using far = newCrowd("large", LARGE);
    using frozen = newCrowd("large", LARGE);
    await near.add(2, [cluster.node(0).port]);
    await far.add(2, [cluster.node(1).port]);
    await frozen.add(2, [cluster.node(1).port]);
    using caster = await cast(cluster.node(0).port, "large", { studio: LARGE });
    await Promise.all([near, far, frozen].map((crowd) => crowd.seeing(caster.broadcast)));
    frozen.freeze(true);
    await Bun.sleep(FROZEN_MS);
    await Promise.all([near, far].map((crowd) => crowd.seeing(caster.broadcast)));
    frozen.freeze(false);
    await frozen.seeing(caster.broadcast);
    frozen.expectWhole();
    expect(frozen.faults.lost).toBeGreaterThan(0);
    for (const crowd of [near, far]) {
      crowd.expectWhole();
      expect(crowd.faults.lost).toBe(0);
    }
    const closed = [near, far, frozen].map((crowd) =>
      cluster.nodes.map(({ port }) => crowd.closed(port)),
    );
    expect(closed.flat()).toEqual(closed.flat().map(() => 0));
  });
});
