/**
 * A channel's bytes go where somebody watches it, once a node, and nowhere else. Each node is the only
 * client of a NATS server of its own, which counts what it sends.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { NATS_SERVER } from "../support/nats.ts";
import { TEST_MS, within } from "../support/program.ts";
import { admitted, connect, payload, sha256, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster, type Cluster } from "./nodes.ts";

setDefaultTimeout(TEST_MS);

const MB = 1_000_000;

/** Bytes that nodes may say to each other while a test lasts, and what goes around one of a stream. */
const TALK_BYTES: number = MB / 4;

/** A watched stream in NATS' messages is longer by less than this part of it. */
const OVERHEAD = 1.1;

const RECEIVED = "fstream_cluster_received_bytes_total";

/** Bytes that have come to the node of that index, by its own count and by that of its NATS server. */
async function arrived(cluster: Cluster, index: number): Promise<readonly [number, number]> {
  const { out_bytes: bytes } = await cluster.nats.server(index).varz();
  return [await cluster.node(index).metric(RECEIVED), bytes];
}

/** What has come to that node while `work` was done. */
async function meanwhile(
  cluster: Cluster,
  index: number,
  work: () => Promise<void>,
): Promise<{ readonly own: number; readonly nats: number }> {
  const [own, nats] = await arrived(cluster, index);
  await work();
  const [ownAfter, natsAfter] = await arrived(cluster, index);
  return { own: ownAfter - own, nats: natsAfter - nats };
}

/** Sends `count` random bytes, and waits until each of the watchers has so many more. */
async function send(
  broadcaster: Client,
  watchers: readonly Client[],
  count: number,
): Promise<Uint8Array> {
  const goals = watchers.map((watcher) => watcher.received() + count);
  const bytes = payload(count);
  await broadcaster.send(bytes);
  await Promise.all(watchers.map((watcher, index) => watcher.until(goals[index] ?? 0)));
  return bytes;
}

describeWith(NATS_SERVER, "the bytes of a channel", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await newCluster({ apart: true, flags: ["--linger", "0"] });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test("go to a node while it has watchers of it, and then no more", async () => {
    const name = "user=open,channel=interest,reply=1";
    using broadcaster = await admitted(cluster.node(0), `broadcast,${name}`);
    using near = await admitted(cluster.node(0), `watch,${name}`);
    using far = await admitted(cluster.node(1), `watch,${name}`);
    await send(broadcaster, [near], MB / 10);
    await far.until(1);
    const watchers = [near, far];

    const before = await meanwhile(cluster, 2, async () => {
      await send(broadcaster, watchers, 4 * MB);
    });
    expect(before.own).toBeLessThan(TALK_BYTES);
    expect(before.nats).toBeLessThan(TALK_BYTES);

    const crowd = await Promise.all(
      Array.from({ length: 10 }, () => admitted(cluster.node(2), `watch,${name}`)),
    );
    // Whoever has one byte more has come to where the stream is.
    const begun = Promise.all(crowd.map((client) => client.until(1)));
    while (Bun.peek.status(begun) === "pending") {
      await send(broadcaster, watchers, 1_000);
    }
    await begun;
    const during = await meanwhile(cluster, 2, async () => {
      await send(broadcaster, [...watchers, ...crowd], 4 * MB);
    });
    expect(during.own).toBeGreaterThanOrEqual(4 * MB);
    expect(during.own).toBeLessThan(4 * MB * OVERHEAD + TALK_BYTES);
    expect(during.nats).toBeGreaterThanOrEqual(4 * MB);
    expect(during.nats).toBeLessThan(4 * MB * OVERHEAD + TALK_BYTES);

    crowd.forEach((client) => client.destroy());
    const { admin } = cluster.node(0);
    const isFollowed = async (): Promise<boolean> => {
      const answer = await fetch(new URL("/api/channels/open/interest", admin));
      return (await answer.text()).includes(`"node":"${cluster.node(2).name}"`);
    };
    expect(await isFollowed()).toBe(true);
    const stops = async (): Promise<void> => {
      while (await isFollowed()) {
        await send(broadcaster, watchers, 1_000);
      }
    };
    await within(stops(), () => "the bytes go on to a node that has no watcher any more");
    // What was on its way has come by the time that this has.
    await send(broadcaster, watchers, MB / 10);
    const after = await meanwhile(cluster, 2, async () => {
      await send(broadcaster, watchers, 4 * MB);
    });
    expect(after.own).toBeLessThan(TALK_BYTES);
    expect(after.nats).toBeLessThan(TALK_BYTES);
  });

  test("do not go to a node that watches another channel of the same broadcaster", async () => {
    const [one, two] = ["user=open,channel=one,reply=1", "user=open,channel=two,reply=1"];
    using first = await admitted(cluster.node(0), `broadcast,${one}`);
    using second = await admitted(cluster.node(0), `broadcast,${two}`);
    using watcher = await connect(cluster.node(1), `watch,${one}`);
    using other = await connect(cluster.node(2), `watch,${two}`);
    await cluster.watched(1, "one");
    await cluster.watched(1, "two");
    const seen = await meanwhile(cluster, 2, async () => {
      const [bytes, few] = [
        await send(first, [watcher], 4 * MB),
        await send(second, [other], MB / 10),
      ];
      expect([watcher.digest(), other.digest()]).toEqual([sha256(bytes), sha256(few)]);
    });
    expect(seen.nats).toBeLessThan(MB / 10 + TALK_BYTES);
  });
});
