/**
 * The Python program's command lines, users and protocol, against Python written from its README.
 */
import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { LIMIT_MS, newStage, TEST_MS, type Program, type Stage } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";

const SEED = resolve(import.meta.dir, "../seed");
const BROADCAST =
  "broadcast,user=fier,user-password=123,channel=exampleChannel,channel-password=456";
const WATCH = "watch,user=fier,channel=exampleChannel,channel-password=456";
const BYTES = crypto.getRandomValues(new Uint8Array(65_536));

type Client = (stage: Stage, address: string, payload: string) => Program;

const ours: Client = (stage, address, payload) => stage.fstream([address, payload]);
const seedWatch: Client = (stage, address, payload) =>
  stage.run(["python3", `${SEED}/watch.py`, address, payload]);
const seedBroadcast: Client = (stage, address, payload) =>
  stage.run(["python3", `${SEED}/broadcast.py`, address, payload]);

async function ourServer(stage: Stage): Promise<string> {
  const relay = await stage.serve({ flags: ["--linger", "0"] });
  return relay.address;
}

async function seedServer(stage: Stage): Promise<string> {
  await stage.file("users/fier.ini", "[DEFAULT]\npassword=123\n");
  const server = stage.run(["python3", `${SEED}/server.py`, "--users", stage.path("users")], {
    stdin: "ignore",
  });
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  return `127.0.0.1:${new TextDecoder().decode(value).replace(/\D/g, "")}`;
}

/** Sends through a waiting watcher, and gives it the time to be there first. */
async function relayed(
  stage: Stage,
  address: string,
  watch: Client,
  broadcast: Client,
): Promise<Uint8Array> {
  const watcher = watch(stage, address, WATCH);
  const received = watcher.stdout.bytes();
  // Neither side says when a watcher waits, so the broadcaster comes when it can be there.
  await Bun.sleep(1_000);
  const broadcaster = broadcast(stage, address, BROADCAST);
  for (let i = 0; i < 32; i++) {
    await broadcaster.write(BYTES);
  }
  await broadcaster.end();
  expect(await broadcaster.exited()).toBe(0);
  expect(await watcher.exited()).toBe(0);
  return received;
}

describeWith("python3", "the Python program and this one", () => {
  const servers = [
    ["our server", ourServer],
    ["the seed's server", seedServer],
  ] as const;
  const watchers = [
    ["our watcher", ours],
    ["the seed's watcher", seedWatch],
  ] as const;
  const broadcasters = [
    ["our broadcaster", ours],
    ["the seed's broadcaster", seedBroadcast],
  ] as const;
  for (const [server, start] of servers) {
    for (const [watcher, watch] of watchers) {
      for (const [broadcaster, broadcast] of broadcasters) {
        test(
          `${broadcaster}, ${server} and ${watcher} pass on every byte`,
          async () => {
            await using stage = await newStage();
            const received = await relayed(stage, await start(stage), watch, broadcast);
            const sent = Buffer.concat(Array.from({ length: 32 }, () => BYTES));
            expect(received.length).toBe(sent.length);
            expect(sent.equals(received)).toBe(true);
          },
          TEST_MS,
        );
      }
    }
  }

  test(
    "a seed server that refuses by closing is a lost connection to our broadcaster",
    async () => {
      await using stage = await newStage();
      const address = await seedServer(stage);
      const wrong = BROADCAST.replace("user-password=123", "user-password=321");
      const broadcaster = ours(stage, address, wrong);
      const { code, stderr } = await broadcaster.ending();
      expect(code).toBe(4);
      expect(stderr).toContain("closed the connection");
    },
    LIMIT_MS,
  );
});
