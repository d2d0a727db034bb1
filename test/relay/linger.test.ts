/**
 * A broadcaster that vanishes: its watchers are kept for the linger time, go on when it returns,
 * and end cleanly when it does not.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { relay } from "../support/server.ts";
import { admitted, connect, payload, sha256 } from "../support/sockets.ts";
import { sendInStep } from "./streams.ts";

const MIB = 1024 * 1024;
const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

setDefaultTimeout(60_000);

test("when a broadcaster that vanished returns, the same connections go on", async () => {
  await using fstream = await relay({ linger: "1m" });
  const [first, second] = [payload(2 * MIB), payload(2 * MIB)];
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using watcher = await admitted(fstream.where, WATCH);
  using other = await admitted(fstream.where, WATCH);
  await sendInStep(broadcaster, first, [watcher, other]);
  broadcaster.destroy();
  await fstream.log.said(/bob\/: broadcaster .* closed .* reset: /);
  using returned = await admitted(fstream.where, BROADCAST);
  await sendInStep(returned, second, [watcher, other]);
  const digest = sha256(first, second);
  expect([watcher.digest(), other.digest()]).toEqual([digest, digest]);
  expect(fstream.log.matching(/watcher .* closed/)).toEqual([]);
  expect((await fstream.refreshed()).directory.counters.broadcasts).toBe(1);
});

test("who comes in linger time waits, and gets what the returning broadcaster sends", async () => {
  await using fstream = await relay({ linger: "1m" });
  const [first, second] = [payload(MIB), payload(MIB)];
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using watcher = await admitted(fstream.where, WATCH);
  await sendInStep(broadcaster, first, [watcher]);
  broadcaster.destroy();
  await fstream.log.said(/broadcaster .* closed/);
  using late = await connect(fstream.where, WATCH);
  await fstream.log.said(/is watched/, 2);
  using returned = await admitted(fstream.where, BROADCAST);
  expect(await late.reply()).toBe("ok");
  await sendInStep(returned, second, [watcher, late]);
  expect(watcher.digest()).toBe(sha256(first, second));
  expect(late.digest()).toBe(sha256(second));
});

test("at the end of the linger time all end cleanly with all bytes, however slow", async () => {
  await using fstream = await relay({ linger: "300ms" });
  const bytes = payload(6 * MIB);
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using watcher = await admitted(fstream.where, WATCH);
  using slow = await admitted(fstream.where, WATCH);
  slow.pause();
  await sendInStep(broadcaster, bytes, [watcher]);
  const gone = performance.now();
  broadcaster.destroy();
  expect(await watcher.ended()).toBe("end");
  expect(performance.now() - gone).toBeGreaterThan(250);
  expect(slow.received()).toBeLessThan(bytes.length);
  // The name is free again while one watcher is still on the way to the old stream's end.
  using next = await admitted(fstream.where, BROADCAST);
  await next.send(payload(1000));
  slow.resume();
  expect(await slow.ended()).toBe("end");
  const digest = sha256(bytes);
  expect([watcher.digest(), slow.digest()]).toEqual([digest, digest]);
  expect((await fstream.refreshed()).closes.get("ended")).toBe(2);
});

test("with linger=0 a broadcaster's end is the end for its watchers at once", async () => {
  await using fstream = await relay({ linger: "0" });
  const bytes = payload(MIB);
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using watcher = await admitted(fstream.where, WATCH);
  await broadcaster.send(bytes);
  broadcaster.end();
  expect(await watcher.ended()).toBe("end");
  expect(watcher.digest()).toBe(sha256(bytes));
});

test("a watcher that is on its way to the end and stalls is closed as too slow", async () => {
  await using fstream = await relay({ linger: "0", stall: "1s" });
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using watcher = await admitted(fstream.where, WATCH);
  using frozen = await admitted(fstream.where, WATCH);
  frozen.pause();
  await sendInStep(broadcaster, payload(MIB), [watcher]);
  broadcaster.end();
  expect(await watcher.ended()).toBe("end");
  await fstream.log.said(/watcher .* too-slow: took no byte for too long/);
  expect(await frozen.ended()).toBe("reset");
  await fstream.connected(0);
});

test("a second broadcaster takes over: watchers get one stream after the other", async () => {
  await using fstream = await relay();
  const [first, second] = [payload(2 * MIB), payload(2 * MIB)];
  using one = await admitted(fstream.where, BROADCAST);
  using watcher = await admitted(fstream.where, WATCH);
  await sendInStep(one, first, [watcher]);
  using two = await admitted(fstream.where, BROADCAST);
  expect(await one.reply()).toMatch(/^error,code=busy/);
  // What the first one goes on sending belongs to nobody.
  await one.send(payload(1000)).catch(() => {});
  await sendInStep(two, second, [watcher]);
  expect(watcher.digest()).toBe(sha256(first, second));
});
