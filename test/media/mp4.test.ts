/**
 * Fragmented MP4, as ffmpeg writes it to a pipe.
 */
import { expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newMp4Scanner } from "../../src/media/mp4.ts";
import { describeWith } from "../support/tools.ts";
import { cut, damage, scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { decodedPictures } from "./gstreamer.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const TEST_MS = 120_000;

const PICTURE = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=4,format=yuv420p";
const SOUND = "-f lavfi -i sine=frequency=440:duration=4";
const BOTH = `${PICTURE} ${SOUND}`;
const X264 = "-c:v libx264 -preset veryfast -g 25 -x264-params scenecut=0";
const X265 = "-c:v libx265 -preset veryfast -x265-params log-level=error:keyint=25:scenecut=0";
const LIVE = "empty_moov+default_base_moof";

const VIDEO: Judge = { demuxer: "mp4", compare: "decoded", map: "v" };
const AUDIO: Judge = { demuxer: "mp4", compare: "packets", map: "a" };

function sample(title: string, input: string, codecs: string, flags: string, more = ""): Sample {
  return { title, make: `${input} ${codecs}${more} -movflags ${flags} -f mp4` };
}

const PLAIN = sample("a fragment a keyframe", BOTH, `${X264} -c:a aac`, `frag_keyframe+${LIVE}`);
const EVERY = sample("a fragment a frame", BOTH, `${X264} -c:a aac`, `frag_every_frame+${LIVE}`);
const DASH = sample("DASH", BOTH, `${X264} -c:a aac`, "frag_keyframe+dash");
const OPEN = sample("open groups", PICTURE, X265, `frag_every_frame+${LIVE}`);
const SOUND_ALONE = sample("AAC alone", SOUND, "-c:a aac", LIVE, " -frag_duration 500000");

const WITH_VIDEO: readonly Sample[] = [
  PLAIN,
  EVERY,
  DASH,
  sample("CMAF", BOTH, `${X264} -c:a aac`, "frag_keyframe+cmaf"),
  sample("no sound", PICTURE, `${X264} -bf 0`, `frag_keyframe+${LIVE}`),
  sample(
    "half a second",
    BOTH,
    `${X264} -c:a aac`,
    `frag_keyframe+${LIVE}`,
    " -frag_duration 500000",
  ),
  sample("a late moov", BOTH, `${X264} -c:a aac`, "frag_keyframe+delay_moov+default_base_moof"),
  sample("many B-frames", BOTH, `${X264}:bframes=6:b-adapt=0 -c:a aac`, `frag_every_frame+${LIVE}`),
  sample("H.265", BOTH, `${X265}:open-gop=0 -c:a aac`, `frag_keyframe+${LIVE}`),
  { title: "Smooth Streaming", make: `${BOTH} ${X264} -c:a aac -f ismv` },
];

describeWith("ffmpeg", "mp4", () => {
  scannerContract(newMp4Scanner, [PLAIN, EVERY, DASH, OPEN, SOUND_ALONE]);

  for (const made of WITH_VIDEO) {
    test(
      `${made.title}: every keyframe can be joined, and shows a run of the original's frames`,
      async () => {
        const stream = await streamOf(made);
        const { joins } = scanChunks(newMp4Scanner, [stream]);
        const original = await checksums(VIDEO, stream);
        expect([original.length, joins.length]).toEqual([100, 4]);
        expect(joins.every(({ clean }) => clean)).toBeTrue();
        for (const index of [0, 1, 2, 3]) {
          const shown = await checksums(VIDEO, joined(newMp4Scanner, stream, index));
          expectRun(shown, original, 100 - 25 * index);
        }
      },
      TEST_MS,
    );

    test(
      `${made.title}: who skips sees whole frames in order`,
      async () => {
        const stream = await streamOf(made);
        const { frames } = scanChunks(newMp4Scanner, [stream]);
        const original = await checksums(VIDEO, stream);
        for (const frame of [1, Math.floor(frames.length / 3)]) {
          const shown = await checksums(VIDEO, skipped(newMp4Scanner, stream, frame, 1));
          // Pictures that wait for a later one to be shown first leave gaps of their own, and a
          // frame of sound alone leaves none.
          expect(expectInOrder(shown, original)).toBeLessThan(6);
          expect(shown.length).toBeGreaterThan(45);
        }
      },
      TEST_MS,
    );
  }

  test(
    "sound alone can be joined at every fragment, and skipped",
    async () => {
      const stream = await streamOf(SOUND_ALONE);
      const { frames, joins } = scanChunks(newMp4Scanner, [stream]);
      expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
      expect(frames.length).toBeGreaterThan(5);
      const original = await checksums(AUDIO, stream);
      for (const index of joins.keys()) {
        expectRun(await checksums(AUDIO, joined(newMp4Scanner, stream, index)), original, 1);
      }
      const shown = await checksums(AUDIO, skipped(newMp4Scanner, stream, 2, 3));
      expect(expectInOrder(shown, original)).toBe(1);
    },
    TEST_MS,
  );

  test(
    "the sound beside a picture is a run too",
    async () => {
      for (const made of [PLAIN, EVERY, DASH]) {
        const stream = await streamOf(made);
        const original = await checksums(AUDIO, stream);
        for (const index of [0, 1, 2, 3]) {
          expectRun(await checksums(AUDIO, joined(newMp4Scanner, stream, index)), original, 30);
        }
      }
    },
    TEST_MS,
  );

  test(
    "an open group of H.265 is joined without its leading pictures, and skipped to without them",
    async () => {
      for (const flags of ["frag_keyframe", "frag_every_frame"]) {
        const stream = await streamOf(sample("", PICTURE, X265, `${flags}+${LIVE}`));
        const { frames, joins } = scanChunks(newMp4Scanner, [stream]);
        expect(joins.map(({ splice }) => splice.length > 0)).toEqual([false, true, true, true]);
        const original = await checksums(VIDEO, stream);
        for (const index of joins.keys()) {
          expectRun(await checksums(VIDEO, joined(newMp4Scanner, stream, index)), original, 20);
        }
        for (const { offset, splice } of joins.slice(1)) {
          const head = stream.subarray(0, frames[1]);
          const skip = concatBytes(head, splice, stream.subarray(offset));
          expect(expectInOrder(await checksums(VIDEO, skip), original)).toBe(1);
        }
      }
    },
    TEST_MS,
  );

  test(
    "an open group of H.264 is no clean join point",
    async () => {
      const open = "-c:v libx264 -x264-params keyint=25:scenecut=0:open-gop=1";
      const stream = await streamOf(sample("", PICTURE, open, `frag_keyframe+${LIVE}`));
      const { joins } = scanChunks(newMp4Scanner, [stream]);
      expect(joins[0]?.clean).toBeTrue();
      expect(joins.some(({ clean }) => !clean)).toBeTrue();
    },
    TEST_MS,
  );
});

describeWith("ffmpeg", "mp4, box by box", () => {
  test("a fragment with a keyframe in its middle is no join point", async () => {
    const stream = await streamOf(sample("", PICTURE, X264, LIVE, " -frag_duration 500000"));
    const { frames, joins } = scanChunks(newMp4Scanner, [stream]);
    expect(frames.length).toBeGreaterThan(6);
    expect(joins.map(({ offset }) => offset)).toEqual(frames.slice(0, 1));
  });

  test("a frame begins with what stands before its moof", async () => {
    const stream = await streamOf(DASH);
    const types = scanChunks(newMp4Scanner, [stream]).frames.map((at) => typeAt(stream, at));
    expect(types).toEqual(["sidx", "sidx", "sidx", "sidx"]);
    const every = await streamOf(EVERY);
    const { frames } = scanChunks(newMp4Scanner, [every]);
    expect(new Set(frames.map((at) => typeAt(every, at)))).toEqual(new Set(["moof"]));
    expect(frames.length).toBeGreaterThan(250);
  });

  test("a repeated set-up belongs to what follows it, and another one ends the stream", async () => {
    const stream = await streamOf(PLAIN);
    const { frames, joins } = scanChunks(newMp4Scanner, [stream]);
    const head = frames[0] ?? 0;
    const twice = scanChunks(newMp4Scanner, [concatBytes(stream, stream)]);
    expect(twice.frames).toEqual([
      ...frames,
      ...[0, ...frames.slice(1)].map((offset) => offset + stream.length),
    ]);
    expect([twice.kept, twice.joins.length]).toEqual([true, 2 * joins.length]);
    const other = stream.slice();
    other.fill(0x20, head - 8, head);
    expect(scanChunks(newMp4Scanner, [concatBytes(stream, other)]).kept).toBeFalse();
  });

  test("what is not fragmented, or has samples before its first fragment, is not understood", async () => {
    const hybrid = `${BOTH} ${X264} -c:a aac -movflags frag_keyframe -f mp4`;
    const found = scanChunks(newMp4Scanner, [await streamOf({ title: "", make: hybrid })]);
    expect(found).toEqual({ frames: [], joins: [], kept: false });
    const stream = await streamOf(PLAIN);
    const unfragmented = stream.slice();
    unfragmented.set(Buffer.from("free"), Buffer.from(stream).indexOf("mvex"));
    expect(scanChunks(newMp4Scanner, [unfragmented])).toEqual({
      frames: [],
      joins: [],
      kept: false,
    });
  });

  test("a stream without its beginning is not understood", async () => {
    const stream = await streamOf(PLAIN);
    const { frames } = scanChunks(newMp4Scanner, [stream]);
    expect(scanChunks(newMp4Scanner, [stream.subarray(frames[1])]).kept).toBeFalse();
  });

  test("large sizes are read, and a box without an end is the last one", async () => {
    const stream = await streamOf(PLAIN);
    const whole = scanChunks(newMp4Scanner, [stream]);
    const mdat = Buffer.from(stream).indexOf("mdat") - 4;
    const size = Buffer.from(stream).readUInt32BE(mdat);
    const large = Buffer.from([0, 0, 0, 1, 0x6d, 0x64, 0x61, 0x74, 0, 0, 0, 0, 0, 0, 0, 0]);
    large.writeUInt32BE(size + 8, 12);
    const [head, tail] = [stream.subarray(0, mdat), stream.subarray(mdat + 8)];
    const found = scanChunks(newMp4Scanner, cut(concatBytes(head, large, tail), 5));
    expect(found.frames).toEqual(whole.frames.map((at) => (at > mdat ? at + 8 : at)));
    const endless = concatBytes(head, Buffer.from([0, 0, 0, 0, 0x6d, 0x64, 0x61, 0x74]), tail);
    const rest = scanChunks(newMp4Scanner, [endless]);
    expect([rest.frames.length, rest.kept]).toEqual([1, true]);
  });

  test("what is not a box ends it", async () => {
    const stream = await streamOf(PLAIN);
    const { frames } = scanChunks(newMp4Scanner, [stream]);
    const broken = concatBytes(stream.subarray(0, frames[2]), new Uint8Array(100), stream);
    expect(scanChunks(newMp4Scanner, [broken])).toMatchObject({
      frames: frames.slice(0, 2),
      kept: false,
    });
  });

  test("frames begin where a box does, whatever happens to the stream", async () => {
    const stream = await streamOf(EVERY);
    for (let seed = 1; seed < 200; seed++) {
      const damaged = new Uint8Array(damage(stream, seed));
      for (const offset of scanChunks(newMp4Scanner, [damaged]).frames) {
        expect(typeAt(damaged, offset)).toMatch(/^[ -~\u00a9][ -~]{3}$/);
      }
    }
  });
});

function typeAt(stream: Uint8Array, at: number): string {
  return Buffer.from(stream.subarray(at + 4, at + 8)).toString("latin1");
}

describeWith("gst-launch-1.0", "mp4, read by GStreamer", () => {
  test(
    "who joins sees every picture",
    async () => {
      const stream = joined(newMp4Scanner, await streamOf(PLAIN), 2);
      const size = { width: 320, height: 240 };
      expect(await decodedPictures("qtdemux ! h264parse ! avdec_h264", size, stream)).toBe(50);
    },
    TEST_MS,
  );
});
