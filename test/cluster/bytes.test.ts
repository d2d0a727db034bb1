/**
 * What is broadcast at one node arrives at every other one byte for byte, whatever it is and however the
 * channel is called.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { ffmpeg } from "../media/ffmpeg.ts";
import { sendPaced } from "../relay/streams.ts";
import { NATS_SERVER } from "../support/nats.ts";
import { PROGRAM, TEST_MS, type Program } from "../support/program.ts";
import { admitted, connect, payload, sha256, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster, USERS, type Cluster, type Node } from "./nodes.ts";

setDefaultTimeout(TEST_MS);

const PICTURE = "-f lavfi -i testsrc2=size=320x180:rate=30:duration=4";
const SOUND = "-f lavfi -i sine=frequency=440:duration=4";
const X264 = "-c:v libx264 -preset veryfast -g 30 -pix_fmt yuv420p";

/** By ffmpeg's name of the format. */
const FORMATS: readonly (readonly [title: string, make: string])[] = [
  ["H.264", `${PICTURE} ${X264} -f h264`],
  ["MPEG-TS", `${PICTURE} ${SOUND} ${X264} -c:a aac -f mpegts`],
  ["Matroska", `${PICTURE} ${SOUND} ${X264} -c:a aac -cluster_time_limit 500 -f matroska`],
  [
    "fragmented MP4",
    `${PICTURE} ${SOUND} ${X264} -c:a aac -movflags frag_keyframe+empty_moov -f mp4`,
  ],
  ["FLV", `${PICTURE} ${SOUND} ${X264} -c:a aac -flvflags no_duration_filesize -f flv`],
  ["Ogg", `${SOUND} -c:a libvorbis -f ogg`],
  ["ADTS", `${SOUND} -c:a aac -f adts`],
];

const POUR_BYTES = 30_000_000;

/** Names that mean something to NATS, to paths, or to whoever forgets that they are not the same. */
const NAMES: readonly string[] = [
  "",
  " ",
  ".",
  "..",
  "*",
  ">",
  "a.b",
  "a.*",
  "a.>",
  "a/b",
  "a b",
  "A.B",
  "a=2eb",
  "%2e",
  "_INBOX.x",
  "$SYS.>",
  "../../a",
  "\\a\"'<b>",
  "Übertragung 🎬 с Москвой",
  "x".repeat(255),
  `${"é".repeat(127)}x`,
];

/** Users and channels that are the same when they are written one after the other. */
const PAIRS: readonly (readonly [user: string, channel: string])[] = [
  ["a", "b.c"],
  ["a.b", "c"],
  ["a.b.c", ""],
  ["a", "b"],
  ["a-b", ""],
  ["a_b", ""],
];

/** Watchers at one node that come in the middle of a stream. */
interface Joined {
  readonly keyframe: Client;
  readonly live: Client;
  readonly raw: Client;
  readonly http: Promise<Uint8Array>;
}

async function joinAt(node: Node, channel: string): Promise<Joined> {
  const where = { port: node.port };
  const watch = `watch,user=open,channel=${channel},reply=1`;
  const keyframe = await admitted(where, watch);
  // From then on its node has the stream.
  await keyframe.until(1);
  const response = await fetch(`http://${node.address}/open/${encodeURIComponent(channel)}`);
  return {
    keyframe,
    live: await admitted(where, `${watch},join=live`),
    raw: await admitted(where, `${watch},join=raw`),
    http: response.bytes(),
  };
}

/** What each of them got, once they have all been ended. */
async function gotBy({ keyframe, live, raw, http }: Joined): Promise<Record<string, string>> {
  const clients = [keyframe, live, raw];
  expect(await Promise.all(clients.map((client) => client.ended()))).toEqual(["end", "end", "end"]);
  const [byKeyframe, byLive, byRaw] = clients.map((client) => client.digest());
  return {
    keyframe: `${keyframe.received()} ${byKeyframe}`,
    live: `${live.received()} ${byLive}`,
    raw: `${raw.received()} ${byRaw}`,
    http: sha256(await http),
  };
}

/** A broadcast of `stream` at the node of that index, seen at all three. */
async function seenEverywhere(
  cluster: Cluster,
  owner: number,
  channel: string,
  stream: Uint8Array,
): Promise<void> {
  const own = cluster.node(owner);
  const near = cluster.node((owner + 1) % 3);
  const far = cluster.node((owner + 2) % 3);
  const watch = `watch,user=open,channel=${channel}`;
  const waiting = [await connect(own, watch), await connect(near, watch)];
  await cluster.watched(2, channel);
  using broadcaster = await admitted(own, `broadcast,user=open,channel=${channel},reply=1`);
  const half = Math.round(stream.length * 0.6);
  await broadcaster.send(stream.subarray(0, half));
  await Promise.all(waiting.map((client) => client.until(half)));
  const joined = await Promise.all([own, near, far].map((node) => joinAt(node, channel)));
  await broadcaster.send(stream.subarray(half));
  broadcaster.end();
  expect(await Promise.all(waiting.map((client) => client.ended()))).toEqual(["end", "end"]);
  const whole = sha256(stream);
  expect(waiting.map((client) => client.digest())).toEqual([whole, whole]);
  const [atOwn, ...others] = await Promise.all(joined.map(gotBy));
  expect(others).toEqual(others.map(() => atOwn ?? {}));
}

/** Sends the same bytes to nobody but those who wait for them, at both other nodes. */
async function delivered(
  cluster: Cluster,
  owner: number,
  user: string,
  channel: string,
): Promise<() => Promise<void>> {
  const own = cluster.node(owner % 3);
  const others = cluster.nodes.filter((node) => node !== own);
  const name = `user=${user},channel=${channel}`;
  const watchers = await Promise.all(others.map((node) => connect(node, `watch,${name}`)));
  return async () => {
    const bytes = payload(20_000 + owner);
    using broadcaster = await admitted(own, `broadcast,${name},reply=1`);
    await broadcaster.send(bytes);
    broadcaster.end();
    const endings = await Promise.all(watchers.map((watcher) => watcher.ended()));
    const digests = watchers.map((watcher) => watcher.digest());
    const digest = sha256(bytes);
    expect([user, channel, endings, digests]).toEqual([
      user,
      channel,
      ["end", "end"],
      [digest, digest],
    ]);
  };
}

describeWith(NATS_SERVER, "at every node of a cluster", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    const users = Object.fromEntries(PAIRS.map(([user]) => [user, null]));
    cluster = await newCluster({ flags: ["--linger", "0"], users: { ...USERS, ...users } });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  describeWith("ffmpeg", "streams", () => {
    test.each(FORMATS)("%s is what it is at its own", async (title, make) => {
      const stream = await ffmpeg([...make.split(" "), "-"]);
      await Promise.all(
        cluster.nodes.map((_, owner) =>
          seenEverywhere(cluster, owner, `${title} ${owner}`, stream),
        ),
      );
    });
  });

  /** Runs the program of the checkout in a line of a shell. */
  const shell = (verb: string, node: Node, line: (command: string) => string): Program => {
    const command = `"${process.execPath}" "${PROGRAM}" ${verb} ${node.address} -u open -c pour`;
    return cluster.stage.run(["bash", "-c", line(command)], { stdin: "ignore" });
  };

  // On one core, more programs than these do not each get their turn in GRACE_MS.
  test.each([
    ["at full speed", [1], Infinity],
    ["at 80 Mbit/s", [0, 1, 2], 10_000_000],
  ] as const)("a file that is poured in %s arrives whole", async (_, places, pace) => {
    const { stage } = cluster;
    const bytes = randomBytes(POUR_BYTES);
    const path = await stage.file("poured", bytes);
    const followers = places.map((index) => cluster.node(index));
    const watchers = followers.map((node) =>
      shell("watch", node, (command) => `exec ${command} > ${stage.path(node.name)}`),
    );
    await cluster.watched(places.length, "pour");
    if (pace === Infinity) {
      const pour = shell("broadcast", cluster.node(0), (command) => `cat ${path} | ${command}`);
      expect(await pour.exited()).toBe(0);
    } else {
      const request = "broadcast,user=open,channel=pour,reply=1";
      using broadcaster = await admitted(cluster.node(0), request);
      await sendPaced(broadcaster, bytes, pace);
      broadcaster.end();
    }
    for (const [index, { name }] of followers.entries()) {
      expect([name, await watchers[index]?.exited()]).toEqual([name, 0]);
      const got = sha256(await Bun.file(stage.path(name)).bytes());
      expect([name, got]).toEqual([name, sha256(bytes)]);
    }
  });

  test("channels of any name are told apart", async () => {
    const names = [...NAMES.map((channel) => ["open", channel] as const), ...PAIRS];
    const sends = await Promise.all(
      names.map(([user, channel], index) => delivered(cluster, index, user, channel)),
    );
    await cluster.watched(2 * names.length);
    await Promise.all(sends.map((send) => send()));
  });
});
