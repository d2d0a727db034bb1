/**
 * The programs of an operator, in front of a cluster one node of which goes away.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { ffmpeg } from "../media/ffmpeg.ts";
import { checksums, expectInOrder, type Judge } from "../media/oracle.ts";
import { listen, play } from "../faults/sound.ts";
import { sendLive } from "../support/live.ts";
import { NATS_SERVER } from "../support/nats.ts";
import { TEST_MS, type Program } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster } from "./nodes.ts";

setDefaultTimeout(TEST_MS);

const RATE = 30;
const SECONDS = 6;
const FRAMES: number = RATE * SECONDS;
const SOURCE = `testsrc2=size=160x120:rate=${RATE}:duration=${SECONDS},format=yuv420p`;
const X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -g 15";
const MAKE = `-f lavfi -i ${SOURCE} ${X264} -f h264 -`.split(" ");
const JUDGE: Judge = { demuxer: "h264", compare: "decoded", map: "v" };

/** Frames of sound, of which each goes out by itself. */
const SOUND_BYTES = 500;
const SOUND_RATE = 50;

describeWith(NATS_SERVER, "with --retry, when the node of a broadcaster goes away", () => {
  describeWith("ffmpeg", "real video", () => {
    test("goes on from another one with whole frames alone", async () => {
      await using cluster = await newCluster({ flags: ["--linger", "3s"] });
      const { stage, nodes } = cluster;
      const stream = await ffmpeg(MAKE);
      const [first, second, third] = nodes.map(({ address }) => address);
      const name = ["-u", "open", "-c", "camera"];
      const watch = (...args: readonly string[]): Program =>
        stage.fstream(["watch", ...args, ...name], { stdin: "ignore" });
      const returning = watch(`${first},${third}`, "--retry");
      const staying = [watch(second ?? ""), watch(third ?? "")];
      const received = [returning, ...staying].map(({ stdout }) => stdout.bytes());
      await cluster.watched(3, "camera");
      const broadcast = ["broadcast", `${first},${second}`, "--retry"];
      const broadcaster = stage.fstream([...broadcast, ...name]);
      const half = Promise.withResolvers<void>();
      const sending = sendLive(stream, RATE, broadcaster, half.resolve);
      await Promise.race([half.promise, sending]);
      cluster.node(0).kill("SIGTERM");
      await cluster.node(1).said.line(/open\/camera is live/);
      await sending;
      expect(await broadcaster.exited()).toBe(0);
      expect(await Promise.all(staying.map((watcher) => watcher.exited()))).toEqual([0, 0]);
      // It would wait for the next broadcast.
      returning.kill("SIGINT");
      const original = await checksums(JUDGE, stream);
      expect(original.length).toBe(FRAMES);
      for (const [index, bytes] of (await Promise.all(received)).entries()) {
        // This throws where ffmpeg says a single word.
        const shown = await checksums(JUDGE, bytes);
        if (index === 0) {
          // Who comes back may get the newest keyframe, and what followed it, a second time.
          expect(shown.filter((frame) => !original.includes(frame))).toEqual([]);
        } else {
          expect(expectInOrder(shown, original)).toBeLessThanOrEqual(1);
        }
        expect(shown.length).toBeGreaterThan(FRAMES / 2);
        expect([shown[0], shown.at(-1)]).toEqual([original[0], original.at(-1)]);
      }
    });
  });

  test("sound goes on from another one though nothing was said", async () => {
    await using cluster = await newCluster({ flags: ["--linger", "1m"] });
    const { stage, nodes } = cluster;
    const [first, second, third] = nodes.map(({ address }) => address);
    const name = ["-u", "open", "-c", "sound", "--retry"];
    const watchers = [second ?? "", third ?? ""].map((where) =>
      listen(stage.fstream(["watch", where, ...name], { stdin: "ignore" })),
    );
    await cluster.watched(2, "sound");
    const broadcaster = stage.fstream(["broadcast", `${first},${second},${third}`, ...name]);
    using player = play(broadcaster, SOUND_BYTES, SOUND_RATE);
    await Promise.all(watchers.map((watcher) => watcher.hears(SOUND_RATE)));
    cluster.node(0).kill("SIGKILL");
    await cluster.node(1).said.line(/open\/sound is live/);
    await player.plays(SOUND_RATE);
    const last = await player.stop();
    await Promise.all(watchers.map((watcher) => watcher.hears(last)));
    for (const watcher of watchers) {
      expect(watcher.heard().rest).toBe(0);
      expect(watcher.heard().gaps).toBeLessThanOrEqual(1);
    }
  });
});
