/**
 * A hundred thousand hostile connections to the real program, while a broadcast goes on that nobody
 * may disturb. FSTREAM_TEST_SEED repeats a run: the connection of a number does the same in each run
 * with the same seed. Fewer come by default; FSTREAM_TEST_ALL=1 has all of them come.
 */
import { expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import {
  descriptorsOf,
  eventually,
  residentMiB,
  serverProcess,
  temporaryFolder,
  WORKERS,
  type Lines,
  type ServerProcess,
} from "../support/server.ts";
import { admitted, payload } from "../support/sockets.ts";
import { testWith } from "../relay/crowd.ts";
import { sendInStep } from "../relay/streams.ts";
import { fuzz } from "./run.ts";
import { writeSamples } from "./samples.ts";
import { show } from "./show.ts";

const ALL = Bun.env["FSTREAM_TEST_ALL"] === "1";
const CONNECTIONS = ALL ? 100_000 : 8_000;
const SEED = Number(Bun.env["FSTREAM_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** Processes that attack at the same time. */
const FUZZERS = 2;

const LIVE = "film";
const PASSWORD = "a password that nobody guesses";
const HANDSHAKE_MS = 2_000;

/**
 * Memory that a server may have taken in the end, most of it for heaps that have room, of which each
 * thread has one. A kilobyte kept of each of a hundred thousand connections would exceed it.
 */
const MEMORY_MIB = 96 + 48 * (WORKERS - 1);

setDefaultTimeout(600_000);

/** How many connections the log says have been closed, each with its line or within a count. */
function closes(log: Lines): number {
  const counts = log.matching(/ closed, [a-z-]+: \d+ more in the last second$/);
  const held = counts.map((line) => Number(/(\d+) more/.exec(line)?.[1]));
  const lines = log.matching(
    / closed (after |\S+:\d+( over HTTP)?, |a peer that was gone at once, )/,
  );
  return held.reduce((sum, count) => sum + count, lines.length);
}

/** Waits for as long as a channel lingers: until a watcher is told that its broadcaster is gone. */
async function lingerTime({ where }: ServerProcess): Promise<void> {
  const name = "user=bob,channel=last,reply=1";
  using broadcaster = await admitted(where, `broadcast,${name}`);
  using watcher = await admitted(where, `watch,${name}`);
  await sendInStep(broadcaster, payload(1000), [watcher]);
  broadcaster.end();
  await watcher.ended();
}

testWith(
  256,
  `${CONNECTIONS} hostile connections of the seed ${SEED} disturb nobody and leave nothing behind`,
  async () => {
    await using folder = await temporaryFolder();
    const path = (name: string): string => join(folder.path, name);
    await writeSamples(path("samples"));
    await Bun.write(path("users/bob.ini"), "[DEFAULT]\n");
    await Bun.write(path(`users/${LIVE}.ini`), `[DEFAULT]\npassword=${PASSWORD}\n`);
    await using server = await serverProcess({
      users: path("users"),
      linger: "1s",
      "handshake-timeout": `${HANDSHAKE_MS}ms`,
    });
    const descriptors = descriptorsOf(server.pid);
    using film = await show(server.where, LIVE, PASSWORD);
    const count = CONNECTIONS / FUZZERS;
    const [before, started] = [residentMiB(server.pid), performance.now()];
    const tallies = await Promise.all(
      Array.from({ length: FUZZERS }, (_, index) =>
        fuzz({
          port: server.port,
          seed: SEED,
          first: index * count,
          count,
          samples: path("samples"),
          live: LIVE,
          handshakeTimeout: HANDSHAKE_MS,
        }),
      ),
    );
    const [after, took] = [residentMiB(server.pid), performance.now() - started];

    expect(tallies.flatMap(({ faults }) => faults)).toEqual([]);
    expect(tallies.map(({ opened }) => opened)).toEqual(tallies.map(() => count));
    const figures = await film.finish();
    process.stderr.write(
      `seed ${SEED}: ${CONNECTIONS} connections in ${(took / 1000).toFixed(1)} s; ` +
        `beside them ${figures.frames} frames were seen ${figures.seen} times as they were sent, ` +
        `p50 ${figures.p50.toFixed(1)} ms, p99 ${figures.p99.toFixed(1)} ms; ` +
        `memory ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB after\n`,
    );
    // At first it may have had one more open: it had only just begun.
    await eventually(
      () => descriptorsOf(server.pid) <= descriptors,
      () => `${descriptors} descriptors of a server with ${descriptorsOf(server.pid)}`,
    );
    const connections = CONNECTIONS + figures.connections;
    await eventually(
      () => closes(server.log) >= connections,
      () => `the end of ${connections} connections in a log of ${closes(server.log)}`,
    );
    expect(closes(server.log)).toBe(connections);
    expect(server.log.matching(/internal error|a unix socket/)).toEqual([]);
    expect(after - before).toBeLessThan(MEMORY_MIB);

    await lingerTime(server);
    await server.log.said(/bob\/last: watcher .* closed/);
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(server.log.all.at(-2)).toContain(" 0 connections and 0 channels are open");
    expect(server.log.all.at(-1)).toContain("stopped after");
  },
);
