/**
 * Whoever may write to NATS may write anything. What no node would say does nothing.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { connect as connectNats, type NatsConnection } from "@nats-io/transport-node";
import { NATS_SERVER } from "../support/nats.ts";
import { TEST_MS } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster, type Cluster } from "./nodes.ts";
import { cast, newCrowd } from "./verified.ts";

setDefaultTimeout(TEST_MS);

const PREFIX = "fstream.1";

/** Of each kind, how many messages. */
const ROUNDS = 200;

interface Heard {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** What nodes say while they work, to learn their subjects and their messages from. */
async function listen(nats: NatsConnection, work: () => Promise<void>): Promise<readonly Heard[]> {
  const heard: Heard[] = [];
  const subscription = nats.subscribe(`${PREFIX}.>`, {
    callback: (_, { subject, data }) => void heard.push({ subject, data: data.slice() }),
  });
  await work();
  await nats.flush();
  subscription.unsubscribe();
  return heard;
}

const JSONS: readonly unknown[] = [
  null,
  true,
  17,
  "beat",
  [],
  {},
  [[[[]]]],
  { k: "beat" },
  { k: "nothing that anybody knows", from: "0123456789abcdef", v: 1 },
  { k: "__proto__", from: "0123456789abcdef" },
  { k: "beat", from: 5, name: "x", v: 1 },
  { k: "beat", from: "../..", name: "x", v: 1 },
  { k: "live", from: "0123456789abcdef", v: "one", stream: null },
  { k: "live", from: {}, v: 1e308, stream: { user: 1, channel: [], epoch: -1 } },
  { k: "over", from: "0123456789abcdef", v: 0.5, seq: "1" },
  { k: "list", v: {}, part: -1, parts: 1e12, streams: "all" },
  { k: "follow", seq: null, session: -1, at: "0" },
  { k: "claim", number: {}, seq: [] },
  { k: "end", code: 5, message: {} },
];

/** Messages that are none, beginning as those do that were heard. */
function* nonsense(heard: readonly Heard[]): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  yield new Uint8Array(0);
  for (const value of JSONS) {
    yield encoder.encode(JSON.stringify(value));
  }
  for (const text of ["{", '{"k":"beat",', "\ufeff{}", "\0", "[".repeat(5_000)]) {
    yield encoder.encode(text);
  }
  for (let round = 0; round < ROUNDS; round++) {
    yield randomBytes(round * 7);
    // As long as it is, and as it begins, but nothing more.
    const { data } = heard[round % heard.length] ?? { data: new Uint8Array(0) };
    yield data.subarray(0, Math.floor((data.length * (round % 20)) / 20));
    yield Buffer.concat([data.subarray(0, round % 8), randomBytes(64)]);
  }
}

async function pester(nats: NatsConnection, heard: readonly Heard[]): Promise<void> {
  const subjects = new Set(heard.map(({ subject }) => subject));
  const others = ["all", "to", "media", "none.that.there.is"].map((name) => `${PREFIX}.${name}`);
  const media = [...subjects].filter((subject) => subject.includes(".media."));
  const tokens = media.map((subject) => subject.replace(/media\.[^.]+\.[^.]+/, "media.=zz.=="));
  for (const subject of [...subjects, ...others, ...tokens]) {
    for (const bytes of nonsense(heard)) {
      nats.publish(subject, bytes);
    }
    await nats.flush();
  }
}

/** A broadcaster with watchers at each node, which all see it. */
async function onAir(cluster: Cluster, owner: number, channel: string) {
  const crowd = newCrowd(channel);
  await Promise.all(cluster.nodes.map(({ port }) => crowd.add(3, [port])));
  const caster = await cast(cluster.node(owner).port, channel);
  await crowd.seeing(caster.broadcast);
  return { crowd, caster };
}

describeWith(NATS_SERVER, "what no node would say", () => {
  test("changes nothing for anybody", async () => {
    await using cluster = await newCluster();
    const nats = await connectNats({ servers: cluster.nats.server(0).url });
    const shows: Awaited<ReturnType<typeof onAir>>[] = [];
    const heard = await listen(nats, async () => {
      for (const owner of [0, 1, 2]) {
        shows.push(await onAir(cluster, owner, `show ${owner}`));
      }
    });
    expect(new Set(heard.map(({ subject }) => subject.split(".")[2])).size).toBeGreaterThan(1);
    await pester(nats, heard);
    await Promise.all(shows.map(({ crowd, caster }) => crowd.seeing(caster.broadcast)));
    const { crowd, caster } = await onAir(cluster, 1, "new");
    shows.push({ crowd, caster });
    for (const show of shows) {
      show.crowd.expectWhole();
      expect(show.crowd.faults.lost).toBe(0);
      expect(cluster.nodes.map(({ port }) => show.crowd.closed(port))).toEqual([0, 0, 0]);
      show.caster[Symbol.dispose]();
      show.crowd[Symbol.dispose]();
    }
    await nats.close();
    for (const { said } of cluster.nodes) {
      expect(said.text()).not.toMatch(/error|is lost|has left|lost the connection/);
    }
  });
});
