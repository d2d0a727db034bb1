/**
 * How many may come, and how much they may send: each limit by itself, and that it is over when its
 * cause is.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { proxied } from "../support/proxy.ts";
import { relay, temporaryFolder, WORKERS } from "../support/server.ts";
import { admitted, connect, frame, payload, sha256, turnedAway } from "../support/sockets.ts";
import { running } from "./streams.ts";

const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

setDefaultTimeout(60_000);

test("a connection above the cap is closed, those below it go on, until one leaves", async () => {
  await using fstream = await relay({ "max-connections": "5" });
  using beside = await running(fstream.where, "beside");
  const BESIDE = "watch,user=bob,channel=beside,reply=1";
  using fourth = await admitted(fstream.where, BESIDE);
  using fifth = await connect(fstream.where, "watch,user=eve,reply=1");
  await fstream.log.said(/eve\/ is watched/);
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await turnedAway(fstream.where)).toBe("reset");
  }
  await fstream.log.said(/^warn refused a connection: all 5 are taken/, 3);
  expect((await fstream.refreshed()).refused.connections).toBe(3);
  await fstream.connected(5);
  fifth.destroy();
  await fstream.log.said(/eve\/: watcher .* closed/);
  await fstream.connected(4);
  using instead = await admitted(fstream.where, BESIDE);
  await Promise.all([fourth.until(16_384), instead.until(16_384)]);
  expect(await beside.isExact()).toBe(true);
});

test("a broadcaster above the cap is closed too, and can come when there is room", async () => {
  await using fstream = await relay({ "max-connections": "1" });
  using waiting = await connect(fstream.where, "watch,user=bob");
  await fstream.log.said(/is watched/);
  expect(await turnedAway(fstream.where)).toBe("reset");
  waiting.destroy();
  await fstream.log.said(/watcher .* closed/);
  await fstream.connected(0);
  using broadcaster = await admitted(fstream.where, BROADCAST);
  expect(broadcaster.received()).toBe(0);
});

describe("an address that may have two connections", () => {
  const FEW = { "max-connections-per-address": "2" };

  test("is refused a third, others are not, until one of the two leaves", async () => {
    await using fstream = await relay(FEW);
    const mine = { from: "127.0.0.2" };
    using first = await admitted(fstream.where, BROADCAST, mine);
    using second = await connect(fstream.where, "watch,user=eve", mine);
    await fstream.log.said(/eve\/ is watched/);
    expect(await turnedAway(fstream.where, mine)).toBe("reset");
    await fstream.log.said(/^warn refused a connection from 127\.0\.0\.2: /);
    expect((await fstream.refreshed()).refused.connectionsPerAddress).toBe(1);
    using other = await admitted(fstream.where, WATCH, { from: "127.0.0.3" });
    second.destroy();
    await fstream.log.said(/eve\/: watcher .* closed/);
    await fstream.connected(2);
    using again = await admitted(fstream.where, WATCH, mine);
    await first.send(Buffer.from("bytes"));
    await Promise.all([other.until(5), again.until(5)]);
  });

  test("is an IPv6 network of /64, and the same IPv4 address in either form", async () => {
    await using fstream = await relay({ ...FEW, "proxy-from": "127.0.0.1" });
    const groups = [
      ["2001:db8::1", "2001:db8::2:3:4:5", "2001:db8::3", "2001:db8:0:1::1"],
      ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201", "192.0.2.2"],
    ];
    for (const [index, [one = "", two = "", three = "", other = ""]] of groups.entries()) {
      using first = await proxied(fstream.where, one, WATCH);
      using second = await proxied(fstream.where, two, WATCH);
      // The first two of this group, and three of each one before.
      await fstream.log.said(/is watched/, 3 * index + 2);
      using third = await proxied(fstream.where, three, WATCH);
      expect(await third.ended()).not.toBe("own");
      await fstream.log.said(/^warn closed .*, limit: this address has all/);
      using fourth = await proxied(fstream.where, other, WATCH);
      using broadcaster = await proxied(fstream.where, "198.51.100.1", BROADCAST);
      const replies = [first, second, fourth, broadcaster].map((client) => client.reply());
      expect(await Promise.all(replies)).toEqual(["ok", "ok", "ok", "ok"]);
      expect(third.received()).toBe(0);
    }
    expect((await fstream.refreshed()).refused.connectionsPerAddress).toBe(2);
    expect((await fstream.refreshed()).closes.get("limit")).toBe(2);
  });

  test("is no unix socket and no proxy", async () => {
    await using folder = await temporaryFolder();
    const unix = join(folder.path, "fstream.sock");
    await using fstream = await relay({ ...FEW, unix, "proxy-from": "127.0.0.1" });
    using broadcaster = await admitted({ unix }, BROADCAST);
    const clients = [
      ...(await Promise.all([1, 2, 3].map(() => admitted({ unix }, WATCH)))),
      ...(await Promise.all([1, 2, 3].map((n) => proxied(fstream.where, `192.0.2.${n}`, WATCH)))),
    ];
    await fstream.log.said(/is watched/, clients.length);
    await broadcaster.send(Buffer.from("bytes"));
    await Promise.all(clients.map((client) => client.until(5)));
    clients.forEach((client) => client.destroy());
  });

  test("is not a proxy's either where peers of the proxy's own machine use it up", async () => {
    const proxy = { from: "127.0.0.9" };
    await using fstream = await relay({ ...FEW, "proxy-from": "127.0.0.9" });
    using broadcaster = await proxied(fstream.where, "127.0.0.9", BROADCAST, proxy);
    using watcher = await proxied(fstream.where, "127.0.0.9", WATCH, proxy);
    expect(await Promise.all([broadcaster.reply(), watcher.reply()])).toEqual(["ok", "ok"]);
    using other = await proxied(fstream.where, "192.0.2.1", WATCH, proxy);
    expect(await other.reply()).toBe("ok");
  });

  test("has its places again when its connections were refused for something else", async () => {
    await using fstream = await relay({ ...FEW, "deny-watch": "127.0.0.1" });
    for (let attempt = 1; attempt <= 5; attempt++) {
      using refused = await connect(fstream.where, WATCH);
      expect(await refused.reply()).toStartWith("error,code=forbidden");
      refused.end();
      await fstream.log.said(/forbidden/, attempt);
    }
  });
});

// Each thread closes the first of its own: see threads/limits.test.ts.
test.skipIf(WORKERS > 1)(
  "half of all connections may be silent: one more, and the first is closed",
  async () => {
    await using fstream = await relay({ "max-connections": "10" });
    using beside = await running(fstream.where, "beside");
    const silent = [];
    for (let i = 0; i < 5; i++) {
      silent.push(await connect(fstream.where));
    }
    await silent[2]?.send(frame(WATCH));
    await fstream.log.said(/bob\/ is watched/);
    using sixth = await connect(fstream.where);
    using seventh = await connect(fstream.where);
    expect(await silent[0]?.ended()).toBe("reset");
    const line = await fstream.log.said(/^warn closed .*, limit: too many others/);
    expect(fstream.log.matching(/closed/)).toEqual([line]);
    expect((await fstream.refreshed()).refused.handshakes).toBe(1);
    await sixth.send(frame("watch,user=bob,channel=beside"));
    await seventh.send(frame("watch,user=bob,channel=beside"));
    await Promise.all([sixth.until(16_384), seventh.until(16_384)]);
    expect(await beside.isExact()).toBe(true);
    silent.forEach((client) => client.destroy());
  },
);

test("a silent connection that has gone does not count among the silent ones", async () => {
  await using fstream = await relay({ "max-connections": "10" });
  for (let gone = 1; gone <= 8; gone++) {
    using silent = await connect(fstream.where);
    silent.destroy();
    await fstream.log.said(/closed .*, (?:left|reset)/, gone);
  }
  expect((await fstream.refreshed()).refused.handshakes).toBe(0);
});

test("a channel that has all its watchers refuses the next one with limit, until one leaves", async () => {
  await using fstream = await relay({ "max-watchers": "2" });
  using beside = await running(fstream.where, "beside");
  const BESIDE = "watch,user=bob,channel=beside";
  using third = await connect(fstream.where, `${BESIDE},reply=1`);
  expect(await third.reply()).toStartWith("error,code=limit,message=the channel has all");
  using silent = await connect(fstream.where, BESIDE);
  expect(await silent.ended()).toBe("end");
  expect(silent.received()).toBe(0);
  await fstream.log.said(/^warn bob\/beside: watcher .*, limit: the channel has all/, 2);
  expect((await fstream.refreshed()).directory.counters.watchersRefused).toBe(2);
  using waiting = await connect(fstream.where, WATCH);
  using broadcaster = await admitted(fstream.where, BROADCAST);
  expect(await waiting.reply()).toBe("ok");
  expect(broadcaster.received()).toBe(0);
  expect(await beside.isExact()).toBe(true);
});

test("a user who has all channels on air is refused another with limit", async () => {
  await using fstream = await relay({ "max-channels-per-user": "1" });
  using beside = await running(fstream.where, "beside");
  using second = await connect(fstream.where, `${BROADCAST},channel=b`);
  expect(await second.reply()).toStartWith("error,code=limit,message=the user has all");
  using other = await admitted(fstream.where, "broadcast,user=eve,reply=1");
  expect(other.received()).toBe(0);
  expect((await fstream.refreshed()).directory.counters.channelsRefused).toBe(1);
  expect(await beside.isExact()).toBe(true);
});

describe("a broadcaster that may send 100 kB a second", () => {
  const SLOW = { "max-bitrate": "100k", linger: "0" };

  test("may begin with ten seconds' worth, and is closed with limit beyond that", async () => {
    await using fstream = await relay(SLOW);
    using watcher = await connect(fstream.where, WATCH);
    await fstream.log.said(/is watched/);
    using broadcaster = await admitted(fstream.where, BROADCAST, { halfOpen: true });
    const bytes = payload(1_000_000);
    await broadcaster.send(bytes);
    await watcher.until(bytes.length);
    const sending = broadcaster.send(payload(1_000_000)).catch(() => {});
    // Its watchers are not kept until it has read why.
    expect(await watcher.ended()).toBe("end");
    expect(fstream.log.matching(/broadcaster .* closed/)).toEqual([]);
    expect(await broadcaster.reply()).toStartWith("error,code=limit,message=the broadcaster sent");
    await sending;
    broadcaster.end();
    await fstream.log.said(/^warn bob\/: broadcaster .*, limit: the broadcaster sent more/);
    expect((await fstream.refreshed()).refused.bitrate).toBe(1);
    expect((await fstream.refreshed()).closes.get("limit")).toBe(1);
    expect(watcher.received()).toBeLessThan(2_000_000);
  });

  test("is closed without a word where it asked for none, also by its first bytes", async () => {
    await using fstream = await relay(SLOW);
    using broadcaster = await connect(fstream.where);
    const all = Buffer.concat([frame("broadcast,user=bob"), payload(8_000_000)]);
    await broadcaster.send(all).catch(() => {});
    expect(await broadcaster.ended()).not.toBe("own");
    expect(broadcaster.received()).toBe(0);
    await fstream.log.said(/limit: the broadcaster sent more/);
    using again = await admitted(fstream.where, BROADCAST);
    using watcher = await admitted(fstream.where, WATCH);
    const bytes = payload(50_000);
    await again.send(bytes);
    await watcher.until(bytes.length);
    expect(watcher.digest()).toBe(sha256(bytes));
  });
});
