/**
 * Thousands of connections: what they cost the real program, and that it is over when they leave.
 */
import { expect, setDefaultTimeout } from "bun:test";
import {
  eventually,
  residentMiB,
  serverProcess,
  descriptorsOf,
  type Lines,
  WORKERS,
  type ServerProcess,
} from "../support/server.ts";
import { admitted, payload, sha256, within } from "../support/sockets.ts";
import { crowd, testWith } from "./crowd.ts";
import { running, sendInStep } from "./streams.ts";

const SILENT = 5_000;
const IDLE = 10_000;

/** Memory that 10,000 idle watchers may cost: more threads have more heaps, each with room to spare. */
const IDLE_MIB = 64 + 16 * (WORKERS - 1);

/** Memory that a server may keep after a crowd has gone: what is free for the next one. */
const LEFT_MIB = 48;

const WATCH = "watch,user=bob,reply=1";

setDefaultTimeout(180_000);

/** Waits until the server has `count` descriptors open. */
function descriptorsAre(server: ServerProcess, count: number): Promise<void> {
  const open = (): number => descriptorsOf(server.pid);
  return eventually(
    () => open() === count,
    () => `${count} descriptors of a server with ${open()}`,
  );
}

/** How many connections the log says were closed because they said nothing. */
function timeouts(log: Lines): number {
  const counts = log.matching(/closed, timeout: \d+ more/);
  return counts.reduce(
    (sum, line) => sum + Number(/(\d+) more/.exec(line)?.[1]),
    log.matching(/closed 127\.0\.0\.1:\d+, timeout: the request was not complete/).length,
  );
}

// Half of all connections may be silent.
testWith(
  2 * SILENT,
  "twice 5,000 connections that say nothing are closed, and are over",
  async () => {
    await using server = await serverProcess({ "handshake-timeout": "2s" });
    const empty = residentMiB(server.pid);
    using beside = await running(server.where, "beside");
    const descriptors = descriptorsOf(server.pid);
    for (const wave of [1, 2]) {
      using silent = await crowd(server.port, SILENT);
      await within(silent.gone, () => `the end of ${silent.open()} connections of wave ${wave}`);
    }
    expect(await beside.isExact()).toBe(true);
    await descriptorsAre(server, descriptors);
    const left = (): number => residentMiB(server.pid) - empty;
    // The collector and the allocator take their time.
    await eventually(
      () => left() < LEFT_MIB,
      () => `less than ${LEFT_MIB} MiB of a server that keeps ${left()}`,
    );
    await eventually(
      () => timeouts(server.log) === 2 * SILENT,
      () => `${2 * SILENT} timeouts in a log that tells of ${timeouts(server.log)}`,
    );
    expect(server.log.all.length).toBeLessThan(SILENT / 20);
  },
);

testWith(
  IDLE,
  "10,000 idle watchers cost at most 64 MiB, and are over when they leave",
  async () => {
    await using server = await serverProcess({ silence: "24h" });
    const empty = residentMiB(server.pid);
    using broadcaster = await admitted(server.where, "broadcast,user=bob,reply=1");
    const descriptors = descriptorsOf(server.pid);
    using idle = await crowd(server.port, IDLE, WATCH);
    expect(descriptorsOf(server.pid)).toBe(descriptors + IDLE);
    expect(residentMiB(server.pid) - empty).toBeLessThan(IDLE_MIB);
    idle[Symbol.dispose]();
    await descriptorsAre(server, descriptors);
    using watcher = await admitted(server.where, WATCH);
    const bytes = payload(1024 * 1024);
    await sendInStep(broadcaster, bytes, [watcher]);
    expect(watcher.digest()).toBe(sha256(bytes));
  },
);
