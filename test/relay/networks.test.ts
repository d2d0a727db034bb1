/**
 * Who may broadcast and who may watch, by address.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { proxied } from "../support/proxy.ts";
import { relay, temporaryFolder } from "../support/server.ts";
import { admitted, connect, frame, payload } from "../support/sockets.ts";
import { running } from "./streams.ts";

const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";
const NO_WATCH = "error,code=forbidden,message=nobody may watch from this address";
const NO_BROADCAST = "error,code=forbidden,message=nobody may broadcast from this address";

setDefaultTimeout(60_000);

test("who is denied is told so, whatever it asks for, and others are let in", async () => {
  await using fstream = await relay({
    "deny-watch": "127.0.0.2, 10.0.0.0/8",
    "deny-broadcast": "127.0.0.3",
  });
  using beside = await running(fstream.where, "beside");
  using watcher = await connect(fstream.where, WATCH, { from: "127.0.0.2" });
  expect(await watcher.reply()).toBe(NO_WATCH);
  using broadcaster = await admitted(fstream.where, BROADCAST, { from: "127.0.0.2" });
  using other = await connect(fstream.where, BROADCAST, { from: "127.0.0.3" });
  expect(await other.reply()).toBe(NO_BROADCAST);
  using instead = await admitted(fstream.where, WATCH, { from: "127.0.0.3" });
  await broadcaster.send(Buffer.from("bytes"));
  await instead.until(5);
  watcher.end();
  other.end();
  await fstream.log.said(/^warn bob\/: (?:watcher|broadcaster) .*, forbidden: nobody may/, 2);
  expect((await fstream.refreshed()).refused.networks).toBe(2);
  expect((await fstream.refreshed()).closes.get("forbidden")).toBe(2);
  expect(await beside.isExact()).toBe(true);
});

test("with a list of those who may, nobody else may, and who is denied still may not", async () => {
  await using fstream = await relay({
    "allow-watch": "127.0.0.0/30, ::/0",
    "deny-watch": "127.0.0.2/31, 2001:db8::/32",
    "allow-broadcast": "127.0.0.1",
    "proxy-from": "127.0.0.9",
  });
  using broadcaster = await admitted(fstream.where, BROADCAST);
  const via = { from: "127.0.0.9" };
  const clients = [
    await connect(fstream.where, WATCH),
    await connect(fstream.where, WATCH, { from: "127.0.0.2" }),
    await connect(fstream.where, WATCH, { from: "127.0.0.4" }),
    await proxied(fstream.where, "2001:db9::1", WATCH, via),
    await proxied(fstream.where, "2001:db8::1", WATCH, via),
    await proxied(fstream.where, "::ffff:127.0.0.1", WATCH, via),
    await proxied(fstream.where, "::ffff:127.0.0.2", WATCH, via),
    await connect(fstream.where, BROADCAST, { from: "127.0.0.2", replies: 1 }),
  ];
  const replies = await Promise.all(clients.map((client) => client.reply()));
  const expected = ["ok", NO_WATCH, NO_WATCH, "ok", NO_WATCH, "ok", NO_WATCH, NO_BROADCAST];
  expect(replies).toEqual(expected);
  expect(broadcaster.received()).toBe(0);
  clients.forEach((client) => client.destroy());
});

test("no password is looked at of one who is denied", async () => {
  const asked: string[] = [];
  await using fstream = await relay(
    { "deny-broadcast": "127.0.0.2" },
    {
      authenticate({ address }) {
        asked.push(address);
        return Promise.resolve(null);
      },
    },
  );
  using denied = await connect(fstream.where, BROADCAST, { from: "127.0.0.2" });
  expect(await denied.reply()).toBe(NO_BROADCAST);
  using other = await admitted(fstream.where, BROADCAST, { from: "127.0.0.3" });
  expect(asked).toEqual(["127.0.0.3"]);
  expect(other.received()).toBe(0);
});

test("who did not ask for a reply gets no byte, also when it sends all the time", async () => {
  await using fstream = await relay({ "deny-broadcast": "127.0.0.1", "deny-watch": "127.0.0.1" });
  using watcher = await connect(fstream.where, "watch,user=bob");
  expect(await watcher.ended()).toBe("end");
  using broadcaster = await connect(fstream.where);
  const bytes = Buffer.concat([frame("broadcast,user=bob"), payload(4 * 1024 * 1024)]);
  await broadcaster.send(bytes).catch(() => {});
  expect(await broadcaster.ended()).not.toBe("own");
  expect([watcher.received(), broadcaster.received()]).toEqual([0, 0]);
  await fstream.log.said(/forbidden/, 2);
});

test("on a unix socket the lists say nothing: there the folder decides", async () => {
  await using folder = await temporaryFolder();
  const unix = join(folder.path, "fstream.sock");
  await using fstream = await relay({
    unix,
    "allow-broadcast": "192.0.2.1",
    "deny-watch": "0.0.0.0/0, ::/0",
  });
  using broadcaster = await admitted({ unix }, BROADCAST);
  using watcher = await admitted({ unix }, WATCH);
  await broadcaster.send(Buffer.from("bytes"));
  await watcher.until(5);
  expect((await fstream.refreshed()).refused.networks).toBe(0);
});
