/**
 * Peers that come by way of a proxy: their addresses are right everywhere, and nobody else can say
 * that he is one.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { proxied, proxyBinary, proxyHead, proxyLine } from "../support/proxy.ts";
import { relay } from "../support/server.ts";
import { admitted, connect, frame, payload, sha256, type Client } from "../support/sockets.ts";
import { running } from "./streams.ts";

const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

/** A proxy and no proxy. */
const PROXY = { from: "127.0.0.9" };
const FROM_PROXY = { "proxy-from": "127.0.0.8/31" };

setDefaultTimeout(60_000);

test.each([
  ["a line", proxyLine("192.0.2.7", 1234), "192.0.2.7", "192.0.2.7:1234"],
  ["bytes", proxyBinary("2001:db8::7", 1234), "2001:db8::7", "[2001:db8::7]:1234"],
  ["more bytes", proxyBinary("192.0.2.7", 1, payload(3000)), "192.0.2.7", "192.0.2.7:1"],
])("with %s the peer is who the proxy says, for the authenticator and in logs", async (...row) => {
  const [, header, address, peer] = row;
  const asked: string[] = [];
  await using fstream = await relay(FROM_PROXY, {
    authenticate(request) {
      asked.push(request.address);
      return Promise.resolve(null);
    },
  });
  using watcher = await connect(fstream.where, WATCH);
  await fstream.log.said(/is watched/);
  using broadcaster = await connect(fstream.where, undefined, { ...PROXY, replies: 1 });
  const bytes = payload(100_000);
  await broadcaster.send(Buffer.concat([header, frame(BROADCAST), bytes]));
  expect(await broadcaster.reply()).toBe("ok");
  await watcher.until(bytes.length);
  expect(watcher.digest()).toBe(sha256(bytes));
  broadcaster.destroy();
  await fstream.log.said(/broadcaster .* closed/);
  expect(asked).toContain(address);
  expect(fstream.log.matching(/127\.0\.0\.9/)).toEqual([]);
  expect(
    fstream.log.all.filter((line) => line.includes(` ${peer} `) || line.endsWith(` ${peer}`)),
  ).toHaveLength(2);
});

test("header, request and stream may come a byte at a time, or all at once", async () => {
  await using fstream = await relay(FROM_PROXY);
  for (const [index, header] of [proxyLine("192.0.2.7"), proxyBinary("192.0.2.7")].entries()) {
    const name = `user=bob,channel=${index},reply=1`;
    using watcher = await connect(fstream.where, `watch,${name}`);
    await fstream.log.said(/is watched/, index + 1);
    using broadcaster = await connect(fstream.where, undefined, { ...PROXY, replies: 1 });
    for (const byte of Buffer.concat([header, frame(`broadcast,${name}`), Buffer.from("bytes")])) {
      await broadcaster.send(Uint8Array.of(byte));
    }
    await watcher.until(5);
    expect(watcher.digest()).toBe(sha256(Buffer.from("bytes")));
  }
});

test("a proxy without a header is a bad request, also where it speaks HTTP", async () => {
  await using fstream = await relay(FROM_PROXY);
  using beside = await running(fstream.where, "beside");
  const beginnings = [
    frame(WATCH),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from("PROXY TCP9 \r\n"),
  ];
  for (const [index, bytes] of beginnings.entries()) {
    using client = await connect(fstream.where, undefined, PROXY);
    await client.send(bytes);
    expect(await client.ended()).not.toBe("own");
    expect(client.received()).toBe(0);
    await fstream.log.said(/^warn closed 127\.0\.0\.9:\d+, bad-request: .*PROXY header/, index + 1);
  }
  expect((await fstream.refreshed()).closes.get("bad-request")).toBe(beginnings.length);
  expect(await beside.isExact()).toBe(true);
});

test("from anybody else a header is never read: it is a bad request", async () => {
  await using fstream = await relay({ ...FROM_PROXY, "deny-watch": "127.0.0.1" });
  for (const [index, header] of [proxyLine("192.0.2.7"), proxyBinary("192.0.2.7")].entries()) {
    using client = await connect(fstream.where);
    await client.send(Buffer.concat([header, frame(WATCH)]));
    expect(await client.ended()).not.toBe("own");
    await fstream.log.said(/^warn closed 127\.0\.0\.1:\d+, bad-request: a request has/, index + 1);
  }
  expect(fstream.log.matching(/192\.0\.2\.7/)).toEqual([]);
});

test("a second header is no header", async () => {
  await using fstream = await relay(FROM_PROXY);
  using client = await connect(fstream.where, undefined, PROXY);
  await client.send(Buffer.concat([proxyLine("192.0.2.7"), proxyLine("127.0.0.1")]));
  expect(await client.ended()).not.toBe("own");
  await fstream.log.said(/^warn closed 192\.0\.2\.7:40000, bad-request: a request has/);
});

test("a header that does not come in time is a timeout, however steadily it comes", async () => {
  await using fstream = await relay({ ...FROM_PROXY, "handshake-timeout": "300ms" });
  using silent = await connect(fstream.where, undefined, PROXY);
  using slow = await connect(fstream.where, undefined, PROXY);
  const sendSlowly = async (): Promise<void> => {
    for (const byte of proxyBinary("192.0.2.7", 1, new Uint8Array(4000))) {
      await slow.send(Uint8Array.of(byte));
      await Bun.sleep(20);
    }
  };
  const sending = sendSlowly().catch(() => "stopped");
  expect(await silent.ended()).toBe("end");
  expect(await slow.ended()).not.toBe("own");
  expect(await sending).toBe("stopped");
  await fstream.log.said(/^warn closed 127\.0\.0\.9:\d+, timeout: /, 2);
});

test("a header leaves what is left of the time to the request", async () => {
  await using fstream = await relay({ ...FROM_PROXY, "handshake-timeout": "300ms" });
  using client = await connect(fstream.where, undefined, PROXY);
  await client.send(proxyLine("192.0.2.7", 9));
  expect(await client.ended()).toBe("end");
  await fstream.log.said(/^warn closed 192\.0\.2\.7:9, timeout: /);
});

test("a proxy that speaks for itself may do so, under its own address", async () => {
  await using fstream = await relay({ ...FROM_PROXY, "max-connections-per-address": "1" });
  const headers = [proxyHead(0x20, 0, new Uint8Array(0)), Buffer.from("PROXY UNKNOWN\r\n")];
  using broadcaster = await admitted(fstream.where, BROADCAST);
  const watchers: Client[] = [];
  for (const [index, header] of headers.entries()) {
    const watcher = await connect(fstream.where, undefined, { ...PROXY, replies: 1 });
    await watcher.send(Buffer.concat([header, frame(WATCH)]));
    expect(await watcher.reply()).toBe("ok");
    await fstream.log.said(/is watched from 127\.0\.0\.9:/, index + 1);
    watchers.push(watcher);
  }
  watchers.forEach((watcher) => watcher.destroy());
  expect(broadcaster.received()).toBe(0);
});

test("the channel password and a reply are the peer's own, as without a proxy", async () => {
  await using fstream = await relay(FROM_PROXY);
  using broadcaster = await proxied(
    fstream.where,
    "192.0.2.1",
    `${BROADCAST},channel-password=x`,
    PROXY,
  );
  expect(await broadcaster.reply()).toBe("ok");
  using wrong = await proxied(fstream.where, "192.0.2.2", WATCH, PROXY);
  expect(await wrong.reply()).toStartWith("error,code=unauthorized");
});
