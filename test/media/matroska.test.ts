/**
 * Matroska and WebM, as ffmpeg writes them to a pipe and to a file.
 */
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concatBytes, readUint32 } from "../../src/core/bytes.ts";
import { newMatroskaScanner } from "../../src/media/matroska.ts";
import { describeWith } from "../support/tools.ts";
import { cut, damage, scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { ffmpeg, ffprobe } from "./ffmpeg.ts";
import { decodedPictures } from "./gstreamer.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const TEST_MS = 120_000;

const PICTURE = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=4,format=yuv420p";
const SOUND = "-f lavfi -i sine=frequency=440:duration=4";
const BOTH = `${PICTURE} ${SOUND}`;
const X264 = "-c:v libx264 -preset veryfast -g 25 -x264-params scenecut=0";
const X265 = "-c:v libx265 -preset veryfast -x265-params log-level=error:keyint=25:scenecut=0";

const VIDEO: Judge = { demuxer: "matroska", compare: "decoded", map: "v" };
const AUDIO: Judge = { demuxer: "matroska", compare: "packets", map: "a" };

const H264: Sample = { title: "H.264 and AAC", make: `${BOTH} ${X264} -c:a aac -f matroska` };
const LIVE: Sample = {
  title: "live",
  make: `${BOTH} ${X264} -c:a aac -live 1 -f matroska`,
};
const VP9: Sample = {
  title: "VP9 and Opus",
  make: `${BOTH} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -b:v 1M -c:a libopus -f webm`,
};
const OPEN: Sample = { title: "open groups", make: `${PICTURE} ${X265} -f matroska` };
const SOUND_ALONE: Sample = { title: "Opus alone", make: `${SOUND} -c:a libopus -f webm` };

const WITH_VIDEO: readonly Sample[] = [
  H264,
  LIVE,
  VP9,
  { title: "H.264 alone", make: `${PICTURE} ${X264} -bf 0 -f matroska` },
  { title: "short Clusters", make: `${BOTH} ${X264} -c:a aac -cluster_time_limit 500 -f matroska` },
  {
    title: "small Clusters",
    make: `${BOTH} ${X264} -c:a aac -cluster_size_limit 9000 -f matroska`,
  },
  { title: "many B-frames", make: `${BOTH} ${X264}:bframes=6:b-adapt=0 -c:a aac -f matroska` },
  { title: "H.265, closed groups", make: `${BOTH} ${X265}:open-gop=0 -c:a aac -f matroska` },
  {
    title: "VP8 and Vorbis",
    make: `${BOTH} -c:v libvpx -deadline realtime -g 25 -b:v 1M -c:a libvorbis -f webm`,
  },
  { title: "Motion JPEG", make: `${PICTURE} -pix_fmt yuvj420p -c:v mjpeg -f matroska` },
];

describeWith("ffmpeg", "matroska", () => {
  scannerContract(newMatroskaScanner, [H264, LIVE, VP9, OPEN, SOUND_ALONE]);

  for (const sample of WITH_VIDEO) {
    test(
      `${sample.title}: every join point shows a run of the original's frames`,
      async () => {
        const stream = await streamOf(sample);
        const { joins } = scanChunks(newMatroskaScanner, [stream]);
        const original = await checksums(VIDEO, stream);
        expect(original.length).toBe(100);
        expect(joins.length).toBeGreaterThanOrEqual(3);
        for (const index of joins.length > 8 ? [0, 3, 7, joins.length - 2] : joins.keys()) {
          expectRun(await checksums(VIDEO, joined(newMatroskaScanner, stream, index)), original, 1);
        }
        expect((await checksums(VIDEO, joined(newMatroskaScanner, stream, 0))).length).toBe(100);
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who skips sees whole frames in order`,
      async () => {
        const stream = await streamOf(sample);
        const { frames } = scanChunks(newMatroskaScanner, [stream]);
        const original = await checksums(VIDEO, stream);
        for (const frame of [1, Math.floor(frames.length / 3)]) {
          const shown = await checksums(VIDEO, skipped(newMatroskaScanner, stream, frame, 1));
          // Pictures that wait for a later one to be shown first leave gaps of their own.
          expect(expectInOrder(shown, original)).toBeGreaterThanOrEqual(1);
        }
      },
      TEST_MS,
    );
  }
});

/** The offsets of the packets that ffprobe takes for keyframes of the video. */
async function keyframeOffsets(stream: Uint8Array): Promise<readonly number[]> {
  const args = "-f matroska -select_streams v -show_entries packet=pos,flags -of csv=p=0 -";
  const packets = (await ffprobe(args.split(" "), stream)).split("\n");
  return packets.filter((line) => line.includes("K")).map((line) => parseInt(line, 10));
}

describeWith("ffprobe", "matroska, beside ffprobe", () => {
  for (const sample of [H264, LIVE, VP9]) {
    test(
      `${sample.title}: the Clusters that open with a keyframe are the join points`,
      async () => {
        const stream = await streamOf(sample);
        const { frames, joins } = scanChunks(newMatroskaScanner, [stream]);
        const keyframes = await keyframeOffsets(stream);
        expect(keyframes.length).toBe(4);
        const clusters = keyframes.map((at) => frames.findLast((offset) => offset < at));
        expect(joins.map(({ offset }) => offset)).toEqual(clusters.map((offset) => offset ?? -1));
        expect(joins.every(({ clean }) => clean)).toBeTrue();
        expect(new Set(joins.map(({ setup }) => Buffer.from(setup).toString("hex"))).size).toBe(1);
      },
      TEST_MS,
    );
  }
});

describeWith("ffmpeg", "matroska, of other streams", () => {
  test(
    "sound alone can be joined at every Cluster, and skipped",
    async () => {
      for (const codec of ["libopus", "libvorbis"]) {
        const make = `${SOUND} -c:a ${codec} -cluster_time_limit 500 -f webm`;
        const stream = await streamOf({ title: codec, make });
        const { frames, joins } = scanChunks(newMatroskaScanner, [stream]);
        expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
        expect(frames.length).toBeGreaterThan(5);
        const original = await checksums(AUDIO, stream);
        for (const index of joins.keys()) {
          const shown = await checksums(AUDIO, joined(newMatroskaScanner, stream, index));
          expectRun(shown, original, 1);
        }
        const shown = await checksums(AUDIO, skipped(newMatroskaScanner, stream, 2, 3));
        expect(expectInOrder(shown, original)).toBe(1);
      }
    },
    TEST_MS,
  );

  test(
    "the sound beside a picture is a run too",
    async () => {
      const stream = await streamOf(H264);
      const original = await checksums(AUDIO, stream);
      for (const index of [0, 1, 2, 3]) {
        expectRun(await checksums(AUDIO, joined(newMatroskaScanner, stream, index)), original, 30);
      }
    },
    TEST_MS,
  );

  test(
    "an open group of H.265 is joined without its leading pictures, and skipped to without them",
    async () => {
      const stream = await streamOf(OPEN);
      const { frames, joins } = scanChunks(newMatroskaScanner, [stream]);
      expect(joins.map(({ splice }) => splice.length > 0)).toEqual([false, true, true, true]);
      const original = await checksums(VIDEO, stream);
      for (const index of joins.keys()) {
        expectRun(await checksums(VIDEO, joined(newMatroskaScanner, stream, index)), original, 20);
      }
      for (const { offset, splice } of joins.slice(1)) {
        const skip = concatBytes(stream.subarray(0, frames[1]), splice, stream.subarray(offset));
        expect(expectInOrder(await checksums(VIDEO, skip), original)).toBe(1);
      }
    },
    TEST_MS,
  );

  test(
    "an open group of H.264 is no clean join point",
    async () => {
      const open = "-c:v libx264 -x264-params keyint=25:scenecut=0:open-gop=1";
      const stream = await streamOf({ title: "", make: `${PICTURE} ${open} -f matroska` });
      const { joins } = scanChunks(newMatroskaScanner, [stream]);
      expect(joins[0]?.clean).toBeTrue();
      expect(joins.some(({ clean }) => !clean)).toBeTrue();
    },
    TEST_MS,
  );

  test(
    "a file has sizes and an index, and a newcomer gets neither its size nor its index's place",
    async () => {
      const stream = await file(`${BOTH} ${X264} -c:a aac -f matroska`);
      const { frames, joins, kept } = scanChunks(newMatroskaScanner, [stream]);
      expect([kept, frames.length, joins.length]).toEqual([true, 4, 4]);
      expect(scanChunks(newMatroskaScanner, cut(stream, 97))).toEqual({ frames, joins, kept });
      const original = await checksums(VIDEO, stream);
      for (const index of joins.keys()) {
        expectRun(await checksums(VIDEO, joined(newMatroskaScanner, stream, index)), original, 25);
      }
    },
    TEST_MS,
  );

  test("a second header ends it", async () => {
    const stream = await streamOf(H264);
    const twice = scanChunks(newMatroskaScanner, [concatBytes(stream, stream)]);
    expect(twice).toEqual({ ...scanChunks(newMatroskaScanner, [stream]), kept: false });
  });

  test("a stream without its beginning is not understood", async () => {
    const stream = await streamOf(H264);
    expect(scanChunks(newMatroskaScanner, [stream.subarray(40)]).kept).toBeFalse();
  });
});

/** What ffmpeg writes where it can go back and fill in sizes. */
async function file(make: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "fstream-"));
  const path = join(folder, "stream");
  await ffmpeg([...make.split(" "), path]);
  const bytes = await Bun.file(path).bytes();
  await rm(folder, { recursive: true });
  return bytes;
}

/** The same stream with Clusters that do not say where they end, as GStreamer and browsers write them. */
function endless(stream: Uint8Array): Uint8Array {
  const copy = stream.slice();
  for (const offset of scanChunks(newMatroskaScanner, [stream]).frames) {
    const width = Math.clz32(copy[offset + 4] ?? 0) - 23;
    copy.fill(0xff, offset + 4, offset + 4 + width);
    copy[offset + 4] = 0xff >> (width - 1);
  }
  return copy;
}

describeWith("ffmpeg", "matroska, of Clusters without an end", () => {
  test(
    "every join point shows a run of the original's frames",
    async () => {
      const stream = endless(await streamOf(H264));
      const found = scanChunks(newMatroskaScanner, [stream]);
      expect(found).toEqual(scanChunks(newMatroskaScanner, [await streamOf(H264)]));
      expect(scanChunks(newMatroskaScanner, cut(stream, 13))).toEqual(found);
      const original = await checksums(VIDEO, stream);
      for (const index of found.joins.keys()) {
        expectRun(await checksums(VIDEO, joined(newMatroskaScanner, stream, index)), original, 25);
      }
      const shown = await checksums(VIDEO, skipped(newMatroskaScanner, stream, 1, 1));
      expect(expectInOrder(shown, original)).toBeGreaterThanOrEqual(1);
    },
    TEST_MS,
  );
});

describeWith("ffmpeg", "matroska, damaged", () => {
  test("the Clusters behind a damage are found again", async () => {
    const stream = endless(await streamOf(LIVE));
    const whole = scanChunks(newMatroskaScanner, [stream]);
    stream.fill(0, (whole.frames[1] ?? 0) + 30, (whole.frames[1] ?? 0) + 1500);
    const rest = scanChunks(newMatroskaScanner, [stream]);
    expect(rest.kept).toBeTrue();
    expect(rest.frames).toEqual([...whole.frames]);
    expect(scanChunks(newMatroskaScanner, cut(stream, 11))).toEqual(rest);
  });

  test("nothing but Clusters is marked, whatever happens to the stream", async () => {
    const stream = await streamOf(H264);
    for (let seed = 1; seed < 200; seed++) {
      const damaged = new Uint8Array(damage(stream, seed));
      for (const offset of scanChunks(newMatroskaScanner, [damaged]).frames) {
        expect(readUint32(damaged, offset)).toBe(0x1f43b675);
      }
    }
  });

  test("it gives up where no Cluster follows", async () => {
    const stream = await streamOf(LIVE);
    const noise = new Uint8Array(17 * 1024 * 1024);
    const { frames, kept } = scanChunks(newMatroskaScanner, [concatBytes(stream, noise)]);
    expect([kept, frames.length]).toEqual([
      false,
      scanChunks(newMatroskaScanner, [stream]).frames.length,
    ]);
  });
});

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75, 0xff];

/** An element of at most 126 bytes. */
function element(id: readonly number[], ...body: readonly number[]): number[] {
  return [...id, 0x80 | body.length, ...body];
}

/** Streams of a few elements, made up to show one rule each. */
describe("matroska, made up", () => {
  const header = element([0x1a, 0x45, 0xdf, 0xa3], 0x42, 0x82, 0x84, 0x77, 0x65, 0x62, 0x6d);
  const segment = [0x18, 0x53, 0x80, 0x67, 0xff];
  const track = (number: number, type: number): number[] =>
    element([0xae], ...element([0xd7], number), ...element([0x83], type));
  const tracks = element([0x16, 0x54, 0xae, 0x6b], ...track(1, 2), ...track(2, 1));
  const cluster = (time: number, ...blocks: number[][]): number[] => [
    ...CLUSTER,
    ...element([0xe7], time),
    ...blocks.flat(),
  ];
  const filling = Array.from({ length: 20 }, () => 0x55);
  const simple = (number: number, time: number, flags: number): number[] =>
    element([0xa3], 0x80 | number, 0, time, flags, ...filling);
  const block = (number: number, time: number): number[] =>
    element([0xa1], 0x80 | number, 0, time, 0, ...filling);
  const group = (...children: number[][]): number[] => element([0xa0], ...children.flat());
  const reference = element([0xfb], 1);
  const end = cluster(99, simple(2, 0, 0));
  const scan = (...parts: number[][]): [number, boolean | undefined][] => {
    const bytes = new Uint8Array([...header, ...segment, ...tracks, ...parts.flat()]);
    const { frames, joins, kept } = scanChunks(newMatroskaScanner, cut(bytes, 1));
    expect(kept).toBeTrue();
    return frames.map((at) => [at, joins.find(({ offset }) => offset === at)?.clean]);
  };
  const cleanOf = (...parts: number[][]): (boolean | undefined)[] =>
    scan(...parts, end).map(([, clean]) => clean);

  test("only the first video block of a Cluster counts", () => {
    const next = simple(2, 9, 0);
    expect(cleanOf(cluster(0, simple(1, 0, 0x80), simple(2, 0, 0x80), next))).toEqual([
      true,
      undefined,
    ]);
    expect(cleanOf(cluster(0, simple(2, 0, 0), simple(2, 5, 0x80), next))).toEqual([
      undefined,
      undefined,
    ]);
    expect(cleanOf(cluster(0, simple(1, 0, 0x80)))).toEqual([undefined, undefined]);
  });

  test("a block in a group is a keyframe where it refers to nothing", () => {
    const next = simple(2, 9, 0);
    expect(cleanOf(cluster(0, group(block(2, 0)), next))[0]).toBeTrue();
    expect(cleanOf(cluster(0, group(block(2, 0), reference), next))[0]).toBeUndefined();
    expect(cleanOf(cluster(0, group(reference, block(2, 0)), next))[0]).toBeUndefined();
    expect(cleanOf(cluster(0, group(block(1, 0)), simple(2, 0, 0x80), next))[0]).toBeTrue();
  });

  test("the next picture decides whether it is clean, also one of a later Cluster", () => {
    const key = simple(2, 5, 0x80);
    expect(cleanOf(cluster(0, key, simple(2, 4, 0)))[0]).toBeFalse();
    expect(
      cleanOf(cluster(9, key), cluster(10, simple(1, 0, 0)), cluster(4, simple(2, 9, 0))),
    ).toEqual([false, undefined, undefined, undefined]);
    expect(cleanOf(cluster(9, key), cluster(10, simple(1, 0, 0)))[0]).toBeTrue();
    expect(cleanOf(cluster(9, key), cluster(10, key), cluster(11, key)).slice(0, 3)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describeWith("gst-launch-1.0", "matroska, read by GStreamer", () => {
  test(
    "who joins sees every picture",
    async () => {
      const stream = joined(newMatroskaScanner, await streamOf(H264), 2);
      const size = { width: 320, height: 240 };
      expect(await decodedPictures("matroskademux ! h264parse ! avdec_h264", size, stream)).toBe(
        50,
      );
    },
    TEST_MS,
  );
});
