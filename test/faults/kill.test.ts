/**
 * Programs that are killed without a chance to say goodbye.
 */
import { expect, test } from "bun:test";
import { newStage, TEST_MS } from "../support/program.ts";
import { descriptorsOf, eventually, hasProc } from "../support/server.ts";
import { listen, play } from "./sound.ts";

const FRAME_BYTES = 2_000;
const RATE = 100;

test(
  "a broadcaster that is killed leaves its watchers waiting, and another one goes on for them",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { bob: null }, flags: ["--linger", "1m"] });
    const where = [relay.address, "--user", "bob"];
    const listener = listen(stage.fstream(["watch", ...where], { stdin: "ignore" }));
    await relay.said.line(/is watched/);
    const killed = stage.fstream(["broadcast", ...where]);
    using _ = play(killed, FRAME_BYTES, RATE);
    await listener.hears(20);
    killed.kill("SIGKILL");
    await relay.said.line(/broadcaster .* closed/);
    const { last } = listener.heard();
    using next = play(stage.fstream(["broadcast", ...where]), FRAME_BYTES, RATE, last + 1_000);
    await listener.hears(last + 1_020);
    await listener.hears(await next.stop());
    expect(listener.heard()).toMatchObject({ gaps: 1, rest: 0 });
    expect(relay.said.text()).not.toMatch(/watcher .* closed/);
  },
  TEST_MS,
);

test(
  "when a broadcaster is killed and none follows, its watchers get all that came and a clean end",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { bob: null }, flags: ["--linger", "1s"] });
    const where = [relay.address, "--user", "bob"];
    const watcher = stage.fstream(["watch", ...where], { stdin: "ignore" });
    const listener = listen(watcher);
    await relay.said.line(/is watched/);
    const killed = stage.fstream(["broadcast", ...where]);
    using _ = play(killed, FRAME_BYTES, RATE);
    await listener.hears(20);
    killed.kill("SIGKILL");
    await relay.said.line(/broadcaster .* closed/);
    const closedAt = performance.now();
    expect(await watcher.exited()).toBe(0);
    expect(performance.now() - closedAt).toBeGreaterThan(700);
    expect((await listener.ended()).gaps).toBe(0);
    await relay.said.line(/watcher .* closed .* ended: the broadcast ended/);
  },
  TEST_MS,
);

test(
  "watchers that are killed in mid-stream are gone from the server, and nobody else notices",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { bob: null } });
    const where = [relay.address, "--user", "bob"];
    const listener = listen(stage.fstream(["watch", ...where], { stdin: "ignore" }));
    await relay.said.line(/is watched/);
    using player = play(stage.fstream(["broadcast", ...where]), FRAME_BYTES, RATE);
    await listener.hears(20);
    const descriptors = (): number => (hasProc ? descriptorsOf(relay.pid) : 0);
    const before = descriptors();
    const doomed = Array.from({ length: 4 }, () => stage.fstream(["watch", ...where]));
    await Promise.all(doomed.map((watcher) => listen(watcher).hears(listener.heard().last)));
    doomed.forEach((watcher) => watcher.kill("SIGKILL"));
    await relay.said.line(/watcher .* closed/, doomed.length);
    await eventually(() => descriptors() === before, "the end of the descriptors");
    await listener.hears(await player.stop());
    expect(listener.heard()).toMatchObject({ gaps: 0, rest: 0 });
  },
  TEST_MS,
);
