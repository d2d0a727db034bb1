/**
 * A server that may open few files: what is above its cap is refused, and it never comes to where
 * accepting spins.
 */
import { expect, setDefaultTimeout } from "bun:test";
import { readFileSync } from "node:fs";
import { testWith } from "../relay/crowd.ts";
import { running } from "../relay/streams.ts";
import { newStage, PROGRAM, type Program, type Stage } from "../support/program.ts";
import { descriptorsOf, eventually } from "../support/server.ts";
import { admitted, connect, frame, type Client } from "../support/sockets.ts";

/** Files that the server may open, and connections that it carries then. */
const FILES = 256;
const CARRIED = 128;

/** Connections of the broadcast that goes on beside all this. */
const IN_USE = 3;

/** Connections that come, far more than there is room for. */
const CROWD = 600;

/** Clock ticks a second in /proc: 100 on every Linux that there is. */
const TICKS = 100;

/** The part of a processor that a server may use which has next to nothing to do. */
const IDLE_SHARE = 0.3;

setDefaultTimeout(120_000);

async function limited(stage: Stage): Promise<{ server: Program; port: number }> {
  await stage.file("users/bob.ini", "[DEFAULT]\n");
  const serve = [
    "serve",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--admin-port",
    "0",
    "--users",
    stage.path("users"),
  ];
  const flags = ["--handshake-timeout", "30s"];
  const limit = ["bash", "-c", `ulimit -n ${FILES}; exec "$@"`, "bash"];
  const command = [...limit, process.execPath, PROGRAM, ...serve, ...flags];
  const server = stage.run(command, { stdin: "ignore" });
  const line = await server.said.line(/ listening on /);
  return { server, port: Number(/:(\d+)$/.exec(line)?.[1]) };
}

/** The part of one processor that `pid` uses over the next second. */
async function load(pid: number): Promise<number> {
  const used = (): number => {
    const [, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    const [user, system] = (fields.at(-1) ?? "").split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / TICKS;
  };
  const [before, start] = [used(), performance.now()];
  await Bun.sleep(1_000);
  return (used() - before) / ((performance.now() - start) / 1_000);
}

interface Crowd extends Disposable {
  /** How many were turned away. */
  readonly refused: number;
}

/** Watchers that come one after the other. One that is let in says so before the next one comes. */
async function watchingCrowd(port: number): Promise<Crowd> {
  const members: Client[] = [];
  for (let count = 0; count < CROWD; count++) {
    await admitted({ port }, "watch,user=bob,channel=beside,reply=1").then(
      (member) => void members.push(member),
      () => {},
    );
  }
  return {
    refused: CROWD - members.length,
    [Symbol.dispose]: () => members.forEach((member) => member.destroy()),
  };
}

/** How many descriptors a server has that opens a file now and then: those that stay. */
async function lastingDescriptors(pid: number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 10;) {
    const present = descriptorsOf(pid);
    same = present === last ? same + 1 : 0;
    last = present;
    await Bun.sleep(20);
  }
  return last;
}

testWith(CROWD, "few files may be open: more connections are refused, without a spin", async () => {
  await using stage = await newStage();
  const { server, port } = await limited(stage);
  using beside = await running({ port }, "beside");
  const before = await lastingDescriptors(server.pid);
  const room = CARRIED - IN_USE;
  using crowd = await watchingCrowd(port);
  expect(crowd.refused).toBe(CROWD - room);
  expect(await lastingDescriptors(server.pid)).toBe(before + room);
  expect(await load(server.pid)).toBeLessThan(IDLE_SHARE);
  await server.said.line(/refused a connection: all 128 are taken/);
  await server.said.line(/refused, limit: \d+ more in the last second/);

  crowd[Symbol.dispose]();
  await eventually(() => descriptorsOf(server.pid) === before, "the end of the descriptors");
  using watcher = await admitted({ port }, "watch,user=bob,channel=beside,reply=1");
  await watcher.until(1);
  expect(await beside.isExact()).toBe(true);
});

testWith(CROWD, "as many users' files as connections may be silent are read at once", async () => {
  await using stage = await newStage();
  const { server, port } = await limited(stage);
  using beside = await running({ port }, "beside");
  const names = Array.from({ length: CARRIED / 2 - 1 }, (_, index) => `user${index}`);
  await Promise.all(names.map((name) => stage.file(`users/${name}.ini`, "[DEFAULT]\n")));
  const members = await Promise.all(names.map(() => connect({ port }, undefined, { replies: 1 })));
  await Promise.all(
    members.map((member, index) => member.send(frame(`broadcast,user=user${index},reply=1`))),
  );
  const replies = await Promise.all(members.map((member) => member.reply()));
  expect([...server.said.text().matchAll(/cannot be used: .*/g)].map(String)).toEqual([]);
  expect(new Set(replies)).toEqual(new Set(["ok"]));
  members.forEach((member) => member.destroy());
  expect(await beside.isExact()).toBe(true);
});
