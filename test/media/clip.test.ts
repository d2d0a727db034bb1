/**
 * The demo's clip: it is cut without loss, and plays in a loop.
 */
import { describe, expect, test } from "bun:test";
import { accessUnits, CLIP_FPS, loadClip } from "../../src/cli/demo/clip.ts";
import { recognise } from "../../src/media/recognise.ts";
import { describeWith } from "../support/tools.ts";
import { ffmpeg, ffprobe } from "./ffmpeg.ts";

const clip = await loadClip();

const DELIMITER = [0, 0, 0, 1, 9];

describe("the clip", () => {
  test("is small, and is recognised as H.264", () => {
    expect(clip.length).toBeLessThanOrEqual(400_000);
    expect(recognise(clip)).toBe("h264");
  });

  test("is cut into access units that add up to the file", () => {
    const units = accessUnits(clip);
    expect(Buffer.concat(units).equals(clip)).toBe(true);
    expect(units.filter((unit) => !startsWith(unit, DELIMITER))).toEqual([]);
  });

  test("has a keyframe with its set-up in each second, the first one at its start", () => {
    const keyframes = accessUnits(clip).flatMap((unit, i) => (isKeyframe(unit) ? [i] : []));
    expect(keyframes).toEqual(Array.from({ length: 10 }, (_, second) => second * CLIP_FPS));
  });
});

describe("accessUnits", () => {
  test("cuts before the zero byte of a long start code, and before a short start code", () => {
    const long = [0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x65, 5];
    const short = [0, 0, 1, 9, 0x30, 0, 0, 1, 0x41, 5];
    const units = accessUnits(Uint8Array.from([...long, ...short, ...long]));
    expect(units.map((unit) => [...unit])).toEqual([long, short, long]);
  });

  test("adds what stands before the first delimiter to the first unit", () => {
    const bytes = [0, 0, 1, 0x0c, 0xff, 0x80, 0, 0, 1, 9, 0x10];
    expect(accessUnits(Uint8Array.from(bytes)).map((unit) => [...unit])).toEqual([bytes]);
  });

  test("leaves a stream without delimiters in one piece", () => {
    expect(accessUnits(Uint8Array.of(0, 0, 1, 0x65, 5))).toEqual([Uint8Array.of(0, 0, 1, 0x65, 5)]);
  });

  test("cuts a view that does not begin where its memory begins", () => {
    const first = [0, 0, 1, 9, 7];
    const second = [0, 0, 1, 9, 8, 8];
    const view = Uint8Array.from([5, 5, 5, ...first, ...second]).subarray(3);
    expect(accessUnits(view).map((unit) => [...unit])).toEqual([first, second]);
  });
});

describeWith("ffprobe", "ffprobe", () => {
  test("counts as many frames as there are access units", async () => {
    const count = ["-count_frames", "-show_entries", "stream=nb_read_frames,r_frame_rate"];
    const answer = await ffprobe(["-f", "h264", ...count, "-of", "csv=p=0", "-"], clip);
    expect(answer).toBe(`${CLIP_FPS}/1,${accessUnits(clip).length}`);
  });
});

describeWith("ffmpeg", "ffmpeg", () => {
  test("decodes the clip three times in a row without a complaint", async () => {
    const loop = Buffer.concat([clip, clip, clip]);
    const sums = await ffmpeg(["-f", "h264", "-i", "-", "-f", "framemd5", "-"], loop);
    const frames = new TextDecoder().decode(sums).split("\n").filter(isFrame).map(pictureOf);
    expect(frames).toHaveLength(3 * accessUnits(clip).length);
    expect(frames).toEqual([...firstThird(frames), ...firstThird(frames), ...firstThird(frames)]);
  });
});

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, i) => bytes[i] === byte);
}

/** Whether the unit holds SPS, PPS and IDR in this order (NAL unit types 7, 8 and 5). */
function isKeyframe(unit: Uint8Array): boolean {
  const buffer = Buffer.from(unit);
  const [sps, pps, idr] = [0x67, 0x68, 0x65].map((nal) => buffer.indexOf(Buffer.of(0, 0, 1, nal)));
  return sps === 7 && pps !== undefined && idr !== undefined && sps < pps && pps < idr;
}

function isFrame(line: string): boolean {
  return line !== "" && !line.startsWith("#");
}

/** The checksum of the picture, which is the last field of its line. */
function pictureOf(line: string): string {
  return line.slice(line.lastIndexOf(",") + 1).trim();
}

function firstThird<T>(all: readonly T[]): readonly T[] {
  return all.slice(0, all.length / 3);
}
