/**
 * MPEG-TS, as ffmpeg writes it.
 */
import { expect, test } from "bun:test";
import { newMpegTsScanner } from "../../src/media/mpegts.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, scannerContract, streamOf } from "./contract.ts";
import { ffprobe } from "./ffmpeg.ts";
import {
  AUDIO,
  CLEAN,
  GROUP,
  GROUPS,
  H265_OPEN,
  losses,
  MPEG2_OPEN,
  PROGRAMS,
  X264_OPEN,
} from "./mpegts-samples.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const VIDEO: Judge = { demuxer: "mpegts", compare: "decoded", map: "v:0" };
const SOUND: Judge = { demuxer: "mpegts", compare: "packets", map: "a:0" };

/** Pictures in front of an open group's keyframe, which only make sense with the group before. */
const LEADING = 4;

/** Where ffprobe finds the keyframes of the first video stream. */
async function keyframes(stream: Uint8Array): Promise<number[]> {
  const show = ["-select_streams", "v:0", "-show_entries", "packet=pos,flags", "-of", "csv=p=0"];
  const packets = await ffprobe(["-f", "mpegts", ...show, "-i", "-"], stream);
  const keys = packets.split("\n").filter((line) => line.includes(",K"));
  return keys.map((line) => Number(line.split(",")[0]));
}

describeWith("ffmpeg", "mpegts", () => {
  scannerContract(newMpegTsScanner, [...CLEAN, ...AUDIO, PROGRAMS]);

  for (const sample of [...CLEAN, X264_OPEN, MPEG2_OPEN]) {
    test(`${sample.title}: every picture is found, and every keyframe is a join point`, async () => {
      const stream = await streamOf(sample);
      const { frames, joins } = scanChunks(newMpegTsScanner, [stream]);
      expect(frames.length).toBe(GROUP * GROUPS);
      expect(joins.length).toBeGreaterThanOrEqual(GROUPS);
      expect(joins.map(({ offset }) => offset)).toEqual(await keyframes(stream));
    }, 60_000);
  }

  for (const sample of CLEAN) {
    test(`${sample.title}: who joins sees a run of the original's frames`, async () => {
      const stream = await streamOf(sample);
      const [pictures, sound] = [await checksums(VIDEO, stream), await soundOf(stream)];
      for (const index of [0, 1, 2]) {
        const received = joined(newMpegTsScanner, stream, index);
        const least = GROUP * (GROUPS - index) - (sample === H265_OPEN ? LEADING : 0);
        expectRun(await checksums(VIDEO, received), pictures, least);
        expectRun(await soundOf(received), sound, 0);
        expect(await losses(received)).toEqual([]);
      }
    }, 120_000);

    test(`${sample.title}: who skips sees whole frames in order`, async () => {
      const stream = await streamOf(sample);
      const [pictures, sound] = [await checksums(VIDEO, stream), await soundOf(stream)];
      for (const stop of [1, 11, 26]) {
        const received = skipped(newMpegTsScanner, stream, stop, 2);
        const next = Math.ceil((stop + 2) / GROUP) * GROUP;
        const shown = await checksums(VIDEO, received);
        expectInOrder(shown, pictures);
        const left = sample === H265_OPEN ? LEADING : 0;
        expect(shown.length).toBeGreaterThanOrEqual(stop + GROUP * GROUPS - next - left);
        expect(expectInOrder(await soundOf(received), sound)).toBeLessThanOrEqual(1);
        expect(await losses(received)).toEqual([]);
      }
    }, 120_000);
  }

  for (const sample of AUDIO) {
    test(`${sample.title}: who joins or skips hears whole frames in order`, async () => {
      const stream = await streamOf(sample);
      const sound = await soundOf(stream);
      const received = joined(newMpegTsScanner, stream, 3);
      expectRun(await soundOf(received), sound, 40);
      expect(await losses(received)).toEqual([]);
      const rest = skipped(newMpegTsScanner, stream, 2, 2);
      expect(expectInOrder(await soundOf(rest), sound)).toBe(1);
      expect(await losses(rest)).toEqual([]);
    }, 60_000);
  }

  test("open groups of H.264 and MPEG-2 are for decoders that start anew", async () => {
    for (const sample of [X264_OPEN, MPEG2_OPEN]) {
      const { joins } = scanChunks(newMpegTsScanner, [await streamOf(sample)]);
      expect(joins.slice(1).some(({ clean }) => clean)).toBeFalse();
    }
    const stream = await streamOf(MPEG2_OPEN);
    const shown = await checksums(VIDEO, joined(newMpegTsScanner, stream, 1));
    expectRun(shown, await checksums(VIDEO, stream), GROUP);
  }, 60_000);

  test("both programs of two go on behind a skip", async () => {
    const stream = await streamOf(PROGRAMS);
    const received = skipped(newMpegTsScanner, stream, 3, 2);
    expect(await losses(received)).toEqual([]);
    for (const map of ["v:0", "v:1"]) {
      const judge: Judge = { ...VIDEO, map };
      expectInOrder(await checksums(judge, received), await checksums(judge, stream));
    }
  }, 60_000);
});

/** The checksums of the sound, where there is any. */
async function soundOf(stream: Uint8Array): Promise<readonly string[]> {
  return (await isSilent(stream)) ? [] : await checksums(SOUND, stream);
}

async function isSilent(stream: Uint8Array): Promise<boolean> {
  const show = ["-select_streams", "a", "-show_entries", "stream=index", "-of", "csv=p=0"];
  return (await ffprobe(["-f", "mpegts", ...show, "-i", "-"], stream)) === "";
}
