/**
 * Memory of the real program while thousands of watchers come and go: it stays what it was.
 */
import { expect, setDefaultTimeout } from "bun:test";
import {
  eventually,
  residentMiB,
  serverProcess,
  descriptorsOf,
  WORKERS,
  type ServerProcess,
} from "../support/server.ts";
import { admitted, payload, sha256, within, type Client } from "../support/sockets.ts";
import { crowd, testWith } from "./crowd.ts";
import { sendInStep } from "./streams.ts";

const WATCH = "watch,user=bob,reply=1";

/** Watchers of a round that come and leave, besides 200 that stay for a while. */
const PASSERS = 1_800;

/** Rounds after which a process has the memory that it works with. Each thread has its share of them. */
const WARM_UP_ROUNDS = 4 * WORKERS;

/** Rounds of which the leanest counts: a full collection comes once in seven or so. */
const ROUNDS = 10 * WORKERS;

/** Growth that passes for none. A kilobyte kept of every watcher that came would exceed it. */
const FLAT_MIB = 16 * WORKERS;

setDefaultTimeout(180_000);

/** Most of two thousand watchers come and leave, some read a stream, some freeze and are closed. */
async function round(server: ServerProcess, broadcaster: Client): Promise<void> {
  using reader = await admitted(server.where, WATCH);
  using passers = await crowd(server.port, PASSERS, WATCH);
  passers.members.forEach((member, index) => (index % 2 ? member.end() : member.terminate()));
  using others = await crowd(server.port, 200, WATCH);
  const [frozen, readers] = [others.members.slice(0, 50), others.members.slice(50)];
  frozen.forEach((member) => member.pause());
  const bytes = payload(1024 * 1024);
  await sendInStep(broadcaster, bytes, [reader], 200 * 1024);
  expect(reader.digest()).toBe(sha256(bytes));
  readers.forEach((member) => member.terminate());
  // Those who are frozen are for the server to close.
  await within(Promise.all([passers.gone, others.gone]), "the end of a round's connections");
}

testWith(PASSERS, "thousands of watchers come, go and freeze, and memory stays flat", async () => {
  await using server = await serverProcess({ window: "256KiB", stall: "2s" });
  using broadcaster = await admitted(server.where, "broadcast,user=bob,reply=1");
  const descriptors = descriptorsOf(server.pid);
  const rounds = async (count: number): Promise<number> => {
    let leanest = Infinity;
    for (let index = 0; index < count; index++) {
      await round(server, broadcaster);
      await eventually(
        () => descriptorsOf(server.pid) === descriptors,
        "the end of a round's descriptors",
      );
      leanest = Math.min(leanest, residentMiB(server.pid));
    }
    return leanest;
  };
  await rounds(WARM_UP_ROUNDS);
  const before = await rounds(ROUNDS);
  const after = await rounds(ROUNDS);
  expect(after - before).toBeLessThan(FLAT_MIB);
});
