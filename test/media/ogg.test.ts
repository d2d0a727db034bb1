/**
 * Ogg, as ffmpeg writes it.
 */
import { expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newOggScanner } from "../../src/media/ogg.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { ffmpeg } from "./ffmpeg.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const PICTURE = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=3,format=yuv420p";
const NOISY_PICTURE = PICTURE.replace("160x120", "320x240").replace(
  ",f",
  ",noise=alls=50:allf=t,f",
);
const NOISE = "-f lavfi -i anoisesrc=seed=1:sample_rate=48000:amplitude=0.1:duration";

const VIDEO: Judge = { demuxer: "ogg", compare: "decoded", map: "v" };
const AUDIO: Judge = { demuxer: "ogg", compare: "packets", map: "a" };

const VORBIS: Sample = {
  title: "Vorbis",
  make: `${NOISE}=4 -c:a libvorbis -page_duration 100000 -f ogg`,
};
const OPUS: Sample = {
  title: "Opus",
  make: `${NOISE}=4 -c:a libopus -b:a 64k -page_duration 20000 -f ogg`,
};
const FLAC: Sample = { title: "FLAC", make: `${NOISE}=4 -c:a flac -page_duration 100000 -f ogg` };
const SPEEX: Sample = {
  title: "Speex",
  make: `${NOISE}=4 -ar 16000 -c:a libspeex -page_duration 100000 -f ogg`,
};
const LONG_PAGES: Sample = {
  title: "Vorbis in long pages",
  make: `${NOISE}=7 -c:a libvorbis -f ogg`,
};
const THEORA: Sample = {
  title: "Theora and Vorbis",
  make: `${PICTURE} ${NOISE}=3 -c:v libtheora -g 15 -b:v 500k -c:a libvorbis -f ogg`,
};
const BIG_PICTURES: Sample = {
  title: "Theora in packets of many pages",
  make: `${NOISY_PICTURE} ${NOISE}=3 -c:v libtheora -q:v 10 -g 15 -c:a libopus -page_duration 10000 -f ogg`,
};
const VP8: Sample = {
  title: "VP8",
  make: `${PICTURE} -c:v libvpx -deadline realtime -g 15 -f ogg`,
};

const SOUNDS: readonly Sample[] = [VORBIS, OPUS, FLAC, SPEEX, LONG_PAGES];
const PICTURES: readonly Sample[] = [THEORA, BIG_PICTURES, VP8];

describeWith("ffmpeg", "ogg", () => {
  scannerContract(newOggScanner, [VORBIS, OPUS, FLAC, SPEEX, THEORA, VP8]);

  for (const sample of SOUNDS) {
    test(`${sample.title}: who joins at any page hears a run of the original's packets`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(AUDIO, stream);
      const { frames, joins } = scanChunks(newOggScanner, [stream]);
      expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
      expect(joins.length).toBeGreaterThanOrEqual(6);
      const step = Math.ceil(joins.length / 12);
      for (let index = 0; index < joins.length; index += step) {
        const shown = await checksums(AUDIO, joined(newOggScanner, stream, index));
        expectRun(shown, original, 1);
        expect(shown.at(-1)).toBe(original.at(-1));
      }
    }, 60_000);

    test(`${sample.title}: who skips hears whole packets in order, and no complaint`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(AUDIO, stream);
      for (const frame of [1, 2, 3]) {
        const watched = skipped(newOggScanner, stream, frame, 2);
        expect(expectInOrder(await checksums(AUDIO, watched), original)).toBe(1);
        await ffmpeg(["-f", "ogg", "-i", "-", "-f", "null", "-"], watched);
      }
    }, 60_000);
  }

  for (const sample of PICTURES) {
    test(`${sample.title}: who joins sees a run of the original's frames`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(VIDEO, stream);
      expect(original.length).toBe(75);
      const { joins } = scanChunks(newOggScanner, [stream]);
      expect(joins.length).toBeGreaterThanOrEqual(5);
      for (let index = 0; index < joins.length; index += Math.ceil(joins.length / 8)) {
        const shown = await checksums(VIDEO, joined(newOggScanner, stream, index));
        expectRun(shown, original, index === 0 ? 75 : 1);
        expect(shown.at(-1)).toBe(original.at(-1));
      }
    }, 60_000);

    test(`${sample.title}: who skips sees whole frames in order`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(VIDEO, stream);
      const { frames } = scanChunks(newOggScanner, [stream]);
      for (let frame = 1; frame < frames.length / 2; frame += Math.ceil(frames.length / 12)) {
        const shown = await checksums(VIDEO, skipped(newOggScanner, stream, frame, 1));
        expect(expectInOrder(shown, original)).toBeLessThanOrEqual(1);
        expect(shown.length).toBeGreaterThanOrEqual(30);
      }
    }, 60_000);
  }

  test("sound beside pictures is whole as well", async () => {
    const stream = await streamOf(BIG_PICTURES);
    const original = await checksums(AUDIO, stream);
    expectRun(await checksums(AUDIO, joined(newOggScanner, stream, 2)), original, 60);
    const shown = await checksums(AUDIO, skipped(newOggScanner, stream, 20, 2));
    expect(expectInOrder(shown, original)).toBe(1);
  }, 60_000);

  test("the keyframes of Theora and VP8 are join points, and nothing else is", async () => {
    for (const sample of [THEORA, VP8]) {
      const stream = await streamOf(sample);
      const { joins } = scanChunks(newOggScanner, [stream]);
      expect(joins.length).toBe(5);
      const shown = await checksums(VIDEO, joined(newOggScanner, stream, 3));
      expect(shown.length).toBe(30);
    }
  }, 60_000);

  test("a picture that fills several pages is one frame", async () => {
    const stream = await streamOf(BIG_PICTURES);
    const { frames } = scanChunks(newOggScanner, [stream]);
    const pages = Buffer.from(stream).toString("latin1").split("OggS\0").slice(1);
    const continued = pages.filter((rest) => (rest.charCodeAt(0) & 1) !== 0);
    expect(continued.length).toBeGreaterThan(50);
    expect(frames.length).toBeLessThanOrEqual(pages.length - continued.length);
  });

  for (const sample of [VORBIS, OPUS, FLAC]) {
    test(`${sample.title}: the next chain begins with a join point, and is spliced in`, async () => {
      const next = await streamOf({ title: "", make: sample.make.replace("seed=1", "seed=2") });
      const first = await streamOf(sample);
      const stream = concatBytes(first, next);
      const { joins } = scanChunks(newOggScanner, [stream]);
      const border = joins.findIndex(({ offset }) => offset === first.length);
      expect(joins[border]?.setup.length).toBe(0);
      const nextOnly = await checksums(AUDIO, next);
      for (const later of [0, 1, 9]) {
        const newcomer = joined(newOggScanner, stream, border + later);
        expectRun(await checksums(AUDIO, newcomer), nextOnly, 15);
      }
      // ffmpeg hands on the headers of a later chain as packets, which are left out here.
      const original = [...(await checksums(AUDIO, first)), ...nextOnly];
      const isSound = (packet: string): boolean => original.includes(packet);
      for (const ahead of [-4, 0, 2, 9]) {
        const watched = skipped(newOggScanner, stream, 4, border - 4 + ahead);
        const shown = await checksums(AUDIO, watched);
        expectInOrder(shown.filter(isSound), original);
        expect(shown.filter((packet) => !isSound(packet)).length).toBeLessThanOrEqual(3);
        expect(shown.at(-1)).toBe(original.at(-1));
      }
      // Who skips within the second chain gets its headers once more, and loses nothing by it.
      const within = skipped(newOggScanner, stream, border + 2, 5);
      expectInOrder((await checksums(AUDIO, within)).filter(isSound), original);
    }, 60_000);
  }

  test("a stream that is entered in the middle has frames, and join points from the next chain on", async () => {
    const first = await streamOf(VORBIS);
    for (const from of [5_000, 7_777, 10_001]) {
      const stream = concatBytes(first.subarray(from), first);
      const { frames, joins } = scanChunks(newOggScanner, [stream]);
      const whole = scanChunks(newOggScanner, [first]).frames;
      expect(frames[0]).toBe(whole.find((offset) => offset >= from)! - from);
      expect(joins[0]?.offset).toBe(first.length - from);
      const original = await checksums(AUDIO, first);
      expectRun(await checksums(AUDIO, joined(newOggScanner, stream, 3)), original, 30);
    }
  }, 60_000);

  test("damage costs the pages that it hits, and what was set up goes on", async () => {
    const stream = (await streamOf(VORBIS)).slice();
    const { frames, joins } = scanChunks(newOggScanner, [stream]);
    stream.fill(0, frames[10]! - 3, frames[10]! + 5);
    const found = scanChunks(newOggScanner, [stream]);
    expect(found.frames).toEqual([...frames.slice(0, 10), ...frames.slice(11)]);
    expect(found.joins).toEqual([...joins.slice(0, 10), ...joins.slice(11)]);
  });
});

const GST_LINES: readonly (readonly [Sample, string, number])[] = [
  [
    THEORA,
    "theoradec ! fdsink async=false d. ! queue ! vorbisdec ! fakesink",
    160 * 120 * 1.5 * 45,
  ],
  [FLAC, "flacparse ! flacdec ! fdsink", 690_000],
];

describeWith("gst-launch-1.0", "ogg, read by GStreamer", () => {
  for (const [sample, decoder, bytes] of GST_LINES) {
    test(`${sample.title}: who joins gets everything from there on`, async () => {
      const stream = joined(newOggScanner, await streamOf(sample), 2);
      const line = `fdsrc ! oggdemux name=d d. ! queue ! ${decoder}`.split(" ");
      const child = Bun.spawn(["gst-launch-1.0", "-q", ...line], { stdin: stream });
      const output = await child.stdout.bytes();
      expect(await child.exited).toBe(0);
      expect(output.length).toBeGreaterThanOrEqual(bytes);
    }, 60_000);
  }
});
