/**
 * AAC in ADTS, as ffmpeg writes it.
 */
import { expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newAdtsScanner } from "../../src/media/adts.ts";
import { describeWith } from "../support/tools.ts";
import { cut, scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { ffprobePackets } from "./ffmpeg.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";
import { id3Tag, isSubset } from "./sound.ts";

const INPUT = "-f lavfi -i aevalsrc='0.4*sin(440*2*PI*t)+0.2*random(0)':duration=4";
const JUDGE: Judge = { demuxer: "aac", compare: "packets", map: "a" };

const TEST_MS = 60_000;

const SAMPLES: readonly Sample[] = [
  { title: "mono", make: `${INPUT} -c:a aac -b:a 64k -f adts` },
  { title: "stereo", make: `${INPUT} -ac 2 -ar 48000 -c:a aac -b:a 192k -f adts` },
  { title: "5.1 at 22 kHz", make: `${INPUT} -ac 6 -ar 22050 -c:a aac -b:a 256k -f adts` },
  { title: "with a tag", make: `${INPUT} -c:a aac -write_id3v2 1 -metadata title=Noise -f adts` },
];

describeWith("ffmpeg", "adts", () => {
  scannerContract(newAdtsScanner, SAMPLES);

  for (const sample of SAMPLES) {
    test(
      `${sample.title}: every packet is a frame, and every frame is a join point`,
      async () => {
        const stream = await streamOf(sample);
        const { frames, joins } = scanChunks(newAdtsScanner, [stream]);
        expect(frames.length).toBe(await ffprobePackets("aac", stream));
        expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who joins hears a run of the original's frames`,
      async () => {
        const stream = await streamOf(sample);
        const original = await checksums(JUDGE, stream);
        for (const index of [0, 1, 40, -3]) {
          const shown = await checksums(JUDGE, joined(newAdtsScanner, stream, index));
          expectRun(shown, original, index < 0 ? -index : original.length - index);
        }
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who skips hears whole frames in order`,
      async () => {
        const stream = await streamOf(sample);
        const shown = await checksums(JUDGE, skipped(newAdtsScanner, stream, 11, 30));
        const original = await checksums(JUDGE, stream);
        expect(expectInOrder(shown, original)).toBe(1);
        expect(shown.length).toBe(original.length - 30);
      },
      TEST_MS,
    );

    test(
      `${sample.title}: whoever begins in the middle finds the same frames`,
      async () => {
        const stream = await streamOf(sample);
        const { frames } = scanChunks(newAdtsScanner, [stream]);
        for (let from = 1; from < 6_000; from += 61) {
          const found = scanChunks(newAdtsScanner, [stream.subarray(from)], from).frames;
          expect(isSubset(found, frames)).toBeTrue();
          expect(found[0]).toBe(frames.find((offset) => offset >= from));
        }
      },
      TEST_MS,
    );
  }

  test(
    "a tag of half a megabyte is passed over, in front and between frames",
    async () => {
      const stream = await streamOf(SAMPLES[1]!);
      const { frames } = scanChunks(newAdtsScanner, [stream]);
      const tag = id3Tag(500_000);
      const place = frames[20]!;
      const tagged = concatBytes(tag, stream.subarray(0, place), tag, stream.subarray(place));
      const shifted = frames.map((at) => at + tag.length * (at < place ? 1 : 2));
      for (const size of [1316, 65_536, tagged.length]) {
        expect(scanChunks(newAdtsScanner, cut(tagged, size)).frames).toEqual(shifted);
      }
    },
    TEST_MS,
  );

  test(
    "goes on behind damage, and with another kind of frames",
    async () => {
      const [mono, stereo] = [await streamOf(SAMPLES[0]!), await streamOf(SAMPLES[1]!)];
      const first = scanChunks(newAdtsScanner, [mono]).frames;
      const second = scanChunks(newAdtsScanner, [stereo]).frames;
      const stop = first[30]! + 50; // In the middle of a frame, whose length leads to another's.
      const both = concatBytes(mono.subarray(0, stop), stereo);
      const behind = second.map((at) => at + stop).filter((at) => at >= first[31]!);
      const expected = [...first.slice(0, 31), ...behind];
      expect(behind.length).toBe(second.length - 1);
      expect(scanChunks(newAdtsScanner, [both]).frames).toEqual(expected);
    },
    TEST_MS,
  );

  test(
    "gives up where there is no sound for a megabyte",
    async () => {
      const stream = await streamOf(SAMPLES[0]!);
      const silence = new Uint8Array(1024 * 1024 - 10_000);
      expect(scanChunks(newAdtsScanner, [stream, silence, stream]).kept).toBeTrue();
      const long = new Uint8Array(1024 * 1024 + 10_000);
      expect(scanChunks(newAdtsScanner, [stream, long, stream]).kept).toBeFalse();
      const half = silence.subarray(0, 600_000);
      const often = [stream, half, stream, half, stream, half, stream];
      expect(scanChunks(newAdtsScanner, often).kept).toBeTrue();
    },
    TEST_MS,
  );
});
