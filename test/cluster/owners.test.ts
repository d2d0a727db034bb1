/**
 * A channel has one broadcaster in all of the cluster, whoever comes where and when.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { NATS_SERVER } from "../support/nats.ts";
import { TEST_MS } from "../support/program.ts";
import { eventually } from "../support/server.ts";
import { admitted, connect, payload, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster, type Cluster } from "./nodes.ts";
import { cast, newCrowd, type Caster, type Crowd } from "./verified.ts";

setDefaultTimeout(TEST_MS);

const BUSY = /^error,code=busy,/;

/** Watchers at each node. */
const EACH = 5;

const ROUNDS = 10;

async function crowdAt(cluster: Cluster, channel: string, each: number): Promise<Crowd> {
  const crowd = newCrowd(channel);
  await Promise.all(cluster.nodes.map(({ port }) => crowd.add(each, [port])));
  await cluster.watched(each * cluster.nodes.length, channel);
  return crowd;
}

/** Expects that no watcher was closed, and that what they got is whole. */
function expectKept(cluster: Cluster, crowd: Crowd): void {
  expect(cluster.nodes.map(({ port }) => crowd.closed(port))).toEqual(cluster.nodes.map(() => 0));
  crowd.expectWhole();
}

/** Broadcasters that come at once, one at each of the first `count` nodes: returns the one that stays. */
async function race(cluster: Cluster, channel: string, count: number): Promise<Caster> {
  const ports = cluster.nodes.slice(0, count).map(({ port }) => port);
  const casters = await Promise.all(ports.map((port) => cast(port, channel)));
  const left = new Set(casters);
  const endings: (readonly string[])[] = [];
  casters.forEach((caster) => {
    void caster.over.then((replies) => {
      left.delete(caster);
      endings.push(replies);
    });
  });
  await eventually(
    () => left.size === 1,
    () => `one of ${count} broadcasters of ${channel} to be left; there are ${left.size}`,
  );
  const [winner] = left;
  if (winner === undefined) {
    throw new Error("no broadcaster is left");
  }
  expect(endings.map((replies) => replies.at(-1))).toEqual(
    endings.map(() => expect.stringMatching(BUSY)),
  );
  expect(await winner.admitted).toBe("ok");
  return winner;
}

describeWith(NATS_SERVER, "with takeover=replace", () => {
  test("who comes at another node takes the channel over, and its watchers go along", async () => {
    await using cluster = await newCluster({ flags: ["--linger", "1m"] });
    using crowd = await crowdAt(cluster, "over", EACH);
    let last: Caster | undefined;
    for (const index of [0, 1, 2, 0, 2, 2]) {
      const next = await cast(cluster.node(index).port, "over");
      expect(await next.admitted).toBe("ok");
      await crowd.seeing(next.broadcast);
      expect((await last?.over)?.at(-1) ?? "error,code=busy,").toMatch(BUSY);
      last = next;
    }
    expectKept(cluster, crowd);
    last?.[Symbol.dispose]();
  });

  test("of those who come at once, one stays, and all watchers see it", async () => {
    await using cluster = await newCluster({ flags: ["--linger", "1m"] });
    for (let round = 0; round < ROUNDS; round++) {
      const channel = `race ${round}`;
      using crowd = await crowdAt(cluster, channel, 1);
      using winner = await race(cluster, channel, 2 + (round % 2));
      await crowd.seeing(winner.broadcast);
      expectKept(cluster, crowd);
    }
  });
});

describeWith(NATS_SERVER, "with takeover=refuse", () => {
  const flags = ["--linger", "1m", "--takeover", "refuse"];

  test("who comes at another node is told that the channel is busy, until it is free", async () => {
    await using cluster = await newCluster({ flags });
    using crowd = await crowdAt(cluster, "kept", EACH);
    const first = await cast(cluster.node(0).port, "kept");
    expect(await first.admitted).toBe("ok");
    await crowd.seeing(first.broadcast);
    for (const index of [1, 2, 0]) {
      using second = await cast(cluster.node(index).port, "kept");
      expect(await second.admitted).toMatch(BUSY);
      await second.over;
    }
    await crowd.seeing(first.broadcast);
    await first.end();
    // It lingers: nobody broadcasts there any more.
    const deadline = await free(cluster.node(1).port, "kept");
    await crowd.seeing(deadline.broadcast);
    expectKept(cluster, crowd);
    deadline[Symbol.dispose]();
  });

  test("of those who come at once, one stays, and all watchers see it", async () => {
    await using cluster = await newCluster({ flags });
    for (let round = 0; round < ROUNDS; round++) {
      const channel = `race ${round}`;
      using crowd = await crowdAt(cluster, channel, 1);
      using winner = await race(cluster, channel, 2 + (round % 2));
      await crowd.seeing(winner.broadcast);
      expectKept(cluster, crowd);
    }
  });
});

/** A broadcaster that asks until the channel has none any more. */
async function free(port: number, channel: string): Promise<Caster> {
  for (;;) {
    const caster = await cast(port, channel);
    if ((await caster.admitted) === "ok") {
      return caster;
    }
    await caster.over;
  }
}

describeWith(NATS_SERVER, "a channel", () => {
  test("that is ended by the API of another node is ended at its own, and everywhere", async () => {
    await using cluster = await newCluster({ flags: ["--linger", "1m"] });
    for (const [index, { admin, name }] of cluster.nodes.entries()) {
      const watchers: Client[] = await Promise.all(
        cluster.nodes.map((node) => connect(node, `watch,user=open,channel=by ${name}`)),
      );
      await cluster.watched(3, `by ${name}`);
      const request = `broadcast,user=open,channel=by ${name},reply=1`;
      using broadcaster = await admitted(cluster.node((index + 1) % 3), request);
      const bytes = payload(10_000);
      await broadcaster.send(bytes);
      await Promise.all(watchers.map((watcher) => watcher.until(bytes.length)));
      const url = new URL(`/api/channels/open/${encodeURIComponent(`by ${name}`)}`, admin);
      const answer = await fetch(url, { method: "DELETE", headers: { "x-fstream": "1" } });
      expect(answer.ok).toBe(true);
      await broadcaster.ended();
      expect(await Promise.all(watchers.map((watcher) => watcher.ended()))).toEqual([
        "end",
        "end",
        "end",
      ]);
    }
  });

  test("whose broadcaster leaves ends cleanly at every node, after the time of linger", async () => {
    await using cluster = await newCluster({ flags: ["--linger", "2s"] });
    const name = "user=open,channel=leaves";
    const watchers = await Promise.all(cluster.nodes.map((node) => connect(node, `watch,${name}`)));
    await cluster.watched(3, "leaves");
    using broadcaster = await admitted(cluster.node(0), `broadcast,${name},reply=1`);
    const bytes = payload(1_000_000);
    await broadcaster.send(bytes);
    await Promise.all(watchers.map((watcher) => watcher.until(bytes.length)));
    const left = performance.now();
    broadcaster.end();
    expect(await Promise.all(watchers.map((watcher) => watcher.ended()))).toEqual([
      "end",
      "end",
      "end",
    ]);
    expect(performance.now() - left).toBeGreaterThan(1_500);
    expect(watchers.map((watcher) => watcher.received())).toEqual(watchers.map(() => 1_000_000));
  });
});
