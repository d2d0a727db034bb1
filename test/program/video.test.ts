/**
 * Real video from ffmpeg, through broadcast, server and watch, and back into ffmpeg.
 */
import { expect, test } from "bun:test";
import { ffmpeg, ffprobe } from "../media/ffmpeg.ts";
import { newStage, TEST_MS } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";

const PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4"];
const SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:duration=4"];
const X264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "30", "-pix_fmt", "yuv420p"];

const STREAMS = [
  ["h264", [...PICTURE, ...X264, "-f", "h264", "-"]],
  ["mpegts", [...PICTURE, ...SOUND, ...X264, "-c:a", "aac", "-f", "mpegts", "-"]],
] as const;

describeWith("ffmpeg", "video", () => {
  for (const [format, command] of STREAMS) {
    test(
      `${format} arrives byte for byte at a watcher that waited, and decodes without a word`,
      async () => {
        await using stage = await newStage();
        const sent = await ffmpeg(command);
        const relay = await stage.serve({ users: { open: null }, flags: ["--linger", "0"] });
        const watcher = stage.fstream(["watch", relay.address, "-u", "open"]);
        const received = watcher.stdout.bytes();
        await relay.said.line(/is watched/);
        // From a pipe of ffmpeg's own, at its own pace.
        const broadcaster = stage.fstream(["broadcast", relay.address, "-u", "open"]);
        for (let at = 0; at < sent.length; at += 20_000) {
          await broadcaster.write(sent.subarray(at, at + 20_000));
        }
        await broadcaster.end();
        expect(await broadcaster.exited()).toBe(0);
        expect(await watcher.exited()).toBe(0);
        const got = await received;
        expect(Buffer.from(sent).equals(got)).toBe(true);

        // ffmpeg() throws at a single word on stderr.
        await ffmpeg(["-f", format, "-i", "-", "-f", "null", "-"], got);
        const counted = await ffprobe(
          ["-f", format, "-select_streams", "v", "-count_frames"].concat([
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
            "-i",
            "-",
          ]),
          got,
        );
        expect(Number.parseInt(counted, 10)).toBe(120);
      },
      TEST_MS,
    );
  }
});
