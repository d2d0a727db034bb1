/**
 * A cable that is cut for seconds, so that nobody is told of it: what becomes of broadcasters and
 * watchers behind it, and of those who are not.
 */
import { expect, test } from "bun:test";
import { newStage, TEST_MS, type Program, type Stage } from "../support/program.ts";
import {
  describeWithNetwork,
  hasDiscipline,
  newNetwork,
  type Network,
  type Side,
} from "./network.ts";
import { listen, play, type Listener } from "./sound.ts";

/** A frame that goes in a packet of its own, and how many there are of it in a second. */
const SMALL = 1_000;
const SMALL_RATE = 50;

/** Frames of which the kernel has taken all that it takes in a fraction of a second. */
const LARGE = 8_000;
const LARGE_RATE = 100;

interface Scene {
  readonly server: Program;
  broadcaster(side: Side): Program;
  /** A watcher that has been let in. */
  watcher(side: Side): Promise<{ program: Program; listener: Listener }>;
}

async function newScene(network: Network, stage: Stage, flags: readonly string[]): Promise<Scene> {
  const { server, address } = await network.serve(stage, flags);
  const where = [address, "--user", "bob"];
  let watchers = 0;
  return {
    server,
    broadcaster: (side) => network.run(stage, side, ["broadcast", ...where]),
    async watcher(side) {
      const program = network.run(stage, side, ["watch", ...where], { stdin: "ignore" });
      await server.said.line(/is watched/, ++watchers);
      return { program, listener: listen(program) };
    },
  };
}

describeWithNetwork("a broadcaster behind a cable that is cut", () => {
  test.concurrent(
    "is taken for dead after the time of silence, and its watchers are kept for that of linger",
    async () => {
      using network = newNetwork();
      await using stage = await newStage();
      const scene = await newScene(network, stage, ["--silence", "2s", "--linger", "2s"]);
      const { server } = scene;
      const { program, listener } = await scene.watcher("near");
      using player = play(scene.broadcaster("far"), SMALL, SMALL_RATE);
      await listener.hears(20);
      network.cut();
      const cutAt = performance.now();
      expect(await program.exited()).toBe(0);
      expect(performance.now() - cutAt).toBeGreaterThan(3_500);
      const { gaps, last, rest } = await listener.ended();
      expect({ gaps, rest }).toEqual({ gaps: 0, rest: 0 });
      expect(last).toBeLessThan(player.sent());
      expect(await server.said.line(/watcher .* closed/)).toContain("ended: the broadcast ended");
      const line = await server.said.line(/broadcaster .* closed/);
      expect(line).toContain("timeout: the broadcaster sent nothing for too long");
    },
    TEST_MS,
  );

  test.concurrent(
    "returns by another way in the time of linger, and the same watchers go on",
    async () => {
      using network = newNetwork();
      await using stage = await newStage();
      const scene = await newScene(network, stage, ["--silence", "2s", "--linger", "1m"]);
      const { listener } = await scene.watcher("near");
      using lost = play(scene.broadcaster("far"), SMALL, SMALL_RATE);
      await listener.hears(20);
      network.cut();
      await scene.server.said.line(/broadcaster .* closed .* timeout: /);
      const { last } = listener.heard();
      using returned = play(scene.broadcaster("near"), SMALL, SMALL_RATE, 1_000_000);
      await listener.hears(1_000_020);
      expect(last).toBeLessThan(lost.sent());
      expect(returned.sent()).toBeGreaterThanOrEqual(1_000_020);
      expect(listener.heard().gaps).toBe(1);
      expect(scene.server.said.text()).not.toMatch(/watcher .* closed/);
    },
    TEST_MS,
  );

  test.concurrent(
    "goes on where it was when the cable is mended before that",
    async () => {
      using network = newNetwork();
      await using stage = await newStage();
      const scene = await newScene(network, stage, ["--silence", "1m"]);
      const { listener } = await scene.watcher("near");
      using player = play(scene.broadcaster("far"), SMALL, SMALL_RATE);
      await listener.hears(20);
      network.cut();
      await player.plays(2 * SMALL_RATE);
      expect(listener.heard().last).toBeLessThan(player.sent() - SMALL_RATE);
      network.mend();
      await listener.hears(await player.stop());
      expect(listener.heard().gaps).toBe(0);
      expect(scene.server.said.text()).not.toMatch(/closed/);
    },
    TEST_MS,
  );
});

describeWithNetwork("a watcher behind a cable that is cut", () => {
  test.concurrent(
    "is closed after the time of stall, and the others notice nothing",
    async () => {
      using network = newNetwork();
      await using stage = await newStage();
      const scene = await newScene(network, stage, ["--stall", "2s", "--lag", "1m"]);
      const { server } = scene;
      const [near, far] = [await scene.watcher("near"), await scene.watcher("far")];
      using player = play(scene.broadcaster("near"), LARGE, LARGE_RATE);
      await far.listener.hears(20);
      network.cut();
      const cutAt = performance.now();
      const line = await server.said.line(/watcher .* closed/);
      expect(line).toContain("watcher 10.77.0.2:");
      expect(line).toContain("too-slow: took no byte for too long");
      expect(performance.now() - cutAt).toBeGreaterThan(1_500);
      network.mend();
      const again = await scene.watcher("far");
      const last = await player.stop();
      await near.listener.hears(last);
      await again.listener.hears(last);
      expect(near.listener.heard().gaps).toBe(0);
      expect(again.listener.heard().gaps).toBe(0);
    },
    TEST_MS,
  );

  test.concurrent.each([
    ["has all frames when it is mended in time", "1m", false],
    ["has skipped whole frames where it was too late for them", "1s", true],
  ] as const)(
    "%s",
    async (_, lag, skips) => {
      using network = newNetwork();
      await using stage = await newStage();
      const scene = await newScene(network, stage, ["--stall", "1m", "--lag", lag]);
      const [near, far] = [await scene.watcher("near"), await scene.watcher("far")];
      using player = play(scene.broadcaster("near"), LARGE, LARGE_RATE);
      await far.listener.hears(20);
      network.cut();
      await player.plays(3 * LARGE_RATE);
      network.mend();
      // Its frames are whole, or this throws.
      await far.listener.hears(player.sent() + LARGE_RATE);
      const last = await player.stop();
      await Promise.all([near.listener.hears(last), far.listener.hears(last)]);
      expect(near.listener.heard().gaps).toBe(0);
      expect(far.listener.heard().gaps > 0).toBe(skips);
      expect(scene.server.said.text()).not.toMatch(/closed/);
    },
    TEST_MS,
  );
});

describeWithNetwork("behind a cable that loses packets, nobody sees a torn frame", () => {
  const DISCIPLINES = [
    ["one in twenty, and all are late", "netem delay 40ms 10ms loss 5%"],
    ["those that a short queue has no room for", "tbf rate 12mbit burst 5kb limit 9kb"],
  ] as const;
  for (const [title, discipline] of DISCIPLINES) {
    const kind = discipline.split(" ")[0] ?? "";
    const has = hasDiscipline(discipline);
    test.concurrent.skipIf(!has)(
      has ? title : `${title} (skipped: this kernel has no ${kind})`,
      async () => {
        using network = newNetwork();
        await using stage = await newStage();
        const scene = await newScene(network, stage, []);
        network.shape(discipline);
        const [near, far] = [await scene.watcher("near"), await scene.watcher("far")];
        using player = play(scene.broadcaster("far"), LARGE, LARGE_RATE);
        await player.plays(4 * LARGE_RATE);
        const last = await player.stop();
        await Promise.all([near.listener.hears(last), far.listener.hears(last)]);
        expect(near.listener.heard()).toMatchObject({ gaps: 0, rest: 0 });
        expect(far.listener.heard().rest).toBe(0);
        expect(network.dropped()).toBeGreaterThan(0);
      },
      TEST_MS,
    );
  }
});
