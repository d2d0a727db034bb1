/**
 * IVF, as ffmpeg writes it.
 */
import { expect, test } from "bun:test";
import { newIvfScanner } from "../../src/media/ivf.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const INPUT = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=3,format=yuv420p";
const JUDGE: Judge = { demuxer: "ivf", compare: "decoded", map: "v" };

const SAMPLES: readonly Sample[] = [
  { title: "VP8", make: `${INPUT} -c:v libvpx -deadline realtime -g 25 -f ivf` },
  { title: "VP9", make: `${INPUT} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -f ivf` },
  { title: "AV1", make: `${INPUT} -c:v libaom-av1 -usage realtime -cpu-used 8 -g 25 -f ivf` },
];

describeWith("ffmpeg", "ivf", () => {
  scannerContract(newIvfScanner, SAMPLES);

  for (const sample of SAMPLES) {
    test(`${sample.title}: every frame is found, and every keyframe is a join point`, async () => {
      const { frames, joins } = scanChunks(newIvfScanner, [await streamOf(sample)]);
      expect(frames.length).toBe(75);
      expect(joins.map(({ offset }) => frames.indexOf(offset))).toEqual([0, 25, 50]);
    }, 60_000);

    test(`${sample.title}: who joins sees a run of the original's frames`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(JUDGE, stream);
      for (const index of [0, 1, 2]) {
        const shown = await checksums(JUDGE, joined(newIvfScanner, stream, index));
        expectRun(shown, original, 75 - 25 * index);
      }
    }, 60_000);

    test(`${sample.title}: who skips sees whole frames in order`, async () => {
      const stream = await streamOf(sample);
      const shown = await checksums(JUDGE, skipped(newIvfScanner, stream, 11, 2));
      expect(expectInOrder(shown, await checksums(JUDGE, stream))).toBe(1);
      expect(shown.length).toBe(11 + 50);
    }, 60_000);
  }
});
