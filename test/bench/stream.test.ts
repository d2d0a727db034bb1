/**
 * The synthetic stream: what ffmpeg says of it, and whether it is what the plan asks for.
 */
import { crc32 } from "node:zlib";
import { describe, expect, test } from "bun:test";
import { escape, newBits, putUe, trail } from "../../bench/stream/bits.ts";
import { LABEL_BYTES, readLabel, writeLabel } from "../../bench/stream/label.ts";
import { newStudio, type Plan } from "../../bench/stream/synthetic.ts";
import { ffmpeg, ffprobe } from "../media/ffmpeg.ts";
import { describeWith } from "../support/tools.ts";
import { framesOf } from "./faults.ts";

const PLANS: readonly Plan[] = [
  { bitsPerSecond: 20_000, fps: 30, gop: 60 },
  { bitsPerSecond: 600_000, fps: 29.97, gop: 60 },
  { bitsPerSecond: 2_000_000, fps: 30, gop: 1 },
  { bitsPerSecond: 20_000_000, fps: 60, gop: 120 },
];

const START = 1_700_000_000_000_000;

describe("Exp-Golomb codes and emulation prevention are those of the standard", () => {
  test("table 9-2", () => {
    const codes = [[0x80], [0x40], [0x60], [0x20], [0x28], [0x30], [0x38], [0x10]];
    codes.forEach((code, value) => {
      const bits = newBits();
      putUe(bits, value);
      expect(bits.bytes).toEqual(code);
    });
  });

  test("a payload ends with a one and zeros", () => {
    const bits = newBits();
    trail(bits);
    trail(bits);
    expect(bits.bytes).toEqual([0x80, 0x80]);
  });

  test("no start code is left in a payload", () => {
    expect(escape([0, 0, 0, 0, 0, 1])).toEqual([0, 0, 3, 0, 0, 3, 0, 1]);
    expect(escape([0, 0, 4, 0, 0, 3])).toEqual([0, 0, 4, 0, 0, 3, 3]);
  });
});

test("a label reads as it was written, with every pad, and has no zero byte but its start code's", () => {
  const label = { channel: 300, sequence: 2 ** 40, due: START, length: 5e6, checksum: 0xffff_ffff };
  for (let pad = 0; pad <= 400; pad++) {
    const bytes = writeLabel(label, pad);
    expect(bytes.length).toBe(LABEL_BYTES + pad + (pad > 213 ? 1 : 0));
    expect(readLabel(bytes, 0)).toEqual(label);
    expect(bytes.indexOf(Buffer.of(0, 0), 3)).toBe(-1);
  }
});

test("the checksum covers the label and everything behind it", () => {
  const { head, body, length, due } = newStudio(PLANS[1]!).broadcast(5, START).frame(1);
  const label = readLabel(head, 0);
  expect(label).toMatchObject({ channel: 5, sequence: 1, due, length });
  expect(head.length + body.length).toBe(length);
  const labelBytes = head.indexOf(Buffer.of(0, 0, 0, 1), 4);
  const unsigned = writeLabel({ ...label!, checksum: 0 }, 0).length;
  const blank = writeLabel(
    { ...label!, checksum: 0 },
    labelBytes - unsigned - (labelBytes - unsigned > 213 ? 1 : 0),
  );
  const rest = Buffer.concat([blank, head.subarray(labelBytes), body]);
  expect(label?.checksum).toBe(crc32(rest));
});

test("frames are due in time with their rate, and channels take turns", () => {
  const studio = newStudio({ bitsPerSecond: 1e6, fps: 25, gop: 25 });
  const first = studio.broadcast(0, START);
  expect([0, 1, 50].map((i) => first.dueOf(i) - START)).toEqual([0, 40_000, 2_000_000]);
  const phase = studio.broadcast(1, START).dueOf(0) - START;
  expect(phase).toBeGreaterThan(0);
  expect(phase).toBeLessThan(40_000);
});

test("neighbours have no body in common, whatever their size", () => {
  for (const plan of [PLANS[1]!, { bitsPerSecond: 200e6, fps: 30, gop: 2 }]) {
    const frames = framesOf(newStudio(plan).broadcast(0, START), 4);
    expect(frames[1]!.subarray(-100).equals(frames[3]!.subarray(-100))).toBe(false);
    expect(frames[0]!.subarray(-100).equals(frames[2]!.subarray(-100))).toBe(false);
  }
});

describeWith("ffmpeg", "the synthetic stream to a decoder", () => {
  for (const plan of PLANS) {
    const { bitsPerSecond, fps, gop } = plan;
    test(`${bitsPerSecond / 1e6} Mbit/s at ${fps} fps, a keyframe in ${gop}`, async () => {
      const count = Math.max(2 * gop, 40);
      const stream = Buffer.concat(framesOf(newStudio(plan).broadcast(0, START), count));
      // It throws where ffmpeg complains of anything at all.
      await ffmpeg(["-f", "h264", "-i", "-", "-f", "null", "-"], stream);
      const entries = "stream=r_frame_rate,nb_read_frames:frame=pict_type";
      const said = await ffprobe(
        ["-count_frames", "-show_entries", entries, "-of", "csv=p=0", "-f", "h264", "-"],
        stream,
      );
      const lines = said.split("\n").map((line) => line.replace(/,.*user.*$/i, ""));
      const pictures = lines.filter((line) => /^[IP]/.test(line)).map((line) => line[0]);
      expect(pictures).toEqual(Array.from({ length: count }, (_, i) => (i % gop ? "P" : "I")));
      const [rate = ""] = lines.at(-1)?.split(",") ?? [];
      const [over = 0, under = 1] = rate.split("/").map(Number);
      expect(over / under).toBeCloseTo(fps, 2);
      const actual = (stream.length * 8 * fps) / count;
      expect(Math.abs(actual / bitsPerSecond - 1)).toBeLessThan(0.03);
    }, 60_000);
  }
});
