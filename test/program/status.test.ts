/**
 * `fstream status` as people and scripts run it, and the pages of servers beside one another.
 */
import { expect, test } from "bun:test";
import { openAdmin } from "../support/admin.ts";
import { asNode, farLinks, madeUpCluster, madeUpNode } from "../support/cluster.ts";
import { newStage, TEST_MS, type Relay } from "../support/program.ts";
import { relay as relayHere } from "../support/server.ts";

async function pagesOf(relay: Relay): Promise<string> {
  const line = await relay.said.line(/pages at /);
  return /http:\/\/\S+\//.exec(line)?.[0] ?? "";
}

test(
  "prints what is live as a table that fits a terminal, and as JSON",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { open: null } });
    const url = await pagesOf(relay);
    const broadcaster = stage.fstream(["broadcast", relay.address, "-u", "open", "-c", "cam"]);
    await broadcaster.write("x".repeat(5_000));
    await relay.said.line(/open\/cam is live/);
    const { code, stdout } = await stage.fstream(["status", url, "--watchers"]).ending();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fstream \S+, up 0:\d\d: 1 live, 0 watchers, /);
    expect(stdout).toMatch(/^CHANNEL +FORMAT +SIZE +WATCH +IN +OUT +UP$/m);
    expect(stdout).toMatch(/^open\/cam +unknown +0 +\S+ \S*bit\/s +0 bit\/s +0:\d\d$/m);
    expect(stdout.split("\n").every((line) => line.length <= 80)).toBe(true);
    const json = await stage.fstream(["status", url, "--json"]).ending();
    expect(JSON.parse(json.stdout)).toMatchObject({ server: { live: 1 }, channels: { total: 1 } });
    const watching = stage.fstream(["status", url, "--watch", "--json"]);
    const reader = watching.stdout.getReader();
    const texts = [await reader.read(), await reader.read()];
    expect(texts.map(({ value }) => new TextDecoder().decode(value).slice(0, 10))).toEqual([
      '{"server":',
      '{"server":',
    ]);
    watching.kill("SIGTERM");
  },
  TEST_MS,
);

test(
  "says of a node of a cluster what it is, and which nodes have the channels of others",
  async () => {
    await using stage = await newStage();
    await using media = await relayHere();
    const cluster = madeUpCluster();
    cluster.others.push(madeUpNode("n2", { channels: 1 }), madeUpNode("n3", { lost: true }));
    cluster.links.set("eve/far", farLinks("n2", { follows: true, lag: 12 }));
    const admin = openAdmin({ server: asNode(media.server, cluster, [["eve", "far"]]) });
    const [url = ""] = admin.urls;
    try {
      const { code, stdout } = await stage.fstream(["status", url]).ending();
      expect(code).toBe(0);
      expect(stdout).toMatch(/^node n1, one of 3, connected, 1 lost$/m);
      expect(stdout).toMatch(/^eve\/far +unknown +0 +0 bit\/s +0 bit\/s +–$/m);
      expect(stdout).toMatch(/^eve\/far +n2 +12 ms +0 here$/m);
      expect(stdout).toMatch(/^n2 +up +1 +0:00 ago$/m);
      expect(stdout.split("\n").every((line) => line.length <= 80)).toBe(true);
      const json = await stage.fstream(["status", url, "--json"]).ending();
      expect(JSON.parse(json.stdout).server.cluster).toMatchObject({ node: "n1", connected: true });
    } finally {
      await admin.stop();
    }
  },
  TEST_MS,
);

test(
  "takes the token from a flag, a file or the environment, and says what is wrong in a line",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ flags: ["--admin-token", "right-token"] });
    const url = await pagesOf(relay);
    const file = await stage.file("token", "right-token\n");
    const env = { FSTREAM_ADMIN_TOKEN: "right-token" };
    const good = [
      stage.fstream(["status", url, "--token", "right-token"]),
      stage.fstream(["status", url, "--token-file", file]),
      stage.fstream(["status", url], { env }),
    ];
    for (const program of good) {
      expect(await program.exited()).toBe(0);
    }
    const failing: [string[], number, RegExp][] = [
      [["status", url], 1, /^fstream: the server needs its admin-token; see --token/],
      [["status", url, "--token", "wrong"], 1, /^fstream: the server has another admin-token/],
      [["status", "127.0.0.1:1"], 1, /^fstream: no server answers at http:\/\/127\.0\.0\.1:1/],
      [["status", "ftp://x"], 2, /^fstream: "ftp:\/\/x" is no address/],
      [["status", url, "--token-file", "/none"], 2, /^fstream: the password file cannot be read/],
    ];
    for (const [args, code, says] of failing) {
      const ending = await stage.fstream(args).ending();
      expect([args, ending.code]).toEqual([args, code]);
      expect(ending.stderr).toMatch(says);
      expect(ending.stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(relay.said.text()).not.toContain("right-token");
  },
  TEST_MS,
);

test(
  "a port of the pages that is taken ends a server that asked for it, and no follower",
  async () => {
    await using stage = await newStage();
    const first = await stage.serve();
    const port = new URL(await pagesOf(first)).port;
    const args = ["serve", "--host", "127.0.0.1", "--port", "0", "--admin-port", port];
    const { code, stderr } = await stage.fstream(args, { stdin: "ignore" }).ending();
    expect(code).toBe(1);
    expect(stderr).toContain("it is in use; choose another --admin-port");
    const second = await stage.serve({
      port: first.port,
      flags: ["--reuse-port", "--admin-port", port],
    });
    const url = await pagesOf(second);
    expect(new URL(url).port).toBe(port);
    first.kill("SIGTERM");
    expect(await first.exited()).toBe(0);
    expect((await fetch(new URL("/readyz", url))).status).toBe(200);
  },
  TEST_MS,
);
