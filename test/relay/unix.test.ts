/**
 * Listening on a unix socket beside TCP, and whose file it is.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  failingServer,
  relay,
  serverProcess,
  temporaryFolder,
  type Folder,
} from "../support/server.ts";
import { admitted, payload, sha256, within, type Where } from "../support/sockets.ts";
import { sendInStep } from "./streams.ts";

const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

setDefaultTimeout(60_000);

function socketIn(folder: Folder): string {
  return join(folder.path, "relay.sock");
}

/** Whether a stream sent to one address arrives at another as it is. */
async function carries(from: Where, to: Where): Promise<boolean> {
  const bytes = payload(1024 * 1024);
  using broadcaster = await admitted(from, BROADCAST);
  using watcher = await admitted(to, WATCH);
  await sendInStep(broadcaster, bytes, [watcher]);
  return watcher.digest() === sha256(bytes);
}

test("what comes in by a unix socket or by TCP goes out by both", async () => {
  await using folder = await temporaryFolder();
  const unix = socketIn(folder);
  await using fstream = await relay({ unix });
  expect(await carries({ unix }, fstream.where)).toBe(true);
  expect(await carries(fstream.where, { unix })).toBe(true);
  expect(await carries({ unix }, { unix })).toBe(true);
  expect(fstream.log.matching(/bob\/ is live from a unix socket/)).toHaveLength(2);
});

test("a watcher on a unix socket that never reads is closed, and only that one", async () => {
  await using folder = await temporaryFolder();
  const unix = socketIn(folder);
  await using fstream = await relay({ unix, stall: "1s" });
  using broadcaster = await admitted({ unix }, BROADCAST);
  using watcher = await admitted({ unix }, WATCH);
  using frozen = await admitted({ unix }, WATCH);
  frozen.pause();
  const bytes = payload(4 * 1024 * 1024);
  await sendInStep(broadcaster, bytes, [watcher]);
  await fstream.log.said(/watcher a unix socket .* too-slow/);
  expect(watcher.digest()).toBe(sha256(bytes));
  await fstream.connected(2);
});

test("the file goes away with the server", async () => {
  await using folder = await temporaryFolder();
  const unix = socketIn(folder);
  const fstream = await relay({ unix });
  expect(statSync(unix).isSocket()).toBe(true);
  await fstream.server.stop();
  expect(existsSync(unix)).toBe(false);
});

test("the file of a server that was killed is replaced", async () => {
  await using folder = await temporaryFolder();
  const unix = socketIn(folder);
  await using killed = await serverProcess({ unix });
  expect(await carries({ unix }, killed.where)).toBe(true);
  killed.kill("SIGKILL");
  await within(killed.exited, "the end of a killed server");
  expect(statSync(unix).isSocket()).toBe(true);
  await using next = await serverProcess({ unix });
  expect(await carries({ unix }, next.where)).toBe(true);
});

test("the file of a server that runs is not replaced, and that one goes on", async () => {
  await using folder = await temporaryFolder();
  const unix = socketIn(folder);
  await using fstream = await relay({ unix });
  const { code, text } = await failingServer({ unix });
  expect(code).toBe(1);
  expect(text).toContain(`cannot listen on unix:${unix}: it is in use`);
  expect(await carries({ unix }, fstream.where)).toBe(true);
});

test("a file that is no socket is not touched", async () => {
  await using folder = await temporaryFolder();
  const unix = socketIn(folder);
  await Bun.write(unix, "somebody's notes");
  const { code, text } = await failingServer({ unix });
  expect(code).toBe(1);
  expect(text).toContain(`cannot listen on unix:${unix}`);
  expect(await Bun.file(unix).text()).toBe("somebody's notes");
});

test("a TCP port that is in use is one line that says so, and exit code 1", async () => {
  await using fstream = await relay();
  const port = "port" in fstream.where ? fstream.where.port : 0;
  const { code, text } = await failingServer({ port: String(port) });
  expect(code).toBe(1);
  expect(text.trim().split("\n")).toHaveLength(1);
  expect(text).toContain(`cannot listen on 127.0.0.1:${port}: it is in use`);
});
