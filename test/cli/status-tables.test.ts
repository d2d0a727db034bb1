/**
 * The tables of `fstream status`, letter by letter: without a cluster, and with one.
 */
import { expect, test } from "bun:test";
import { serverCluster } from "../../src/admin/cluster.ts";
import { statusTables } from "../../src/cli/status-tables.ts";
import type {
  ChannelCluster,
  ChannelStatus,
  Page,
  ServerStatus,
} from "../../src/protocol/status.ts";
import { farLinks, madeUpCluster, madeUpNode, ownLinks } from "../support/cluster.ts";
import { madeUpChannel, madeUpStatus, madeUpWatcher } from "../pages/stand-in.ts";

function page<Item>(...items: readonly Item[]): Page<Item> {
  return { total: items.length, offset: 0, items };
}

function channel(name: string, cluster: ChannelCluster | null): ChannelStatus {
  return { ...madeUpChannel("fier", name), uptime: 62_000, cluster };
}

function server(cluster: ServerStatus["cluster"]): ServerStatus {
  const since = Date.now() - 93_500;
  return { ...madeUpStatus([], []), version: "1.2.3", since, live: 1, watchers: 1, cluster };
}

const HEAD = [
  "fstream 1.2.3, up 1:33: 1 live, 1 watchers, 96.0 MB",
  "0 bit/s in, 0 bit/s out, 12 skips",
];
const CHANNELS = [
  "",
  "CHANNEL               FORMAT    SIZE      WATCH          IN         OUT       UP",
  "fier/screen           H.264     1280x720      1 2.00 Mbit/s 2.00 Mbit/s     1:02",
];
const WATCHERS = [
  "",
  "WATCHER  CHANNEL               ADDRESS                       LAG     SENT  SKIPS",
  "w1       fier/screen           192.0.2.1:40001             21 ms  12.3 MB      1",
];

test("without a cluster they are the channels, and the watchers where they are asked for", () => {
  const channels = page(channel("screen", null));
  expect(statusTables(server(null), channels, undefined).split("\n")).toEqual([
    ...HEAD,
    ...CHANNELS,
  ]);
  const watchers = page(madeUpWatcher("fier", "screen", 1));
  const all = [...HEAD, ...CHANNELS, ...WATCHERS];
  expect(statusTables(server(null), channels, watchers).split("\n")).toEqual(all);
});

test("a server that knows of no clusters is shown as one without", () => {
  const { cluster: _, ...older } = server(null);
  const text = statusTables(JSON.parse(JSON.stringify(older)), page(), undefined);
  expect(text.split("\n").slice(0, 3)).toEqual([...HEAD, ""]);
});

test("in a cluster they say how it is, who owns a channel, who follows it, and which node is lost", () => {
  const cluster = madeUpCluster();
  const followers = [
    { node: "n3", lagBytes: 0 },
    { node: "n2", lagBytes: 1_230_000 },
  ];
  const channels = page(
    channel("screen", ownLinks(followers)),
    channel("cam", farLinks("n2", { follows: true, lag: 12, gaps: 3 })),
    channel("far", farLinks("n2")),
    channel("waiting", null),
  );
  cluster.others.push(
    madeUpNode("n2", { channels: 2 }),
    madeUpNode("n3", { lost: true, heard: 62_000 }),
  );
  const tables = [
    "",
    "CHANNEL               OWNER                 LAG   GAPS FOLLOWERS",
    "fier/screen           here                    –      – n2 1.23 MB on the way, n3",
    "fier/cam              n2                  12 ms      3 here",
    "fier/far              n2                      –      0",
    "",
    "NODE                                   STATE    CHANNELS        HEARD",
    "n3                                     lost            0     1:02 ago",
    "n2                                     up              2     0:00 ago",
  ];
  const lines = (): string[] =>
    statusTables(server(serverCluster(cluster)), channels, undefined).split("\n");
  expect(lines().slice(0, 3)).toEqual([...HEAD, "node n1, one of 3, connected, 1 lost"]);
  expect(lines().slice(3, 6)).toEqual(CHANNELS);
  expect(lines().slice(9)).toEqual(tables);
  cluster.isConnected = false;
  expect(lines()[2]).toBe("node n1, one of 3, NATS is away, 1 lost");
  expect(lines().every((line) => line.length <= 80)).toBe(true);
});

test("a node that is alone has a line, and no table of what is not there", () => {
  const alone = serverCluster(madeUpCluster());
  const text = statusTables(server(alone), page(channel("screen", null)), undefined);
  expect(text.split("\n")).toEqual([...HEAD, "node n1, one of 1, connected", ...CHANNELS]);
});

test("no name of a node steers a terminal, or takes the room of what is beside it", () => {
  const cluster = madeUpCluster();
  const name = `\u001b[2J${"n".repeat(99)}`;
  cluster.others.push(madeUpNode(name));
  const own = { ...serverCluster(cluster), node: name };
  const channels = page(
    channel("a", farLinks(name)),
    channel("b", ownLinks([{ node: name, lagBytes: 1 }])),
  );
  const status = {
    ...server(serverCluster(cluster)),
    cluster: { ...serverCluster(cluster), ...own },
  };
  const text = statusTables(JSON.parse(JSON.stringify(status)), channels, undefined);
  expect(text).not.toContain("\u001b");
  expect(text.split("\n").every((line) => line.length <= 80)).toBe(true);
});
