/**
 * Connections that say nothing, or nothing that makes sense: each is closed, with one line in the
 * log, and nobody else notices.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { relay } from "../support/server.ts";
import { connect, frame } from "../support/sockets.ts";
import { running } from "./streams.ts";

setDefaultTimeout(60_000);

/** The same bytes in every run, none of which begin a request. */
function noise(size: number): Uint8Array {
  let state = 0x2545f491;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function withHead(head: readonly number[], text: string): Uint8Array {
  return Buffer.concat([Uint8Array.from(head), Buffer.from(text)]);
}

const NONSENSE: readonly (readonly [string, Uint8Array])[] = [
  ["random bytes", noise(64)],
  ["a megabyte of random bytes", noise(1024 * 1024)],
  ["a length of four gigabytes", withHead([255, 255, 255, 255, 0], "watch,user=bob")],
  ["a length of zero", withHead([0, 0, 0, 0, 0], "watch,user=bob")],
  ["a length one above the most", withHead([0, 0, 16, 1, 0], "watch,user=bob")],
  ["another byte in the place of the NUL", withHead([0, 0, 0, 14, 1], "watch,user=bob")],
  ["bytes that are no UTF-8", frame(Buffer.from("watch,user=b\xffb", "latin1"))],
  ["a user that leads out of its folder", frame("watch,user=../../x")],
  ["a user that is a path", frame("broadcast,user=/etc/passwd")],
  ["a user that holds a NUL", frame("watch,user=bob\0")],
];

test.each(NONSENSE)("%s: closed, one line, no bytes, and nobody else notices", async (_, bytes) => {
  await using fstream = await relay();
  using beside = await running(fstream.where, "beside");
  const before = fstream.log.all.length;
  using client = await connect(fstream.where);
  // The server may have closed the connection before the last of these bytes.
  await client.send(bytes).catch(() => {});
  const ending = await client.ended();
  expect(ending === "end" || ending === "reset").toBe(true);
  const line = await fstream.log.said(/closed/);
  expect(line).toMatch(/^warn closed 127\.0\.0\.1:\d+, bad-request: /);
  expect(await beside.isExact()).toBe(true);
  const said = fstream.log.all.slice(before).filter((each) => !each.includes("bob/beside"));
  expect(said).toEqual([line]);
  await fstream.connected(3);
});

test("a connection that says nothing is closed after a while, without a byte", async () => {
  await using fstream = await relay({ "handshake-timeout": "200ms" });
  using beside = await running(fstream.where, "beside");
  const start = performance.now();
  using client = await connect(fstream.where);
  expect(await client.ended()).toBe("end");
  expect(performance.now() - start).toBeGreaterThan(150);
  expect(client.received()).toBe(0);
  await fstream.log.said(/^warn closed 127\.0\.0\.1:\d+, timeout: /);
  expect(await beside.isExact()).toBe(true);
});

test("a request that comes too slowly is closed however steadily it comes", async () => {
  await using fstream = await relay({ "handshake-timeout": "300ms" });
  using client = await connect(fstream.where);
  const sendSlowly = async (): Promise<void> => {
    for (const byte of frame(`watch,user=bob,channel=${"x".repeat(200)}`)) {
      await client.send(Uint8Array.of(byte));
      await Bun.sleep(20);
    }
  };
  const sending = sendSlowly().catch(() => "stopped");
  expect(await client.ended()).not.toBe("own");
  expect(await sending).toBe("stopped");
  await fstream.log.said(/^warn closed 127\.0\.0\.1:\d+, timeout: /);
});

test("a request that is complete is bound by no handshake timeout any more", async () => {
  await using fstream = await relay({ "handshake-timeout": "100ms" });
  using broadcaster = await connect(fstream.where, "broadcast,user=bob,reply=1");
  using watcher = await connect(fstream.where, "watch,user=bob,reply=1");
  using waiting = await connect(fstream.where, "watch,user=eve,reply=1");
  using silent = await connect(fstream.where);
  await silent.ended();
  await broadcaster.send(Buffer.from("bytes"));
  await watcher.until(5);
  using eve = await connect(fstream.where, "broadcast,user=eve,reply=1");
  expect(await waiting.reply()).toBe("ok");
  expect(await eve.reply()).toBe("ok");
});

test("a connection that is closed before it has said anything leaves nothing behind", async () => {
  await using fstream = await relay();
  using one = await connect(fstream.where);
  using two = await connect(fstream.where);
  await two.send(frame("watch,user=bob").subarray(0, 9));
  one.end();
  two.destroy();
  await fstream.log.said(/closed/, 2);
  await fstream.connected(0);
});

test("a watcher that talks a little is let be, one that talks on and on is sent away", async () => {
  await using fstream = await relay();
  using beside = await running(fstream.where, "beside");
  using watcher = await connect(fstream.where, "watch,user=bob,channel=beside,reply=1");
  expect(await watcher.reply()).toBe("ok");
  await watcher.send(new Uint8Array(1000));
  await watcher.until(16_384);
  await watcher.send(new Uint8Array(1024 * 1024)).catch(() => {});
  expect(await watcher.ended()).toBe("reset");
  await fstream.log.said(/bad-request: a watcher sent bytes after its request/);
  expect(await beside.isExact()).toBe(true);
});
