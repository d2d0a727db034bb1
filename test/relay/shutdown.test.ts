/**
 * How the real program stops: in order at the first signal, at once at the second.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { eventually, serverProcess, type ServerProcess } from "../support/server.ts";
import { admitted, connect, payload, sha256, within, type Client } from "../support/sockets.ts";
import { testWith } from "./crowd.ts";
import { sendInStep } from "./streams.ts";

const MIB = 1024 * 1024;
const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

setDefaultTimeout(120_000);

interface Held extends Disposable {
  readonly broadcaster: Client;
  readonly watcher: Client;
  /** Reads nothing: the server has bytes left for it. */
  readonly stalled: Client;
  readonly bytes: Uint8Array;
}

/** A broadcast of which one watcher has everything, and one has stopped at its beginning. */
async function held(server: ServerProcess): Promise<Held> {
  const broadcaster = await admitted(server.where, BROADCAST);
  const watcher = await admitted(server.where, WATCH);
  const stalled = await admitted(server.where, WATCH);
  stalled.pause();
  const bytes = payload(4 * MIB);
  await sendInStep(broadcaster, bytes, [watcher]);
  return {
    broadcaster,
    watcher,
    stalled,
    bytes,
    [Symbol.dispose]: () => [broadcaster, watcher, stalled].forEach((client) => client.destroy()),
  };
}

/** Waits until the server handles signals: it says that it listens a moment before. */
async function heeds(server: ServerProcess): Promise<void> {
  const SIGTERM = 1n << 14n;
  const caught = (): bigint => {
    const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
    return BigInt(`0x${/^SigCgt:\s+(\w+)/m.exec(status)?.[1] ?? "0"}`);
  };
  await eventually(() => (caught() & SIGTERM) !== 0n, "a server that handles signals");
}

/** The exit code of a server that is stopping. */
function exitOf(server: ServerProcess): Promise<number | null> {
  return within(server.exited, () => `the server's exit:\n${server.log.all.join("\n")}`);
}

test("at a signal it takes no more connections, gives every byte and ends cleanly", async () => {
  await using server = await serverProcess({ drain: "1m", stall: "1m" });
  using all = await held(server);
  using waiting = await connect(server.where, "watch,user=bob,channel=other,reply=1");
  await server.log.said(/bob\/other is watched/);
  using silent = await connect(server.where);
  const start = performance.now();
  server.kill("SIGTERM");
  await server.log.said(/SIGTERM: stopping/);
  expect(await all.broadcaster.reply()).toMatch(/^error,code=shutting-down/);
  expect(await waiting.reply()).toMatch(/^error,code=shutting-down/);
  expect(await silent.ended()).not.toBe("own");
  expect(await all.watcher.ended()).toBe("end");
  expect(await connect(server.where).catch(String)).toContain("Failed to connect");
  all.stalled.resume();
  expect(await all.stalled.ended()).toBe("end");
  expect(await exitOf(server)).toBe(0);
  expect(performance.now() - start).toBeLessThan(40_000);
  const digest = sha256(all.bytes);
  expect([all.watcher.digest(), all.stalled.digest()]).toEqual([digest, digest]);
  expect(server.log.all.at(-1)).toContain("stopped after 1 broadcasts and 2 watchers");
});

test("a watcher that has stalled cannot hold it longer than the drain time", async () => {
  await using server = await serverProcess({ drain: "1s", stall: "1h" });
  using all = await held(server);
  const start = performance.now();
  server.kill("SIGTERM");
  expect(await exitOf(server)).toBe(0);
  expect(performance.now() - start).toBeGreaterThan(900);
  expect(await all.watcher.ended()).toBe("end");
  expect(await all.stalled.ended()).toBe("reset");
  expect(all.stalled.received()).toBeLessThan(all.bytes.length);
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("a second %s stops it at once, with the shell's code for it", async (signal, code) => {
  await using server = await serverProcess({ drain: "1h", stall: "1h" });
  using all = await held(server);
  server.kill(signal);
  await server.log.said(new RegExp(`${signal}: stopping; again to stop at once`));
  expect(await all.watcher.ended()).toBe("end");
  server.kill(signal);
  expect(await exitOf(server)).toBe(code);
});

testWith(1, "with nobody connected it stops at once", async () => {
  await using server = await serverProcess({ drain: "1h" });
  await heeds(server);
  server.kill("SIGINT");
  expect(await exitOf(server)).toBe(0);
});

testWith(1, "a connection that never says anything does not hold it", async () => {
  await using server = await serverProcess({ drain: "1h", "handshake-timeout": "1m" });
  using silent = await connect(server.where);
  await heeds(server);
  server.kill("SIGTERM");
  expect(await exitOf(server)).toBe(0);
  expect(await silent.ended()).toBe("reset");
});

test.each(["SIGTERM", "SIGKILL"] as const)(
  "after %s it starts again on the same port at once, although connections were open",
  async (signal) => {
    await using server = await serverProcess({ drain: "0" });
    using all = await held(server);
    server.kill(signal);
    await exitOf(server);
    await using again = await serverProcess({ port: String(server.port) });
    expect(again.port).toBe(server.port);
    expect(await all.broadcaster.ended()).not.toBe("own");
    using broadcaster = await admitted(again.where, BROADCAST);
    using watcher = await admitted(again.where, WATCH);
    const bytes = payload(MIB);
    await sendInStep(broadcaster, bytes, [watcher]);
    expect(watcher.digest()).toBe(sha256(bytes));
  },
);
