/**
 * Whatever is wrong with NATS, a node serves those who are connected to it, says once what is wrong, and
 * is one of the cluster as soon as that is mended.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { newAuthority } from "../support/certificates.ts";
import { NATS_SERVER, planNats, startNats } from "../support/nats.ts";
import { newStage, TEST_MS, within } from "../support/program.ts";
import { admitted, connect, payload, sha256, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { newOperator } from "./credentials.ts";
import { allKnow, newCluster, startNode, startNodes, watched, type Node } from "./nodes.ts";
import { cast, newCrowd } from "./verified.ts";

setDefaultTimeout(TEST_MS);

const LOGIN = { user: "node", password: "p@ss:w/rd, 100%" };

const FLAGS = ["--linger", "1m", "--lag", "1m"];

/** Little may wait for a client that does not read, and not for long. */
const SMALL = ["max_payload: 65536", "max_pending: 150000", 'write_deadline: "200ms"'];

/** Broadcasts whose bytes under way are together more than the kernel holds for one connection. */
const HEAPS = 24;

/** Milliseconds in which a node tries several times to reach NATS. */
const TRIES_MS = 3_000;

/** A URL with a login, as a person must write it. */
function withLogin(url: string, { user, password }: typeof LOGIN): string {
  return url.replace("://", `://${user}:${encodeURIComponent(password)}@`);
}

function linesOf(node: Node, pattern: RegExp): readonly string[] {
  return node.said
    .text()
    .split("\n")
    .filter((line) => pattern.test(line));
}

/** Expects that what is broadcast at a node is seen there. */
async function expectServing(node: Node, channel: string): Promise<void> {
  using caster = await cast(node.port, channel);
  expect(await caster.admitted).toBe("ok");
  using crowd = newCrowd(channel);
  await crowd.add(2, [node.port]);
  await crowd.seeing(caster.broadcast);
  crowd.expectWhole();
}

/** Expects that what is broadcast at one node is seen at the other. */
async function expectJoined(one: Node, other: Node, channel: string): Promise<void> {
  using caster = await cast(one.port, channel);
  expect(await caster.admitted).toBe("ok");
  using crowd = newCrowd(channel);
  await crowd.add(2, [other.port]);
  await crowd.seeing(caster.broadcast);
  crowd.expectWhole();
}

describeWith(NATS_SERVER, "a node", () => {
  test("serves before NATS is there, and then what it has is seen at the others", async () => {
    await using stage = await newStage();
    const nats = planNats(stage, { servers: 1 });
    const options = { cluster: nats.urls, flags: FLAGS };
    const one = await startNode(stage, "n1", options);
    const other = await startNode(stage, "n2", options);
    const unreachable =
      /warn +cluster: cannot reach nats:.*; local channels are served, trying again/;
    await Promise.all([one, other].map((node) => node.said.line(unreachable)));
    using caster = await cast(one.port, "early");
    using crowd = newCrowd("early");
    await crowd.add(2, [one.port]);
    // Who waits at the other node does not know yet that there is something to wait for.
    await crowd.add(2, [other.port]);
    await expectServing(other, "beside");
    await Bun.sleep(TRIES_MS);
    await nats.server(0).start();
    await allKnow([one, other]);
    await crowd.seeing(caster.broadcast);
    crowd.expectWhole();
    expect([one, other].map(({ port }) => crowd.closed(port))).toEqual([0, 0]);
    for (const node of [one, other]) {
      expect(linesOf(node, /cannot reach/)).toHaveLength(1);
      const connected = `cluster: connected to ${nats.urls} as ${node.name}`;
      expect(node.said.text()).toContain(connected);
    }
  });

  test("with a wrong password connects by itself when NATS has that one", async () => {
    await using stage = await newStage();
    const login = { ...LOGIN, password: "another one" };
    const nats = await startNats(stage, { servers: 1, login });
    const cluster = withLogin(nats.urls, LOGIN);
    const one = await startNode(stage, "n1", { cluster, flags: FLAGS });
    const other = await startNode(stage, "n2", { cluster, flags: FLAGS });
    await one.said.line(/warn +cluster: cannot reach .*[Aa]uthori[sz]ation/);
    await expectServing(one, "refused");
    await Bun.sleep(TRIES_MS);
    await nats.server(0).reload({ login: LOGIN });
    await allKnow([one, other]);
    await expectJoined(one, other, "mended");
    for (const node of [one, other]) {
      expect(linesOf(node, /cannot reach/)).toHaveLength(1);
      expect(node.said.text()).not.toContain(LOGIN.password);
      expect(node.said.text()).not.toContain(encodeURIComponent(LOGIN.password));
    }
  });

  test("whose password NATS no longer takes goes on alone, until it does again", async () => {
    await using stage = await newStage();
    const nats = await startNats(stage, { servers: 1, login: LOGIN });
    const cluster = withLogin(nats.urls, LOGIN);
    const [one, other] = await startNodes(stage, [cluster, cluster], { flags: FLAGS });
    if (one === undefined || other === undefined) {
      throw new Error("two nodes were to start");
    }
    await nats.server(0).reload({ login: { ...LOGIN, password: "changed" } });
    await Promise.all(
      [one, other].map((node) => node.said.line(/warn +cluster: lost the connection to NATS/)),
    );
    await expectServing(one, "alone");
    await expectServing(other, "alone too");
    await nats.server(0).reload({ login: LOGIN });
    await Promise.all([one, other].map((node) => node.said.line(/cluster: connected to /, 2)));
    await expectJoined(one, other, "again");
  });

  test("goes on alone while NATS is killed, and its watchers elsewhere go on afterwards", async () => {
    await using cluster = await newCluster({ nodes: 2, nats: { servers: 1 }, flags: FLAGS });
    const [one, other] = [cluster.node(0), cluster.node(1)];
    using caster = await cast(one.port, "on", { torn: true });
    using near = newCrowd("on");
    using far = newCrowd("on");
    await near.add(2, [one.port]);
    await far.add(2, [other.port]);
    await Promise.all([near.seeing(), far.seeing()]);
    for (const times of [1, 2]) {
      await cluster.nats.server(0).stop();
      await Promise.all(
        [one, other].map((node) => node.said.line(/lost the connection to NATS/, times)),
      );
      await one.said.line(/cluster: node n2 is lost/, times);
      await other.said.line(/cluster: node n1 is lost/, times);
      await near.seeing();
      await cluster.nats.server(0).start();
      await Promise.all([one.knows("n2", 1 + times), other.knows("n1", 1 + times)]);
      await Promise.all([near.seeing(caster.broadcast), far.seeing(caster.broadcast)]);
    }
    expect(near.faults.lost).toBe(0);
    near.expectWhole();
    far.expectWhole();
    expect([near.closed(one.port), far.closed(other.port)]).toEqual([0, 0]);
    for (const node of [one, other]) {
      expect(linesOf(node, /lost the connection to NATS; local channels go on/)).toHaveLength(2);
    }
  });

  test("speaks TLS with NATS where it knows the authority, and says so where not", async () => {
    await using stage = await newStage();
    await using authority = await newAuthority();
    const nats = await startNats(stage, { tls: await authority.issue("nats"), login: LOGIN });
    const cluster = withLogin(nats.urls, LOGIN);
    const trusting = ["--cluster-ca", authority.path, ...FLAGS];
    const nodes = await startNodes(
      stage,
      [nats.urls, nats.urls].map(() => cluster),
      {
        flags: trusting,
      },
    );
    const [one, other] = nodes;
    if (one === undefined || other === undefined) {
      throw new Error("two nodes were to start");
    }
    await expectJoined(one, other, "secret");
    const third = await startNode(stage, "n3", { cluster, flags: FLAGS });
    await third.said.line(/warn +cluster: cannot reach tls:.*certificate/i);
    await expectServing(third, "alone");
    await Bun.sleep(TRIES_MS);
    expect(one.said.text()).not.toContain("n3");
  });

  test("with a token is let in by it", async () => {
    await using stage = await newStage();
    const nats = await startNats(stage, {
      servers: 1,
      lines: ['authorization { token: "t0k/en" }'],
    });
    const cluster = nats.urls.replace("://", `://${encodeURIComponent("t0k/en")}@`);
    const [one, other] = await startNodes(stage, [cluster, cluster], { flags: FLAGS });
    if (one === undefined || other === undefined) {
      throw new Error("two nodes were to start");
    }
    await expectJoined(one, other, "token");
  });
});

describeWith(NATS_SERVER, "a node with a .creds file", () => {
  test("is let in by it, and not by one of another operator", async () => {
    await using stage = await newStage();
    const operator = newOperator();
    const nats = await startNats(stage, { servers: 1, lines: operator.lines });
    const path = await stage.file("node.creds", operator.creds());
    const flags = ["--cluster-credentials", path, ...FLAGS];
    const [one, other] = await startNodes(stage, [nats.urls, nats.urls], { flags });
    if (one === undefined || other === undefined) {
      throw new Error("two nodes were to start");
    }
    await expectJoined(one, other, "credentials");
    const foreign = await stage.file("foreign.creds", newOperator().creds());
    const third = await startNode(stage, "n3", {
      cluster: nats.urls,
      flags: ["--cluster-credentials", foreign, ...FLAGS],
    });
    await third.said.line(/warn +cluster: cannot reach .*[Aa]uthori[sz]ation/);
    await expectServing(third, "alone");
  });
});

describeWith(NATS_SERVER, "a small NATS server", () => {
  test("with a max_payload of 64 KiB never gets more than that at once", async () => {
    await using cluster = await newCluster({
      nats: { servers: 1, lines: ["max_payload: 65536", "max_control_line: 4096"] },
      nodes: 2,
      flags: ["--max-channels-per-user", "0", ...FLAGS],
    });
    const { nats, stage } = cluster;
    // What a node that comes is told of so many channels is longer than that too.
    const names = Array.from({ length: 300 }, (_, index) => `${index} `.padEnd(255, "x"));
    const broadcasters: Client[] = await Promise.all(
      names.map((name) => admitted(cluster.node(0), requestOf("broadcast", name))),
    );
    const third = await startNode(stage, "n3", { cluster: nats.urls, flags: FLAGS });
    await Promise.all(cluster.nodes.map((node) => third.knows(node.name)));
    for (const index of [0, 150, 299]) {
      using watcher = await admitted(third, requestOf("watch", names[index] ?? ""));
      const seen = watcher.until(1);
      while (Bun.peek.status(seen) === "pending") {
        await broadcasters[index]?.send(payload(1_000));
        await Bun.sleep(10);
      }
    }
    const watchers = await Promise.all(
      [cluster.node(1), third].map((node) => connect(node, requestOf("watch", "large"))),
    );
    await watched([cluster.node(1), third], 2, "large");
    const bytes = payload(5_000_000);
    using broadcaster = await admitted(cluster.node(0), requestOf("broadcast", "large"));
    await broadcaster.send(bytes);
    await Promise.all(watchers.map((watcher) => watcher.until(bytes.length)));
    expect(watchers.map((watcher) => watcher.digest())).toEqual([sha256(bytes), sha256(bytes)]);
    [...broadcasters, ...watchers].forEach((client) => client.destroy());
    expect(nats.server(0).said().text()).not.toMatch(/maximum payload|max payload/i);
    for (const node of [...cluster.nodes, third]) {
      expect(linesOf(node, /lost the connection|cannot reach|error/)).toEqual([]);
    }
  });

  test("that gives up slow consumers costs nobody a torn frame", async () => {
    await using cluster = await newCluster({
      nats: { servers: 1, lines: SMALL },
      nodes: 2,
      flags: FLAGS,
    });
    const [one, other] = [cluster.node(0), cluster.node(1)];
    const channels = Array.from({ length: 20 }, (_, index) => `many ${index}`);
    const casters = await Promise.all(
      channels.map((channel) => cast(one.port, channel, { torn: true })),
    );
    const crowds = channels.map((channel) => newCrowd(channel));
    await Promise.all(crowds.map((crowd) => crowd.add(1, [other.port])));
    await Promise.all(crowds.map((crowd) => crowd.seeing()));
    // Its NATS connection fills up, and the server lets it go.
    const heaps = await Promise.all(
      Array.from({ length: HEAPS }, (_, index) => heapFor(one, other, `heap ${index}`)),
    );
    other.kill("SIGSTOP");
    const isSlow = async (): Promise<void> => {
      while ((await cluster.nats.server(0).varz()).slow_consumers === 0) {
        await Promise.race([Bun.sleep(50), Promise.all(heaps.map((heap) => heap.more()))]);
      }
    };
    await within(isSlow(), () => "NATS has no slow consumer");
    other.kill("SIGCONT");
    await other.said.line(/lost the connection to NATS/);
    await other.said.line(/cluster: connected to /, 2);
    await Promise.all(crowds.map((crowd, index) => crowd.seeing(casters[index]?.broadcast)));
    crowds.forEach((crowd) => {
      crowd.expectWhole();
      expect(crowd.closed(other.port)).toBe(0);
    });
    expect(heaps.filter((heap) => !heap.isExact())).toEqual([]);
    [...crowds, ...casters, ...heaps].forEach((each) => each[Symbol.dispose]());
  });
});

interface Heap extends Disposable {
  /** Sends a megabyte more, when the one before has been taken. */
  more(): Promise<void>;
  /** Whether its watcher has got nothing but the stream from its beginning on. */
  isExact(): boolean;
}

/** A broadcast that is as fast as its far watcher, which has its first bytes. */
async function heapFor(one: Node, other: Node, channel: string): Promise<Heap> {
  const block = payload(1_000_000);
  let exact = true;
  const onStream = (chunk: Uint8Array): void => {
    // It has been counted already.
    const from = watcher.received() - chunk.length;
    for (let index = 0; index < chunk.length && exact; index++) {
      exact = chunk[index] === block[(from + index) % block.length];
    }
  };
  const request = `watch,user=open,channel=${channel}`;
  const watcher: Client = await connect(other, request, { onStream });
  await watched([other], 1, channel);
  const broadcaster = await admitted(one, requestOf("broadcast", channel));
  // The kernel holds more for a connection that has been seen to read much.
  const few = block.subarray(0, 1_000);
  await broadcaster.send(few);
  await watcher.until(few.length);
  let [sending, next] = [Promise.resolve(), block.subarray(few.length)];
  return {
    more() {
      const bytes = next;
      next = block;
      sending = sending.then(() => broadcaster.send(bytes)).catch(() => {});
      return sending;
    },
    isExact: () => exact,
    [Symbol.dispose]() {
      broadcaster.destroy();
      watcher.destroy();
    },
  };
}

function requestOf(verb: string, channel: string): string {
  return `${verb},user=open,channel=${channel},reply=1`;
}

test("a cluster with two workers is a mistake on the command line", async () => {
  await using stage = await newStage();
  const args = ["serve", "--port", "0", "--workers", "2", "--cluster", "nats://127.0.0.1:4222"];
  const { code, stderr } = await stage.fstream(args, { stdin: "ignore" }).ending();
  expect(code).toBe(2);
  expect(stderr.trim().split("\n")).toEqual([
    expect.stringMatching(/cluster.*workers|workers.*cluster/),
  ]);
});

test.each([
  ["an address that is none", ["--cluster", "http://127.0.0.1:4222"], /write nats:\/\/HOST:PORT/],
  ["a node's name that others would not read", ["--node", "n".repeat(257)], /256 characters/],
  ["credentials that are not there", ["--cluster-credentials", "gone.creds"], /cannot be read/],
])("with %s no server starts, and one line says why", async (_, flags, line) => {
  await using stage = await newStage();
  const args = ["serve", "--port", "0", "--cluster", "nats://127.0.0.1:4222", ...flags];
  const { code, stderr } = await stage.fstream(args, { stdin: "ignore" }).ending();
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toEqual([expect.stringMatching(line)]);
});
