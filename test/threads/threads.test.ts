/**
 * A server of three threads: what is counted and decided for all of them, and what becomes of the rest
 * where one crashes.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { plantedRelay } from "../support/server.ts";
import {
  admitted,
  connect,
  frame,
  payload,
  sha256,
  type Client,
  type Where,
} from "../support/sockets.ts";
import { sendInStep } from "../relay/streams.ts";

const THREADS = 3;

/** Connections of one address, so many that each thread has some. */
const MANY = 24;

setDefaultTimeout(60_000);

function crowdOf(where: Where, request: string): Promise<Client[]> {
  return Promise.all(Array.from({ length: MANY }, () => admitted(where, request)));
}

async function broadcast(broadcaster: Client, watchers: readonly Client[]): Promise<void> {
  const before = watchers.map((watcher) => watcher.received());
  const bytes = payload(256 * 1024);
  await sendInStep(broadcaster, bytes, watchers);
  expect(before.every((count) => count > 0)).toBe(true);
}

test("a worker that crashes costs its connections alone, is replaced, and the log says so", async () => {
  await using fstream = await plantedRelay(THREADS);
  const names = Array.from({ length: MANY }, (_, index) => `user=bob,channel=${index},reply=1`);
  const [broadcasters, watchers] = await Promise.all([
    Promise.all(names.map((name) => admitted(fstream.where, `broadcast,${name}`))),
    Promise.all(names.map((name) => admitted(fstream.where, `watch,${name}`))),
  ]);
  const pairs = broadcasters.map((from, index) => ({ from, to: watchers[index] ?? from }));
  const over = new Set<Client>();
  for (const client of [...broadcasters, ...watchers]) {
    void client.ended().then(() => over.add(client));
  }
  using crash = await connect(fstream.where, "watch,user=bob,channel=planted-crash");
  expect(await crash.ended()).not.toBe("own");
  const crashed = await fstream.log.said(/^error worker \d crashed: .*; another takes its place$/);
  await fstream.log.said(/^info worker \d is replaced$/);
  const thread = /worker (\d)/.exec(crashed)?.[1];
  expect(fstream.log.matching(/worker \d is replaced/)).toEqual([
    `info worker ${thread} is replaced`,
  ]);

  const whole = pairs.filter(({ from, to }) => !over.has(from) && !over.has(to));
  expect(over.size).toBeGreaterThan(0);
  expect(over.size).toBeLessThan(2 * MANY);
  expect(whole.length).toBeGreaterThan(0);
  for (const { from, to } of whole) {
    const bytes = payload(64 * 1024);
    await sendInStep(from, bytes, [to]);
    expect(to.digest()).toBe(sha256(bytes));
  }
  await fstream.connected(2 * MANY - over.size);
  // Whose broadcaster is gone wait for the next one, and whoever comes may sit on the new thread.
  const [left] = pairs.filter(({ from, to }) => over.has(from) && !over.has(to));
  if (left !== undefined) {
    const name = names[pairs.indexOf(left)] ?? "";
    using again = await admitted(fstream.where, `broadcast,${name}`);
    const more = await crowdOf(fstream.where, `watch,${name}`);
    await sendInStep(again, payload(64 * 1024), [left.to, ...more]);
    more.forEach((client) => client.destroy());
  }
  [...broadcasters, ...watchers].forEach((client) => client.destroy());
  await fstream.connected(0);
});

test("a broadcast that is taken over goes on for the watchers of all threads", async () => {
  await using fstream = await plantedRelay(THREADS);
  const NAME = "user=bob,reply=1";
  let broadcaster = await admitted(fstream.where, `broadcast,${NAME}`);
  const watchers = await crowdOf(fstream.where, `watch,${NAME}`);
  await sendInStep(broadcaster, payload(10_000), watchers);
  for (let round = 1; round <= 20; round++) {
    const next = await admitted(fstream.where, `broadcast,${NAME}`);
    expect(await broadcaster.reply()).toStartWith("error,code=busy");
    broadcaster = next;
    await broadcast(broadcaster, watchers);
  }
  const { counters } = (await fstream.refreshed()).directory;
  expect(counters).toMatchObject({ broadcasts: 1, takeovers: 20, watchers: MANY, skips: 0 });
  const [first, ...others] = watchers.map((watcher) => watcher.digest());
  expect(others).toEqual(others.map(() => first ?? ""));
  [broadcaster, ...watchers].forEach((client) => client.destroy());
});

test("one of many who claim a channel at once has it, and all who wait for it hear that one", async () => {
  await using fstream = await plantedRelay(THREADS);
  await fstream.apply({ takeover: "refuse" });
  const watchers = await Promise.all(
    Array.from({ length: MANY }, () => connect(fstream.where, "watch,user=bob")),
  );
  await fstream.log.said(/is watched/, MANY);
  const claims = await Promise.all(
    Array.from({ length: MANY }, () => connect(fstream.where, "broadcast,user=bob,reply=1")),
  );
  const replies = await Promise.all(claims.map((claim) => claim.reply()));
  const refused = replies.filter((reply) => reply.startsWith("error,code=busy"));
  expect(replies.filter((reply) => reply === "ok")).toHaveLength(1);
  expect(refused).toHaveLength(MANY - 1);
  const winner = claims[replies.indexOf("ok")];
  if (winner !== undefined) {
    await sendInStep(winner, payload(10_000), watchers);
  }
  [...claims, ...watchers].forEach((client) => client.destroy());
});

test("those who only wait are seen, wherever they are", async () => {
  await using fstream = await plantedRelay(THREADS);
  const waiting = await Promise.all(
    Array.from({ length: MANY }, () => connect(fstream.where, "watch,user=bob,channel=later")),
  );
  await fstream.log.said(/is watched/, MANY);
  const { directory } = await fstream.refreshed();
  expect([...directory.list()]).toMatchObject([
    { user: "bob", name: "later", watchers: MANY, waitingElsewhere: MANY, live: null },
  ]);
  waiting.forEach((client) => client.destroy());
  await fstream.connected(0);
  await fstream.refreshed();
  expect([...directory.list()]).toEqual([]);
});

test("half of all connections may be silent, and one more for each other thread", async () => {
  await using fstream = await plantedRelay(THREADS);
  await fstream.apply({ "max-connections": "20" });
  const silent: Client[] = [];
  const over = new Set<Client>();
  for (let count = 0; count < 20; count++) {
    const client = await connect(fstream.where);
    silent.push(client);
    void client.ended().then(() => over.add(client));
  }
  await fstream.log.said(/^warn closed .*, limit: too many others/, 10 - THREADS + 1);
  const agrees = async (): Promise<boolean> => {
    const { connections, refused } = await fstream.refreshed();
    return over.size === refused.handshakes && connections.size === silent.length - over.size;
  };
  while (!(await agrees())) {
    await Bun.sleep(20);
  }
  const open = silent.filter((client) => !over.has(client));
  expect(open.length).toBeLessThanOrEqual(10 + THREADS - 1);
  expect(open.length).toBeGreaterThanOrEqual(10);
  for (const client of open) {
    await client.send(frame("watch,user=bob"));
  }
  await fstream.log.said(/is watched/, open.length);
  silent.forEach((client) => client.destroy());
});
