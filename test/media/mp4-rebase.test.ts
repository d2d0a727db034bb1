/**
 * Fragmented MP4 that says where in the file its samples lie, as ffmpeg writes it unless told otherwise.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { concatBytes } from "../../src/core/bytes.ts";
import { newRebaser } from "../../src/media/mp4-rebase.ts";
import { newMp4Scanner } from "../../src/media/mp4.ts";
import type { Rebase } from "../../src/media/scanner.ts";
import { describeWith } from "../support/tools.ts";
import { cut, damage, scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { decodedPictures } from "./gstreamer.ts";
import { checksums, expectInOrder, expectRun, type Judge } from "./oracle.ts";

const TEST_MS = 120_000;

const PICTURE = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=4,format=yuv420p";
const SOUND = "-f lavfi -i sine=frequency=440:duration=4";
const X264 = "-c:v libx264 -preset veryfast -g 25 -x264-params scenecut=0";
const X265 =
  "-c:v libx265 -preset veryfast -x265-params log-level=error:keyint=25:scenecut=0:open-gop=0";
const ENCODED = `${PICTURE} ${SOUND} ${X264} -c:a aac`;

const VIDEO: Judge = { demuxer: "mp4", compare: "decoded", map: "v" };
const AUDIO: Judge = { demuxer: "mp4", compare: "packets", map: "a" };

const PLAIN: Sample = {
  title: "a fragment a keyframe",
  make: `${ENCODED} -movflags frag_keyframe+empty_moov -f mp4`,
};
const EVERY: Sample = {
  title: "a fragment a frame",
  make: `${ENCODED} -movflags frag_every_frame+empty_moov -f mp4`,
};
const BASED: readonly Sample[] = [
  PLAIN,
  EVERY,
  { title: "a late moov", make: `${ENCODED} -movflags frag_keyframe+delay_moov -f mp4` },
  { title: "QuickTime", make: `${ENCODED} -movflags frag_keyframe+empty_moov -f mov` },
  {
    title: "half a second",
    make: `${ENCODED} -frag_duration 500000 -movflags frag_keyframe+empty_moov -f mp4`,
  },
  { title: "H.265", make: `${PICTURE} ${X265} -movflags frag_keyframe+empty_moov -f mp4` },
];

/** The scanner's word on whether newcomers need another copy of the stream. */
function rebaseOf(stream: Uint8Array, start = 0): Rebase | undefined {
  let found: Rebase | undefined;
  let isLate = false;
  const scanner = newMp4Scanner(
    {
      frame: () => undefined,
      join: () => {
        isLate ||= scanner.rebase?.() !== found && found !== undefined;
        found = scanner.rebase?.();
      },
    },
    start,
  );
  scanner.scan(stream);
  expect(isLate).toBeFalse();
  return found;
}

/** The stream as those see it who join or skip, in chunks of `size`. */
function rebased(stream: Uint8Array, size = 8192): Uint8Array {
  const rebase = rebaseOf(stream);
  const from = rebase?.from ?? 0;
  const rebaser = rebase?.newRebaser(from);
  const rest = [...cut(stream.subarray(from), size)].map(
    (chunk) => rebaser?.push(chunk).slice() ?? chunk,
  );
  return concatBytes(stream.subarray(0, from), ...rest);
}

describeWith("ffmpeg", "mp4 rebased", () => {
  scannerContract(newMp4Scanner, [PLAIN, EVERY]);

  for (const sample of BASED) {
    test(
      `${sample.title}: as it is it cannot be joined, rebased it can be, everywhere`,
      async () => {
        const stream = await streamOf(sample);
        const copy = rebased(stream);
        expect(copy.length).toBe(stream.length);
        const original = await checksums(VIDEO, stream);
        expect(await checksums(VIDEO, copy)).toEqual(original);
        const { joins } = scanChunks(newMp4Scanner, [stream]);
        expect([original.length, joins.length]).toEqual([100, 4]);
        const second = joins[1] ?? { setup: copy, offset: 0 };
        const torn = concatBytes(second.setup, stream.subarray(second.offset));
        expect(checksums(VIDEO, torn)).rejects.toThrow();
        for (const [index, { setup, offset }] of joins.entries()) {
          const shown = await checksums(VIDEO, concatBytes(setup, copy.subarray(offset)));
          expectRun(shown, original, 100 - 25 * index);
        }
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who skips from the original to the copy sees whole frames in order`,
      async () => {
        const stream = await streamOf(sample);
        const copy = rebased(stream);
        const { frames, joins } = scanChunks(newMp4Scanner, [stream]);
        const original = await checksums(VIDEO, stream);
        for (const stop of [frames[1] ?? 0, frames[Math.floor(frames.length / 4)] ?? 0]) {
          const skip = concatBytes(stream.subarray(0, stop), copy.subarray(joins[2]?.offset));
          const shown = await checksums(VIDEO, skip);
          expect(expectInOrder(shown, original)).toBeLessThan(6);
          expect(shown.length).toBeGreaterThan(49);
        }
      },
      TEST_MS,
    );

    test(`${sample.title}: the copy is a stream that needs no other`, async () => {
      const stream = await streamOf(sample);
      const copy = rebased(stream);
      expect(rebaseOf(copy)).toBeUndefined();
      expect(scanChunks(newMp4Scanner, [copy])).toEqual(scanChunks(newMp4Scanner, [stream]));
      expect(Buffer.compare(rebased(copy), copy)).toBe(0);
    });

    test(`${sample.title}: the same copy however it is cut`, async () => {
      const stream = await streamOf(sample);
      const copy = rebased(stream, stream.length);
      for (const size of [1, 2, 7, 188, 1316, 65_536]) {
        expect(Buffer.compare(rebased(stream, size), copy)).toBe(0);
      }
    });
  }

  test(
    "the sound of the copy is a run too",
    async () => {
      for (const sample of [PLAIN, EVERY]) {
        const stream = await streamOf(sample);
        const copy = rebased(stream);
        const original = await checksums(AUDIO, stream);
        for (const { setup, offset } of scanChunks(newMp4Scanner, [stream]).joins) {
          const shown = await checksums(AUDIO, concatBytes(setup, copy.subarray(offset)));
          expectRun(shown, original, 30);
        }
      }
    },
    TEST_MS,
  );

  test("a copy may begin at any frame, and at any offset of the stream", async () => {
    const stream = await streamOf(PLAIN);
    const copy = rebased(stream);
    const start = 2 ** 40 + 3;
    const rebase = rebaseOf(stream, start);
    const { frames } = scanChunks(newMp4Scanner, [stream]);
    expect(rebase?.from).toBe(start + (frames[0] ?? 0));
    for (const frame of frames) {
      const rest = rebase?.newRebaser(start + frame).push(stream.subarray(frame));
      expect(Buffer.compare(rest ?? stream, copy.subarray(frame))).toBe(0);
    }
  });

  test(
    "a base that is not the moof's place is made up for by the offsets",
    async () => {
      const stream = await streamOf(PLAIN);
      const from = scanChunks(newMp4Scanner, [stream]).frames[0] ?? 0;
      const moved = newRebaser(from - 1000).push(stream.subarray(from));
      const back = newRebaser(from).push(stream.subarray(from));
      const offset = Buffer.from(back).indexOf("trun") + 12;
      const readOffset = (bytes: Uint8Array): number => Buffer.from(bytes).readInt32BE(offset);
      expect(readOffset(moved) - readOffset(back)).toBe(1000);
      const other = moved.slice();
      other.set(back.subarray(offset, offset + 4), offset);
      const moof = Buffer.from(back).readUInt32BE(0);
      const second = Buffer.from(back).indexOf("trun", offset) + 12;
      other.set(back.subarray(second, second + 4), second);
      expect(Buffer.compare(other.subarray(0, moof), back.subarray(0, moof))).toBe(0);
    },
    TEST_MS,
  );

  test("streams that don't say so need no copy", async () => {
    const make = `${ENCODED} -movflags frag_keyframe+empty_moov+default_base_moof -f mp4`;
    for (const other of [make, `${ENCODED} -f ismv`]) {
      expect(rebaseOf(await streamOf({ title: "", make: other }))).toBeUndefined();
    }
  });

  test("no damage makes it throw, or change how long the stream is", async () => {
    const stream = (await streamOf(EVERY)).subarray(0, 200_000);
    const { frames } = scanChunks(newMp4Scanner, [stream]);
    for (let seed = 1; seed <= 100; seed++) {
      const bytes = new Uint8Array(damage(stream.subarray(frames[0]), seed));
      const rebaser = newRebaser(frames[0] ?? 0);
      let [given, ready] = [0, 0];
      for (const chunk of cut(bytes, 1 + ((seed * 977) % 9000))) {
        given += chunk.length;
        ready += rebaser.push(chunk).length;
        expect(ready).toBeLessThanOrEqual(given);
        expect(given - ready).toBeLessThanOrEqual(256 * 1024);
      }
    }
  });
});

test("a rebaser lets noise through as it is", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
      const rebaser = newRebaser(0);
      const all = concatBytes(...chunks.map((chunk) => rebaser.push(chunk).slice()));
      expect(Buffer.compare(all, concatBytes(...chunks).subarray(0, all.length))).toBe(0);
    }),
  );
});

describeWith("gst-launch-1.0", "mp4 rebased, read by GStreamer", () => {
  test(
    "who joins sees every picture",
    async () => {
      const stream = await streamOf(PLAIN);
      const point = scanChunks(newMp4Scanner, [stream]).joins[2];
      const watched = concatBytes(point?.setup ?? stream, rebased(stream).subarray(point?.offset));
      const size = { width: 320, height: 240 };
      expect(await decodedPictures("qtdemux ! h264parse ! avdec_h264", size, watched)).toBe(50);
    },
    TEST_MS,
  );
});
