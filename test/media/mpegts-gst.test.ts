/**
 * GStreamer as a second multiplexer, and as a second judge.
 */
import { expect, test } from "bun:test";
import { newMpegTsScanner } from "../../src/media/mpegts.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, streamOf, type Sample } from "./contract.ts";
import { CLEAN, GROUP, GROUPS, H265_OPEN, losses, X264 } from "./mpegts-samples.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const TEST_MS = 60_000;
const VIDEO: Judge = { demuxer: "mpegts", compare: "decoded", map: "v:0" };

/** Bytes of a decoded picture of the samples, at 12 bits a pixel. */
const PICTURE_BYTES: number = (320 * 240 * 3) / 2;

/** Queues without a bound, so that no branch of a pipeline waits for the other one. */
const QUEUE = "queue max-size-time=0 max-size-bytes=0 max-size-buffers=0";

/** What a pipeline writes, and what its demuxer says of loss. */
async function gstreamer(
  pipeline: string,
  stream: Uint8Array,
): Promise<{ output: Uint8Array; complaints: string[] }> {
  const words = `fdsrc fd=0 ! ${pipeline}`.split(" ");
  const child = Bun.spawn(["gst-launch-1.0", "-q", ...words], {
    stdin: stream,
    stdout: "pipe",
    stderr: "pipe",
    env: { ...Bun.env, GST_DEBUG: "tsdemux:3,mpegtsbase:3", GST_DEBUG_NO_COLOR: "1" },
  });
  const [output, said] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  expect(await child.exited).toBe(0);
  const complaints = said.split("\n").filter((line) => /ERROR|WARN|continuity/i.test(line));
  return { output, complaints };
}

async function pictures(decoder: string, stream: Uint8Array): Promise<string[]> {
  const pipeline = `tsdemux ! ${decoder} ! fdsink fd=1`;
  const { output, complaints } = await gstreamer(pipeline, stream);
  expect(complaints).toEqual([]);
  return Array.from({ length: output.length / PICTURE_BYTES }, (_, index) => {
    const at = index * PICTURE_BYTES;
    return String(Bun.hash(output.subarray(at, at + PICTURE_BYTES)));
  });
}

/** What GStreamer's multiplexer makes of the pictures and the sound of a sample. */
async function remade(sample: Sample): Promise<Uint8Array> {
  const video = `d. ! ${QUEUE} ! h264parse ! m.`;
  const sound = `d. ! ${QUEUE} ! aacparse ! m.`;
  const pipeline = `tsdemux name=d mpegtsmux name=m ! fdsink fd=1 ${video} ${sound}`;
  return (await gstreamer(pipeline, await streamOf(sample))).output;
}

describeWith("gst-launch-1.0", "mpegts and GStreamer", () => {
  for (const [sample, decoder, leading] of [
    [X264, "h264parse ! avdec_h264", 0],
    [H265_OPEN, "h265parse ! avdec_h265", 4],
    [CLEAN[3] ?? X264, "mpegvideoparse ! avdec_mpeg2video", 0],
  ] as const) {
    test(
      `${sample.title}: GStreamer sees no loss and no picture of its own`,
      async () => {
        const stream = await streamOf(sample);
        const original = await pictures(decoder, stream);
        const started = await pictures(decoder, joined(newMpegTsScanner, stream, 1));
        expectRun(started, original, GROUP * (GROUPS - 1) - leading);
        const rest = await pictures(decoder, skipped(newMpegTsScanner, stream, 11, 2));
        expectInOrder(rest, original);
        expect(rest.length).toBeGreaterThanOrEqual(11 + GROUP * (GROUPS - 1) - leading);
      },
      TEST_MS,
    );
  }

  test(
    "streams of GStreamer's multiplexer are joined and skipped in",
    async () => {
      const stream = await remade(X264);
      const { frames, joins } = scanChunks(newMpegTsScanner, [stream]);
      expect(frames.length).toBe(GROUP * GROUPS);
      expect(joins.length).toBe(GROUPS);
      const original = await checksums(VIDEO, stream);
      const received = joined(newMpegTsScanner, stream, 1);
      expectRun(await checksums(VIDEO, received), original, GROUP * (GROUPS - 1));
      const rest = skipped(newMpegTsScanner, stream, 11, 2);
      expectInOrder(await checksums(VIDEO, rest), original);
      expect([...(await losses(received)), ...(await losses(rest))]).toEqual([]);
    },
    TEST_MS,
  );
});
