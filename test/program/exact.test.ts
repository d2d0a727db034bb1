/**
 * Gigabytes, exact to the byte, at full speed.
 */
import { createHash } from "node:crypto";
import { expect, test } from "bun:test";
import { ALL, newStage, TEST_MS, type Relay, type Stage } from "../support/program.ts";

const BLOCK = crypto.getRandomValues(new Uint8Array(65_536));
const BLOCKS = ALL ? 16_384 : 2_048;

/** Writes numbered random blocks as fast as they are taken, and returns their SHA-256. */
async function pushAll(stage: Stage, relay: Relay): Promise<string> {
  const broadcaster = stage.fstream(["broadcast", relay.address, "-u", "open"]);
  const hash = createHash("sha256");
  for (let i = 0; i < BLOCKS; i++) {
    const block = BLOCK.slice();
    new DataView(block.buffer).setUint32(0, i);
    hash.update(block);
    await broadcaster.write(block);
  }
  await broadcaster.end();
  expect(await broadcaster.exited()).toBe(0);
  return hash.digest("hex");
}

async function hashOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) {
    hash.update(chunk);
  }
  return hash.digest("hex");
}

for (const round of [1, 2, 3]) {
  test(
    `${(BLOCKS * BLOCK.length) / 2 ** 20} MiB arrive at a waiting watcher as they were, time ${round}`,
    async () => {
      await using stage = await newStage();
      const relay = await stage.serve({ users: { open: null }, flags: ["--linger", "0"] });
      const watcher = stage.fstream(["watch", relay.address, "-u", "open"], { stdin: "ignore" });
      const received = hashOf(watcher.stdout);
      await relay.said.line(/is watched/);
      const sent = await pushAll(stage, relay);
      expect(await watcher.exited()).toBe(0);
      expect(await received).toBe(sent);
    },
    TEST_MS,
  );
}
