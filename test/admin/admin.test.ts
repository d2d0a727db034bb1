/**
 * The admin server with real sockets: what it answers to whom, and what that changes.
 */
import { expect, test } from "bun:test";
import type { Admin } from "../../src/admin/admin.ts";
import type {
  ChannelStatus,
  Page,
  ServerStatus,
  WatcherStatus,
} from "../../src/protocol/status.ts";
import { openAdmin } from "../support/admin.ts";
import {
  asNode,
  farLinks,
  madeUpCluster,
  madeUpNode,
  ownLinks,
  type MadeUpCluster,
} from "../support/cluster.ts";
import { eventually, relay, type Flags, type Relay } from "../support/server.ts";
import { admitted, connect, payload } from "../support/sockets.ts";

const DELETE = { method: "DELETE", headers: { "x-fstream": "1" } };

interface Stage extends AsyncDisposable {
  readonly media: Relay;
  readonly admin: Admin;
  /** The text and the status of what a path answers. */
  ask(
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; text: string; response: Response }>;
  get<Answer>(path: string): Promise<Answer>;
}

async function newStage(flags: Flags = {}, cluster?: MadeUpCluster): Promise<Stage> {
  const media = await relay();
  const far = [["eve", "far"]] as const;
  const server = cluster === undefined ? media.server : asNode(media.server, cluster, far);
  const admin = openAdmin({ server }, flags);
  const [url = ""] = admin.urls;
  const ask: Stage["ask"] = async (path, init) => {
    const response = await fetch(new URL(path, url), init);
    return { status: response.status, text: await response.text(), response };
  };
  return {
    media,
    admin,
    ask,
    get: async (path) => JSON.parse((await ask(path)).text),
    async [Symbol.asyncDispose]() {
      await admin.stop();
      await media[Symbol.asyncDispose]();
    },
  };
}

/** A broadcast of bob's with one watcher who has all of it. */
async function onAir({ media }: Stage) {
  const broadcaster = await admitted(media.where, "broadcast,user=bob,channel=cam,reply=1");
  const watcher = await connect(media.where, "watch,user=bob,channel=cam");
  await media.log.said(/is watched/);
  await broadcaster.send(payload(5_000));
  await watcher.until(5_000);
  return { broadcaster, watcher };
}

async function theWatcher(stage: Stage): Promise<WatcherStatus> {
  const { items } = await stage.get<Page<WatcherStatus>>("/api/watchers?user=bob&channel=cam");
  const [first] = items;
  if (first === undefined) {
    throw new Error("there is no watcher");
  }
  return first;
}

test("tells the state of the server, its channels and its watchers", async () => {
  await using stage = await newStage();
  const { broadcaster, watcher } = await onAir(stage);
  const server = await stage.get<ServerStatus>("/api/status");
  expect(server).toMatchObject({ channels: 1, live: 1, watchers: 1, connections: 2 });
  expect(server).toMatchObject({
    bytesIn: 5_000,
    bytesOut: 5_000,
    port: stage.media.server.addresses.length && server.port,
  });
  const channel = await stage.get<ChannelStatus>("/api/channels/bob/cam");
  expect(channel).toMatchObject({
    user: "bob",
    channel: "cam",
    state: "live",
    bytesIn: 5_000,
    bytesOut: 5_000,
    watchers: 1,
    waiting: 0,
    locked: false,
  });
  expect(await theWatcher(stage)).toMatchObject({
    state: "watching",
    via: "tcp",
    bytes: 5_000,
    lagBytes: 0,
  });
  watcher.end();
  await stage.media.log.said(/watcher .* closed/);
  const after = await stage.get<ChannelStatus>("/api/channels/bob/cam");
  expect(after).toMatchObject({ watchers: 0, bytesOut: 5_000 });
  broadcaster.end();
});

test("pages, filters and sorts its lists", async () => {
  await using stage = await newStage();
  const { where } = stage.media;
  const names = ["a", "b", "c"];
  const clients = await Promise.all(
    names.map((name) => admitted(where, `broadcast,user=bob,channel=${name},reply=1`)),
  );
  const keys = async (query: string): Promise<string> => {
    const page = await stage.get<Page<ChannelStatus>>(`/api/channels?${query}`);
    return `${page.total}: ${page.items.map(({ channel }) => channel).join("")}`;
  };
  expect(await keys("")).toBe("3: abc");
  expect(await keys("offset=1&limit=1")).toBe("3: b");
  expect(await keys("offset=9")).toBe("3: ");
  expect(await keys("query=BOB/C")).toBe("1: c");
  using watcher = await connect(where, "watch,user=bob,channel=b");
  await stage.media.log.said(/is watched/);
  expect(await keys("sort=watchers")).toBe("3: bac");
  expect((await stage.ask("/api/channels?sort=size")).status).toBe(400);
  expect((await stage.ask("/api/watchers?limit=-1")).status).toBe(400);
  watcher.end();
  clients.forEach((client) => client.end());
});

test("closes a watcher, and the log says so once", async () => {
  await using stage = await newStage();
  const { broadcaster, watcher } = await onAir(stage);
  const { id } = await theWatcher(stage);
  expect((await stage.ask(`/api/watchers/${id}`, DELETE)).status).toBe(200);
  expect(await watcher.ended()).toBe("reset");
  await stage.media.log.said(/watcher .* closed by an administrator/);
  expect(stage.media.log.matching(/an administrator/)).toHaveLength(1);
  expect((await stage.ask(`/api/watchers/${id}`, DELETE)).status).toBe(404);
  await broadcaster.send(payload(10));
  broadcaster.end();
});

test("ends a broadcast: its watchers have all of it, and the next one may come", async () => {
  await using stage = await newStage();
  const { broadcaster, watcher } = await onAir(stage);
  expect((await stage.ask("/api/channels/bob/cam", DELETE)).status).toBe(200);
  expect(await broadcaster.reply()).toContain("ended by an administrator");
  expect(await watcher.ended()).toBe("end");
  expect(watcher.received()).toBe(5_000);
  await stage.media.log.said(/broadcaster .* ended by an administrator/);
  expect(stage.media.log.matching(/by an administrator/)).toHaveLength(1);
  expect((await stage.ask("/api/channels/bob/cam", DELETE)).status).toBe(404);
  const next = await admitted(stage.media.where, "broadcast,user=bob,channel=cam,reply=1");
  next.end();
});

test("does nothing for other sites, other names, or without the header", async () => {
  await using stage = await newStage();
  const { broadcaster, watcher } = await onAir(stage);
  const refused: Record<string, string>[] = [
    {},
    { "x-fstream": "0" },
    { "x-fstream": "1", origin: "http://evil.example" },
    { "x-fstream": "1", origin: "null" },
    { "x-fstream": "1", "sec-fetch-site": "cross-site" },
    { "x-fstream": "1", "sec-fetch-site": "same-site" },
    { "x-fstream": "1", host: "evil.example" },
  ];
  const { id } = await theWatcher(stage);
  for (const headers of refused) {
    for (const path of ["/api/channels/bob/cam", `/api/watchers/${id}`]) {
      const { response, status } = await stage.ask(path, { method: "DELETE", headers });
      expect(status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  }
  const preflight = { method: "OPTIONS", headers: { origin: "http://evil.example" } };
  expect((await stage.ask("/api/channels/bob/cam", preflight)).status).toBe(403);
  for (const path of ["/", "/api/status", "/api/player/bob/cam"]) {
    const { status, text } = await stage.ask(path, { headers: { host: "evil.example" } });
    expect([path, status]).toEqual([path, 403]);
    expect(text).not.toContain("version");
  }
  await broadcaster.send(payload(10));
  await watcher.until(5_010);
  watcher.end();
  broadcaster.end();
});

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, "x-fstream": "1" };
}

test("with a token, tells and does nothing without it", async () => {
  await using stage = await newStage({ "admin-token": "right" });
  const { broadcaster, watcher } = await onAir(stage);
  for (const path of [
    "/api/status",
    "/api/channels",
    "/api/watchers",
    "/api/events",
    "/metrics",
    "/api/status?token=right",
  ]) {
    expect([path, (await stage.ask(path)).status]).toEqual([path, 401]);
  }
  const wrong = await stage.ask("/api/channels/bob/cam", {
    method: "DELETE",
    headers: bearer("wrong"),
  });
  expect([wrong.status, JSON.parse(wrong.text).code]).toEqual([401, "unauthorized"]);
  expect((await stage.ask("/api/channels/bob/cam", DELETE)).status).toBe(401);
  for (const path of ["/", "/healthz", "/readyz", "/api/player/bob/cam"]) {
    expect([path, (await stage.ask(path)).status]).toEqual([path, 200]);
  }
  await broadcaster.send(payload(10));
  await watcher.until(5_010);
  const right = await stage.ask("/api/channels/bob/cam", {
    method: "DELETE",
    headers: bearer("right"),
  });
  expect(right.status).toBe(200);
  expect(await watcher.ended()).toBe("end");
});

test("refuses to listen where others can reach it without a token", async () => {
  expect(newStage({ "admin-host": "0.0.0.0" })).rejects.toThrow(/set admin-token too/);
  await using open = await newStage({ "admin-host": "0.0.0.0", "admin-token": "right" });
  expect(open.admin.urls).toHaveLength(1);
});

test("says what a player needs, to every page", async () => {
  await using stage = await newStage();
  const cam = await admitted(
    stage.media.where,
    "broadcast,user=bob,channel=cam,channel-password=x,reply=1",
  );
  const { response, text } = await stage.ask("/api/player/bob/cam");
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(JSON.parse(text)).toMatchObject({ live: true, locked: true, format: null });
  expect(JSON.parse((await stage.ask("/api/player/bob/")).text)).toMatchObject({ live: false });
  cam.end();
});

test("answers what it does not know, and pages with their headers", async () => {
  await using stage = await newStage();
  const statuses = await Promise.all(
    ["/api/nothing", "/api/channels/nobody/x", "/api/watchers/99", "/nothing", "/metrics"].map(
      async (path) => (await stage.ask(path)).status,
    ),
  );
  expect(statuses).toEqual([404, 404, 405, 404, 404]);
  const post = { method: "POST", headers: { "x-fstream": "1" } };
  expect((await stage.ask("/api/status", post)).status).toBe(405);
  expect((await stage.ask("/api/status", DELETE)).status).toBe(405);
  for (const path of ["/", "/watch/bob/cam"]) {
    const { response, status, text } = await stage.ask(path);
    expect(status).toBe(200);
    expect(text).toContain("<!doctype html>");
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  }
  expect((await stage.ask("/api/status")).response.headers.get("cache-control")).toBe("no-store");
  stage.admin.retire();
  expect((await stage.ask("/readyz")).status).toBe(503);
  expect((await stage.ask("/healthz")).status).toBe(200);
});

test("streams the state every second and what begins or ends, until it stops", async () => {
  await using stage = await newStage();
  const [url = ""] = stage.admin.urls;
  const response = await fetch(new URL("/api/events", url));
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  let heard = "";
  const reading = (async () => {
    for await (const chunk of response.body ?? []) {
      heard += new TextDecoder().decode(chunk);
    }
  })();
  await eventually(
    () => heard.includes('event: status\ndata: {"version"'),
    () => heard,
  );
  const cam = await admitted(stage.media.where, "broadcast,user=bob,channel=cam,reply=1");
  await eventually(
    () => heard.includes('event: channels\ndata: ["bob/cam"]\n\n'),
    () => heard,
  );
  cam.end();
  await eventually(
    () => heard.split("event: channels").length === 3,
    () => heard,
  );
  await stage.admin.stop();
  await reading.catch(() => {});
});

test("says nothing of a cluster where there is none", async () => {
  await using stage = await newStage();
  const { broadcaster, watcher } = await onAir(stage);
  expect((await stage.get<ServerStatus>("/api/status")).cluster).toBeNull();
  expect((await stage.get<ChannelStatus>("/api/channels/bob/cam")).cluster).toBeNull();
  watcher.end();
  broadcaster.end();
});

test("tells how the cluster is, and lists the channels of other nodes beside its own", async () => {
  const cluster = madeUpCluster();
  await using stage = await newStage({}, cluster);
  const { broadcaster, watcher } = await onAir(stage);
  cluster.others.push(madeUpNode("n2", { channels: 1 }), madeUpNode("n3", { lost: true }));
  Object.assign(cluster.counters, { bytesIn: 11, messagesOut: 22, yielded: 33 });
  const followers = [{ node: "n2", lagBytes: 4_096 }];
  cluster.links.set("bob/cam", ownLinks(followers));
  const far = { follows: true, lag: 12, gaps: 2, resyncs: 1 };
  cluster.links.set("eve/far", farLinks("n2", far));
  const server = await stage.get<ServerStatus>("/api/status");
  expect(server).toMatchObject({ channels: 2, live: 2 });
  expect(server.cluster).toEqual({
    node: "n1",
    connected: true,
    nodes: [
      { name: "n2", id: "id of n2", lost: false, channels: 1, heard: 120 },
      { name: "n3", id: "id of n3", lost: true, channels: 0, heard: 120 },
    ],
    ...cluster.counters,
  });
  const { items, total } = await stage.get<Page<ChannelStatus>>("/api/channels");
  expect([total, ...items.map(({ channel, state }) => `${channel} ${state}`)]).toEqual([
    2,
    "cam live",
    "far live",
  ]);
  expect(items.map((channel) => channel.cluster)).toEqual([
    ownLinks(followers),
    farLinks("n2", far),
  ]);
  const one = await stage.get<ChannelStatus>("/api/channels/eve/far");
  expect(one).toMatchObject({ user: "eve", channel: "far", state: "live", bytesIn: 0 });
  expect(one.cluster).toEqual(farLinks("n2", far));
  const player = JSON.parse((await stage.ask("/api/player/eve/far")).text);
  expect(player).toMatchObject({ live: true, format: null });
  cluster.isConnected = false;
  expect((await stage.get<ServerStatus>("/api/status")).cluster?.connected).toBe(false);
  watcher.end();
  broadcaster.end();
});

test("what is held here says more than other nodes do, and what nobody has on air is waited for", async () => {
  const cluster = madeUpCluster();
  await using stage = await newStage({}, cluster);
  const { broadcaster, watcher } = await onAir(stage);
  const states = async (): Promise<string> => {
    const { items } = await stage.get<Page<ChannelStatus>>("/api/channels");
    return items
      .map(({ channel, cluster: links, state }) => `${channel} ${state} ${links?.owner}`)
      .join();
  };
  expect(await states()).toBe("cam live undefined,far waiting undefined");
  broadcaster.end();
  await stage.media.log.said(/broadcaster .* (left|closed)/);
  cluster.links.set("bob/cam", farLinks("n2"));
  cluster.links.set("eve/far", farLinks("n2"));
  expect(await states()).toBe("cam lingering n2,far live n2");
  expect(await stage.get<ServerStatus>("/api/status")).toMatchObject({ channels: 2, live: 1 });
  watcher.end();
});
