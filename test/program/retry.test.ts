/**
 * Clients that come back.
 */
import { expect, test } from "bun:test";
import { newStage, TEST_MS } from "../support/program.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(1_000));

test(
  "with --retry a broadcaster and a watcher find the server again after it was killed",
  async () => {
    await using stage = await newStage();
    const first = await stage.serve({ users: { open: null } });
    const where = [first.address, "-u", "open", "--retry"];
    const watcher = stage.fstream(["watch", ...where]);
    await first.said.line(/is watched/);
    const broadcaster = stage.fstream(["broadcast", ...where]);
    await broadcaster.write(BYTES);
    await first.said.line(/is live/);
    const reader = watcher.stdout.getReader();
    expect((await reader.read()).value).toEqual(BYTES);

    first.kill("SIGKILL");
    await first.exited();
    await watcher.said.line(/trying again in/);
    const second = await stage.serve({ users: { open: null }, port: first.port });
    await second.said.line(/is watched/);
    await second.said.line(/is live/);
    await broadcaster.write(BYTES);
    expect((await reader.read()).value).toEqual(BYTES);
    await broadcaster.end();
    expect(await broadcaster.exited()).toBe(0);
  },
  TEST_MS,
);

test(
  "a broadcaster that was replaced does not come back, even with --retry",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { open: null } });
    const where = [relay.address, "-u", "open", "--retry"];
    const first = stage.fstream(["broadcast", ...where]);
    await first.write(BYTES);
    await relay.said.line(/is live/);
    const second = stage.fstream(["broadcast", ...where]);
    await second.write(BYTES);
    const { code, stderr } = await first.ending();
    expect(code).toBe(3);
    expect(stderr).toMatch(/refused \(busy\): another broadcaster has taken the channel over/);
    await second.end();
    expect(await second.exited()).toBe(0);
  },
  TEST_MS,
);
