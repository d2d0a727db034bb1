/**
 * What a peer is told: `ok` or an error where it asked with reply=1, and else nothing but a close.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Authenticator } from "../../src/auth/authenticator.ts";
import { gate } from "../../src/auth/gate.ts";
import { loadPlugin } from "../../src/auth/plugin.ts";
import { usersFolder } from "../../src/auth/users.ts";
import { AUTH_FREE_FAILURES, AUTH_SHUT_OUT_FAILURES } from "../../src/core/limits.ts";
import { systemClock } from "../../src/server/clock.ts";
import { relay, temporaryFolder, type Folder } from "../support/server.ts";
import { admitted, connect, type Client, type Where } from "../support/sockets.ts";

setDefaultTimeout(60_000);

/** The users folder as a server asks it: bob has the password s3cret, anyone may be eve. */
async function users(folder: Folder): Promise<Authenticator> {
  await Bun.write(join(folder.path, "bob.ini"), "[DEFAULT]\npassword=s3cret\n");
  await Bun.write(join(folder.path, "eve.ini"), "[DEFAULT]\n");
  return gate(usersFolder({ folder: folder.path, onProblem: () => {} }), {
    clock: systemClock,
    onProblem: () => {},
  });
}

/** What `request` is answered with reply=1, and how the connection ends then. */
async function answer(where: Where, request: string): Promise<string> {
  using client = await connect(where, `${request},reply=1`);
  return await told(client);
}

/** The code of the error that a client reads before a clean end. */
async function told(client: Client): Promise<string> {
  const reply = await client.reply();
  expect(reply).toMatch(/^error,code=[a-z-]+,message=[^,]+$/);
  expect(await client.ended()).toBe("end");
  expect(client.received()).toBe(0);
  return /code=([a-z-]+)/.exec(reply)?.[1] ?? "";
}

/** How the connection of a peer that asked for no reply ends, and how many bytes it got. */
async function silently(where: Where, request: string): Promise<[string, number]> {
  using client = await connect(where, request);
  return [await client.ended(), client.received()];
}

test("those who are let in read ok, and then the stream", async () => {
  await using fstream = await relay();
  using broadcaster = await connect(fstream.where, "broadcast,user=bob,reply=1");
  expect(await broadcaster.reply()).toBe("ok");
  using watcher = await connect(fstream.where, "watch,user=bob,reply=1");
  expect(await watcher.reply()).toBe("ok");
});

test("a watcher that waits reads its ok when the channel goes live", async () => {
  await using fstream = await relay();
  using watcher = await connect(fstream.where, "watch,user=bob,reply=1");
  await fstream.log.said(/is watched/);
  using other = await admitted(fstream.where, "broadcast,user=bob,channel=other,reply=1");
  other.end();
  await fstream.log.said(/bob\/other: broadcaster .* closed/);
  const reply = watcher.reply();
  expect(Bun.peek.status(reply)).toBe("pending");
  using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  expect(await reply).toBe("ok");
  await broadcaster.send(Buffer.from("bytes"));
  await watcher.until(5);
});

const BAD = [
  "listen,user=bob",
  "broadcast",
  "watch,user=",
  "watch,user=../../x",
  "watch,user=b ob",
];

test("what is no request is answered bad-request", async () => {
  await using fstream = await relay();
  for (const request of [...BAD, "watch,user=bob,join=never", "watch,user=bob,channel=a\nb"]) {
    expect(await answer(fstream.where, request)).toBe("bad-request");
  }
});

test("a wrong password, none, and no such user are answered unauthorized", async () => {
  await using folder = await temporaryFolder();
  await using fstream = await relay({}, await users(folder));
  for (const request of ["user=bob,user-password=x", "user=bob", "user=nobody"]) {
    expect(await answer(fstream.where, `broadcast,${request}`)).toBe("unauthorized");
  }
  using right = await connect(fstream.where, "broadcast,user=bob,user-password=s3cret,reply=1");
  expect(await right.reply()).toBe("ok");
});

test("a wrong channel password is answered unauthorized, at once or when it is known", async () => {
  await using fstream = await relay();
  using waiting = await connect(fstream.where, "watch,user=bob,channel-password=b,reply=1");
  using knowing = await connect(fstream.where, "watch,user=bob,channel-password=a,reply=1");
  await fstream.log.said(/is watched/, 2);
  using broadcaster = await admitted(
    fstream.where,
    "broadcast,user=bob,channel-password=a,reply=1",
  );
  expect(await told(waiting)).toBe("unauthorized");
  expect(await knowing.reply()).toBe("ok");
  expect(await answer(fstream.where, "watch,user=bob")).toBe("unauthorized");
  expect(await answer(fstream.where, "watch,user=bob,channel-password=A")).toBe("unauthorized");
  await broadcaster.send(Buffer.from("bytes"));
  await knowing.until(5);
  expect(waiting.received()).toBe(0);
});

test("what a module of the operator answers is passed on, its failure is forbidden", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "plugin.ts");
  await Bun.write(
    path,
    `export function authenticate({ user }) {
      if (user === "broken") { throw new Error("no database"); }
      return user === "bob" || { code: "forbidden", message: "not, you" };
    }`,
  );
  const plugin = gate(await loadPlugin(path), { clock: systemClock, onProblem: () => {} });
  await using fstream = await relay({}, plugin);
  using refused = await connect(fstream.where, "watch,user=eve,reply=1");
  expect(await refused.reply()).toBe("error,code=forbidden,message=not; you");
  expect(await answer(fstream.where, "broadcast,user=broken")).toBe("forbidden");
  using bob = await connect(fstream.where, "broadcast,user=bob,reply=1");
  expect(await bob.reply()).toBe("ok");
});

test("who keeps guessing passwords from many connections is answered limit", async () => {
  await using folder = await temporaryFolder();
  await using fstream = await relay({}, await users(folder));
  const wrong = "broadcast,user=bob,user-password=x";
  for (let failures = 0; failures < AUTH_FREE_FAILURES; failures++) {
    expect(await answer(fstream.where, wrong)).toBe("unauthorized");
  }
  const waiting = await Promise.all(
    Array.from({ length: AUTH_SHUT_OUT_FAILURES }, () =>
      connect(fstream.where, `${wrong},reply=1`),
    ),
  );
  const first = await Promise.any(waiting.map((client) => told(client)));
  expect(first).toBe("limit");
  waiting.forEach((client) => client.destroy());
});

test("a watcher of a user who does not exist is answered not-found", async () => {
  await using folder = await temporaryFolder();
  await using fstream = await relay({}, await users(folder));
  expect(await answer(fstream.where, "watch,user=nobody")).toBe("not-found");
});

test("wait=0 is answered not-live where nobody broadcasts, also in linger time", async () => {
  await using fstream = await relay();
  expect(await answer(fstream.where, "watch,user=bob,wait=0")).toBe("not-live");
  using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  using watcher = await connect(fstream.where, "watch,user=bob,wait=0,reply=1");
  expect(await watcher.reply()).toBe("ok");
  broadcaster.end();
  await fstream.log.said(/broadcaster .* closed/);
  expect(await answer(fstream.where, "watch,user=bob,wait=0")).toBe("not-live");
});

test("takeover=refuse: a second broadcaster is answered busy, the first goes on", async () => {
  await using fstream = await relay({ takeover: "refuse" });
  using first = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  using watcher = await admitted(fstream.where, "watch,user=bob,reply=1");
  expect(await answer(fstream.where, "broadcast,user=bob")).toBe("busy");
  await first.send(Buffer.from("bytes"));
  await watcher.until(5);
});

test("takeover=replace: the first broadcaster is told busy, the second goes on", async () => {
  await using fstream = await relay();
  using first = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  using watcher = await admitted(fstream.where, "watch,user=bob,reply=1");
  await first.send(Buffer.from("first"));
  await watcher.until(5);
  using second = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  expect(await told(first)).toBe("busy");
  await second.send(Buffer.from("second"));
  await watcher.until(11);
  expect((await fstream.refreshed()).directory.counters).toMatchObject({
    broadcasts: 1,
    takeovers: 1,
  });
});

test("a broadcaster that falls silent is told timeout, and its watchers are kept", async () => {
  await using fstream = await relay({ silence: "1s" });
  using silent = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  using watcher = await admitted(fstream.where, "watch,user=bob,reply=1");
  await silent.send(Buffer.from("bytes"));
  expect(await told(silent)).toBe("timeout");
  using back = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  await back.send(Buffer.from("again"));
  await watcher.until(10);
});

test("a server that stops tells broadcasters and those who wait shutting-down", async () => {
  await using fstream = await relay();
  using waiting = await connect(fstream.where, "watch,user=eve,reply=1");
  using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  using watcher = await admitted(fstream.where, "watch,user=bob,reply=1");
  await fstream.log.said(/is watched/, 2);
  const stopped = fstream.server.stop();
  expect(await told(waiting)).toBe("shutting-down");
  expect(await told(broadcaster)).toBe("shutting-down");
  expect(await watcher.ended()).toBe("end");
  expect(watcher.received()).toBe(0);
  await stopped;
});

test("who did not ask for a reply and is refused sees nothing but a close", async () => {
  await using folder = await temporaryFolder();
  await using fstream = await relay({ takeover: "refuse" }, await users(folder));
  using broadcaster = await connect(fstream.where, "broadcast,user=eve,channel-password=a");
  await fstream.log.said(/is live/);
  const refused = [
    ...BAD,
    "broadcast,user=bob,user-password=x",
    "watch,user=eve,channel-password=b",
    "watch,user=nobody",
    "watch,user=bob,wait=0",
    "broadcast,user=eve",
  ];
  for (const request of refused) {
    expect(await silently(fstream.where, request)).toEqual(["end", 0]);
  }
  using waiting = await connect(fstream.where, "watch,user=bob");
  await fstream.log.said(/bob\/ is watched/, 2);
  await fstream.server.stop();
  expect([await broadcaster.ended(), broadcaster.received()]).toEqual(["end", 0]);
  expect([await waiting.ended(), waiting.received()]).toEqual(["end", 0]);
});

test("a broadcaster that falls silent without a reply sees nothing but a close", async () => {
  await using fstream = await relay({ silence: "1s" });
  expect(await silently(fstream.where, "broadcast,user=bob")).toEqual(["end", 0]);
});
