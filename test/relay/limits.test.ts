/**
 * The cap on connections.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { relay } from "../support/server.ts";
import { admitted, connect } from "../support/sockets.ts";
import { running } from "./streams.ts";

setDefaultTimeout(60_000);

test("a connection above the cap is closed, those below it go on, until one leaves", async () => {
  await using fstream = await relay({ "max-connections": "5" });
  using beside = await running(fstream.where, "beside");
  const WATCH = "watch,user=bob,channel=beside,reply=1";
  using fourth = await admitted(fstream.where, WATCH);
  using fifth = await connect(fstream.where, "watch,user=eve,reply=1");
  await fstream.log.said(/eve\/ is watched/);
  for (let attempt = 0; attempt < 3; attempt++) {
    using above = await connect(fstream.where);
    expect(await above.ended()).toBe("reset");
  }
  expect(fstream.log.matching(/^warn refused a connection: all 5 are taken/)).toHaveLength(3);
  expect(fstream.server.connections()).toBe(5);
  fifth.destroy();
  await fstream.log.said(/eve\/: watcher .* closed/);
  using instead = await admitted(fstream.where, WATCH);
  await Promise.all([fourth.until(16_384), instead.until(16_384)]);
  expect(await beside.isExact()).toBe(true);
});

test("a broadcaster above the cap is closed too, and can come when there is room", async () => {
  await using fstream = await relay({ "max-connections": "1" });
  using waiting = await connect(fstream.where, "watch,user=bob");
  await fstream.log.said(/is watched/);
  using above = await connect(fstream.where);
  expect(await above.ended()).toBe("reset");
  expect(above.received()).toBe(0);
  waiting.destroy();
  await fstream.log.said(/watcher .* closed/);
  using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  expect(broadcaster.received()).toBe(0);
});
