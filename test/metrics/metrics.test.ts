/**
 * What /metrics says after traffic that is known, and what Prometheus' own tool says of that.
 */
import { expect, test } from "bun:test";
import { gate } from "../../src/auth/gate.ts";
import { refusal } from "../../src/core/errors.ts";
import { newMetrics } from "../../src/metrics/metrics.ts";
import { systemClock } from "../../src/server/clock.ts";
import { numbersOf } from "../../src/server/numbers.ts";
import {
  asNode,
  farLinks,
  madeUpCluster,
  madeUpNode,
  ownLinks,
  type MadeUpCluster,
} from "../support/cluster.ts";
import { eventually, relay } from "../support/server.ts";
import { admitted, connect, payload } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { clip } from "./clip.ts";

const FRAMES = 60;

/** A server with a gate that lets one user not in, and a way to scrape it. Eve is at another node. */
async function scraped(cluster?: MadeUpCluster) {
  const authenticator = gate(
    {
      authenticate: ({ user }) =>
        Promise.resolve(user === "mallory" ? refusal("unauthorized", "no") : null),
    },
    { clock: systemClock, onProblem: () => {} },
  );
  const fstream = await relay({}, authenticator);
  const far = [
    ["eve", "one"],
    ["eve", "two"],
  ] as const;
  const server = cluster === undefined ? fstream.server : asNode(fstream.server, cluster, far);
  const metrics = newMetrics(() => numbersOf(server, { gate: authenticator, webhook: undefined }));
  return {
    fstream,
    async scrape() {
      await fstream.refreshed();
      return metrics.render();
    },
    [Symbol.asyncDispose]: () => fstream[Symbol.asyncDispose](),
  };
}

/** The value of the series `name`, with its labels as they stand. */
function valueOf(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

test("bytes, watchers, closes and failures are counted as they were", async () => {
  await using server = await scraped();
  const { where } = server.fstream;
  using broadcaster = await admitted(where, "broadcast,user=bob,channel=a,reply=1");
  using first = await admitted(where, "watch,user=bob,channel=a,reply=1");
  using second = await admitted(where, "watch,user=bob,channel=a,reply=1");
  await broadcaster.send(payload(100_000));
  await Promise.all([first.until(100_000), second.until(100_000)]);
  using stranger = await connect(where, "watch,user=mallory,reply=1");
  expect(await stranger.reply()).toContain("unauthorized");
  stranger.end();
  first.end();
  await eventually(() => server.fstream.server.connections.size === 2, "the others to be gone");
  const text = await server.scrape();
  const of = (name: string): number => valueOf(text, `fstream_channel_${name}`);
  expect(of('received_bytes_total{user="bob",channel="a"}')).toBe(100_000);
  expect(of('sent_bytes_total{user="bob",channel="a"}')).toBe(200_000);
  expect(of('watchers{user="bob",channel="a"}')).toBe(1);
  expect(of('received_bytes_total{user="",channel="other"}')).toBe(0);
  expect(of('ring_bytes{user="bob",channel="a"}')).toBe(262_144);
  expect(valueOf(text, "fstream_sent_bytes_total")).toBe(200_000);
  expect(valueOf(text, "fstream_connections")).toBe(2);
  expect(valueOf(text, 'fstream_connections_closed_total{reason="unauthorized"}')).toBe(1);
  expect(valueOf(text, 'fstream_connections_closed_total{reason="left"}')).toBe(1);
  expect(valueOf(text, 'fstream_auth_failures_total{reason="unauthorized"}')).toBe(1);
  expect(valueOf(text, "fstream_join_wait_seconds_count")).toBe(2);
  expect(valueOf(text, 'fstream_fanout_lag_seconds_bucket{le="+Inf"}')).toBeGreaterThan(0);
  expect(valueOf(text, "process_resident_memory_bytes")).toBeGreaterThan(0);
});

test("a channel's numbers last over its broadcasters, and leave with it", async () => {
  await using server = await scraped();
  const { where } = server.fstream;
  const broadcast = async (): Promise<void> => {
    using broadcaster = await admitted(where, "broadcast,user=bob,channel=f,reply=1");
    using watcher = await admitted(where, "watch,user=bob,channel=f,reply=1,join=raw");
    await broadcaster.send(payload(50_000));
    await watcher.until(50_000);
  };
  await broadcast();
  await server.scrape();
  await broadcast();
  // A broadcaster that is still there is ended by its own thread, some time later.
  await server.fstream.connected(0);
  const bytes = "fstream_channel_received_bytes_total";
  expect(valueOf(await server.scrape(), `${bytes}{user="bob",channel="f"}`)).toBe(100_000);
  server.fstream.server.directory.close();
  const after = await server.scrape();
  expect(after).not.toContain('channel="f"');
  expect(valueOf(after, `${bytes}{user="",channel="other"}`)).toBe(0);
  expect(valueOf(after, "fstream_received_bytes_total")).toBe(100_000);
});

test("a loop that was held up shows", async () => {
  await using server = await scraped();
  await server.scrape();
  await Bun.sleep(150);
  Bun.sleepSync(400);
  await Bun.sleep(150);
  // The loop's figures are of the time from one scrape to the next.
  expect(valueOf(await server.scrape(), "nodejs_eventloop_lag_max_seconds")).toBeGreaterThan(0.05);
});

test("frames are counted where they are known", async () => {
  await using server = await scraped();
  const { where } = server.fstream;
  using broadcaster = await admitted(where, "broadcast,user=bob,channel=f,reply=1");
  using watcher = await admitted(where, "watch,user=bob,channel=f,reply=1,join=raw");
  await broadcaster.send(clip(FRAMES));
  await watcher.until(clip(FRAMES).length);
  const frames = 'fstream_channel_received_frames_total{user="bob",channel="f"}';
  expect(valueOf(await server.scrape(), frames)).toBe(FRAMES);
});

test("a node says how its cluster is, and no other server says anything of one", async () => {
  await using alone = await scraped();
  expect(await alone.scrape()).not.toContain("fstream_cluster_");
  const cluster = madeUpCluster();
  await using node = await scraped(cluster);
  using _ = await admitted(node.fstream.where, "broadcast,user=bob,channel=a,reply=1");
  const counts = Object.keys(cluster.counters);
  Object.assign(cluster.counters, Object.fromEntries(counts.map((name, at) => [name, at + 10])));
  cluster.others.push(madeUpNode("n2"), madeUpNode("n3", { lost: true }));
  cluster.links.set("bob/a", ownLinks([{ node: "n2", lagBytes: 0 }]));
  cluster.links.set("eve/one", farLinks("n2", { follows: true }));
  cluster.links.set("eve/two", farLinks("n2"));
  const text = await node.scrape();
  const of = (name: string): number => valueOf(text, `fstream_cluster_${name}`);
  const totals = [
    "received_bytes",
    "sent_bytes",
    "received_messages",
    "sent_messages",
    "gaps",
    "resyncs",
    "skips",
    "connects",
    "nodes_lost",
    "yielded_channels",
  ];
  expect(totals.map((name) => of(`${name}_total`))).toEqual(counts.map((_name, at) => at + 10));
  expect(of("connected")).toBe(1);
  expect([of('nodes{state="here"}'), of('nodes{state="lost"}')]).toEqual([2, 1]);
  expect([of("followed_channels"), of("led_channels")]).toEqual([1, 1]);
  cluster.isConnected = false;
  cluster.others.pop();
  cluster.links.clear();
  const after = await node.scrape();
  expect(valueOf(after, "fstream_cluster_connected")).toBe(0);
  expect(valueOf(after, 'fstream_cluster_nodes{state="lost"}')).toBe(0);
  expect(valueOf(after, "fstream_cluster_led_channels")).toBe(0);
});

describeWith("promtool", "Prometheus' own tool", () => {
  test("has nothing to say", async () => {
    await using server = await scraped(madeUpCluster());
    using _ = await admitted(server.fstream.where, "broadcast,user=bob,channel=a,reply=1");
    const input = new Blob([await server.scrape()]);
    const tool = Bun.spawn(["promtool", "check", "metrics"], {
      stdin: input,
      stdout: "pipe",
      stderr: "pipe",
    });
    const said =
      (await new Response(tool.stdout).text()) + (await new Response(tool.stderr).text());
    expect(said).toBe("");
    expect(await tool.exited).toBe(0);
  });
});
