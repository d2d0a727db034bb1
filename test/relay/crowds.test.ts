/**
 * Thousands of connections: what they cost the real program, and that it is over when they leave.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  descriptorLimit,
  eventually,
  hasProc,
  residentMiB,
  serverProcess,
  socketsOf,
  type Lines,
  type ServerProcess,
} from "../support/server.ts";
import { admitted, payload, sha256, within } from "../support/sockets.ts";
import { crowd } from "./crowd.ts";
import { running, sendInStep } from "./streams.ts";

const SILENT = 5_000;
const IDLE = 10_000;

/** Memory that 10,000 idle watchers may cost. */
const IDLE_MIB = 64;

/** Memory that a server may keep after a crowd has gone: what is free for the next one. */
const LEFT_MIB = 48;

const WATCH = "watch,user=bob,reply=1";

/** Descriptors that the test and the server need besides those of the crowd. */
const OTHERS = 500;

setDefaultTimeout(180_000);

/** A test that needs `connections`, in a process for each side, and the means to measure them. */
function testWith(connections: number, title: string, body: () => Promise<void>): void {
  const lacking = !hasProc
    ? "there is no /proc here"
    : descriptorLimit() < connections + OTHERS
      ? `a process may have only ${descriptorLimit()} files open here, see ulimit -n`
      : undefined;
  if (lacking === undefined) {
    test(title, body);
  } else if (Bun.env["FSTREAM_TEST_ALL"] === "1") {
    test(title, () => {
      throw new Error(`${lacking}, and FSTREAM_TEST_ALL=1 asks for every test`);
    });
  } else {
    test.skip(`${title} (skipped: ${lacking})`, body);
  }
}

/** Waits until the server has `count` sockets open. */
function socketsAre(server: ServerProcess, count: number): Promise<void> {
  const open = (): number => socketsOf(server.pid);
  return eventually(
    () => open() === count,
    () => `${count} sockets of a server with ${open()}`,
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

testWith(SILENT, "twice 5,000 connections that say nothing are closed, and are over", async () => {
  await using server = await serverProcess({ "handshake-timeout": "2s" });
  const empty = residentMiB(server.pid);
  using beside = await running(server.where, "beside");
  const sockets = socketsOf(server.pid);
  for (const wave of [1, 2]) {
    using silent = await crowd(server.port, SILENT);
    await within(silent.gone, () => `the end of ${silent.open()} connections of wave ${wave}`);
  }
  expect(await beside.isExact()).toBe(true);
  await socketsAre(server, sockets);
  expect(residentMiB(server.pid) - empty).toBeLessThan(LEFT_MIB);
  await eventually(
    () => timeouts(server.log) === 2 * SILENT,
    () => `${2 * SILENT} timeouts in a log that tells of ${timeouts(server.log)}`,
  );
  expect(server.log.all.length).toBeLessThan(SILENT / 20);
});

testWith(
  IDLE,
  "10,000 idle watchers cost at most 64 MiB, and are over when they leave",
  async () => {
    await using server = await serverProcess({ silence: "24h" });
    const empty = residentMiB(server.pid);
    using broadcaster = await admitted(server.where, "broadcast,user=bob,reply=1");
    const sockets = socketsOf(server.pid);
    using idle = await crowd(server.port, IDLE, WATCH);
    expect(socketsOf(server.pid)).toBe(sockets + IDLE);
    expect(residentMiB(server.pid) - empty).toBeLessThan(IDLE_MIB);
    idle[Symbol.dispose]();
    await socketsAre(server, sockets);
    using watcher = await admitted(server.where, WATCH);
    const bytes = payload(1024 * 1024);
    await sendInStep(broadcaster, bytes, [watcher]);
    expect(watcher.digest()).toBe(sha256(bytes));
  },
);
