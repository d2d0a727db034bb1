/**
 * Clients that know several servers, and go on at the next one.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { RETURN_MS } from "../../src/core/limits.ts";
import { film, numbers } from "../hub/film.ts";
import { newStage, TEST_MS, type Program } from "../support/program.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(1_000));
const OPEN = { users: { open: null } };

/** Ports at which nobody listens. */
const NOBODY = "127.0.0.1:1";
const NOBODY_EITHER = "127.0.0.1:2";

setDefaultTimeout(TEST_MS);

/** Each line in which a client has said that it goes on elsewhere. */
function turns({ said }: Program): string[] {
  return said
    .text()
    .split("\n")
    .filter((line) => line.includes("; trying "));
}

test("with --retry both go on at the second server when the first one is killed, at once", async () => {
  await using stage = await newStage();
  const first = await stage.serve(OPEN);
  const second = await stage.serve(OPEN);
  const where = [`${first.address},${second.address}`, "-u", "open", "--retry"];
  const watcher = stage.fstream(["watch", ...where]);
  await first.said.line(/is watched/);
  const broadcaster = stage.fstream(["broadcast", ...where]);
  await broadcaster.write(BYTES);
  await first.said.line(/is live/);
  const reader = watcher.stdout.getReader();
  expect((await reader.read()).value).toEqual(BYTES);

  first.kill("SIGKILL");
  await first.exited();
  await second.said.line(/is watched/);
  await second.said.line(/is live/);
  await broadcaster.write(BYTES);
  expect((await reader.read()).value).toEqual(BYTES);
  for (const client of [watcher, broadcaster]) {
    expect(turns(client)).toHaveLength(1);
    expect(client.said.text()).toEndWith(`; trying ${second.address}\n`);
  }
  await broadcaster.end();
  expect(await broadcaster.exited()).toBe(0);
});

test("with --retry they come round to the first server again", async () => {
  await using stage = await newStage();
  const first = await stage.serve(OPEN);
  const second = await stage.serve(OPEN);
  const url = `fstream://${first.address},${second.address}/open`;
  const broadcaster = stage.fstream(["broadcast", url, "--retry"]);
  await broadcaster.write(BYTES);
  await first.said.line(/is live/);
  first.kill("SIGKILL");
  await second.said.line(/is live/);
  second.kill("SIGKILL");
  await broadcaster.said.line(new RegExp(`; trying ${first.address} in `));
  await broadcaster.said.line(new RegExp(`; trying ${second.address} in `));
  const third = await stage.serve({ ...OPEN, port: first.port });
  await third.said.line(/is live/);
  await broadcaster.end();
  expect(await broadcaster.exited()).toBe(0);
});

test("a server that shuts down is left for the next one, which gets a stream with a beginning", async () => {
  await using stage = await newStage();
  const first = await stage.serve(OPEN);
  const second = await stage.serve(OPEN);
  const other = stage.fstream(["watch", second.address, "-u", "open"]);
  const received = other.stdout.bytes();
  await second.said.line(/is watched/);
  const where = [`${first.address},${second.address}`, "-u", "open", "--retry"];
  const broadcaster = stage.fstream(["broadcast", ...where]);
  const pieces = film(20, 4, 300);
  const stream = Buffer.concat(pieces);
  const middle = 32 + 5 * 312 + 100;
  await broadcaster.write(stream.subarray(0, middle));
  await first.said.line(/is IVF/);
  first.kill("SIGTERM");
  await second.said.line(/is live/);
  await broadcaster.write(stream.subarray(middle));
  await broadcaster.end();
  expect(await broadcaster.exited()).toBe(0);
  expect(turns(broadcaster)).toHaveLength(1);
  expect(broadcaster.said.text()).toMatch(/refused \(shutting-down\): .*; trying 127/);
  expect(await other.exited()).toBe(0);
  expect(numbers(await received)).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test.each([
  ["without", []],
  ["with", ["--retry"]],
])("a first server that refuses connections is passed over, %s --retry", async (_, retry) => {
  await using stage = await newStage();
  const relay = await stage.serve(OPEN);
  const env = { FSTREAM_ADDRESS: `${NOBODY},${relay.address}` };
  const watcher = stage.fstream(["watch", "-u", "open", ...retry], { env });
  await relay.said.line(/is watched/);
  const broadcaster = stage.fstream(["broadcast", "-u", "open", ...retry], { env });
  await broadcaster.write(BYTES);
  expect((await watcher.stdout.getReader().read()).value).toEqual(BYTES);
  await broadcaster.end();
  expect(await broadcaster.exited()).toBe(0);
  expect(broadcaster.said.text()).toBe(
    `fstream: nobody listens on ${NOBODY}: is the server running there?; trying ${relay.address}\n`,
  );
});

test("without --retry the end is told of all servers when none can be reached, exit code 5", async () => {
  await using stage = await newStage();
  const missing = stage.path("none.sock");
  const list = `${NOBODY},${missing},${NOBODY_EITHER}`;
  for (const verb of ["watch", "broadcast"]) {
    const args = [verb, list, "-u", "open", "--quiet"];
    const { code, stderr } = await stage.fstream(args, { stdin: "ignore" }).ending();
    expect(stderr).toBe(
      `fstream: none of 3 servers can be reached: ` +
        `(1) nobody listens on ${NOBODY}: is the server running there? ` +
        `(2) there is no socket at unix:${missing}: is the server running with --unix? ` +
        `(3) nobody listens on ${NOBODY_EITHER}: is the server running there?\n`,
    );
    expect(code).toBe(5);
  }
});

test("without --retry a server that refuses, or is lost, is the end", async () => {
  await using stage = await newStage();
  const relay = await stage.serve(OPEN);
  const list = `${relay.address},${NOBODY}`;
  const refused = await stage.fstream(["watch", list, "-u", "nobody"]).ending();
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/^fstream: refused \(not-found\).*\n$/);
  const broadcaster = stage.fstream(["broadcast", list, "-u", "open"]);
  await broadcaster.write(BYTES);
  await relay.said.line(/is live/);
  relay.kill("SIGKILL");
  const lost = await broadcaster.ending();
  expect(lost.code).toBe(4);
  expect(lost.stderr).toMatch(/^fstream: .* closed the connection\n$/);
});

test("a list that is none is a mistake that says what to type", async () => {
  await using stage = await newStage();
  for (const [list, pattern] of [
    ["a,,b", /write HOST:PORT,HOST:PORT/],
    ["fstream://a/x,fstream://b/x", /write fstream:\/\/HOST:PORT,HOST:PORT\/USER\/CHANNEL/],
    ["a,b:x", /"b:x" has no valid port/],
  ] as const) {
    const args = ["watch", list, "-u", "open"];
    const { code, stderr } = await stage.fstream(args, { stdin: "ignore" }).ending();
    expect(stderr).toMatch(pattern);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  }
});

test("a broadcast's end is the end for a watcher, though another server is away", async () => {
  await using stage = await newStage();
  const relay = await stage.serve({ ...OPEN, flags: ["--linger", "0"] });
  const watcher = stage.fstream(["watch", `${relay.address},${NOBODY}`, "-u", "open", "--retry"]);
  await relay.said.line(/is watched/);
  const broadcaster = stage.fstream(["broadcast", relay.address, "-u", "open"]);
  await broadcaster.write(BYTES);
  await broadcaster.end();
  const { code, stderr } = await watcher.ending();
  expect(stderr).toMatch(
    new RegExp(
      `the stream ended; trying ${NOBODY}\n.*nobody listens on .*; trying ${relay.address} in`,
    ),
  );
  expect(code).toBe(0);
});

test("a watcher that finds its server away as well waits as long as it takes", async () => {
  await using stage = await newStage();
  const first = await stage.serve(OPEN);
  const where = ["-u", "open", "--retry"];
  const watcher = stage.fstream(["watch", `${first.address},${NOBODY}`, ...where]);
  await first.said.line(/is watched/);
  const broadcaster = stage.fstream(["broadcast", first.address, ...where]);
  const reader = watcher.stdout.getReader();
  await broadcaster.write(BYTES);
  expect((await reader.read()).value).toEqual(BYTES);
  broadcaster.kill("SIGKILL");
  first.kill("SIGTERM");
  await watcher.said.line(new RegExp(`nobody listens on ${first.address}`));
  const second = await stage.serve({ ...OPEN, port: first.port });
  await second.said.line(/is watched/);
  await Bun.sleep(RETURN_MS + 1_000);
  const late = stage.fstream(["broadcast", second.address, ...where]);
  await late.write(BYTES);
  expect((await reader.read()).value).toEqual(BYTES);
});
