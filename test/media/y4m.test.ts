/**
 * YUV4MPEG2, as ffmpeg writes it.
 */
import { describe, expect, test } from "bun:test";
import { newY4mScanner } from "../../src/media/y4m.ts";
import { describeWith } from "../support/tools.ts";
import { cut, scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { ffprobePackets } from "./ffmpeg.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const JUDGE: Judge = { demuxer: "yuv4mpegpipe", compare: "decoded", map: "v" };
const FRAMES = 12;

/** Odd in width and height, so that rounding counts. */
function sample(pixels: string): Sample {
  const input = `-f lavfi -i testsrc2=size=95x51:rate=12:duration=1,format=${pixels}`;
  return { title: pixels, make: `${input} -strict -1 -f yuv4mpegpipe` };
}

const TEST_MS = 60_000;

const PLAIN = ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv411p", "gray"];
const DEEP = ["yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le", "gray16le"];
const SAMPLES: readonly Sample[] = [...PLAIN, ...DEEP].map(sample);

describeWith("ffmpeg", "y4m", () => {
  scannerContract(newY4mScanner, [sample("yuv420p"), sample("yuv422p10le")]);

  for (const each of SAMPLES) {
    test(
      `${each.title}: every picture is found, and is a join point`,
      async () => {
        const stream = await streamOf(each);
        const { frames, joins, kept } = scanChunks(newY4mScanner, cut(stream, 1000));
        expect(kept).toBeTrue();
        expect(frames.length).toBe(await ffprobePackets("yuv4mpegpipe", stream));
        expect(frames.length).toBe(FRAMES);
        expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
        expect(joins[0]!.setup.length).toBe(frames[0]!);
      },
      TEST_MS,
    );

    test(
      `${each.title}: who joins or skips sees whole pictures in order`,
      async () => {
        const stream = await streamOf(each);
        const original = await checksums(JUDGE, stream);
        for (const index of [0, 5, -1]) {
          const shown = await checksums(JUDGE, joined(newY4mScanner, stream, index));
          expectRun(shown, original, index < 0 ? 1 : FRAMES - index);
        }
        const shown = await checksums(JUDGE, skipped(newY4mScanner, stream, 3, 4));
        expect(expectInOrder(shown, original)).toBe(1);
        expect(shown.length).toBe(FRAMES - 4);
      },
      TEST_MS,
    );
  }
});

describe("y4m", () => {
  test("knows the sizes of the rarer colour spaces", () => {
    const sizes = { mono: 15, "444alpha": 60, "410": 15 + 2 * 2, "420paldv": 27, "422p9": 66 };
    for (const [space, size] of Object.entries(sizes)) {
      const header = `YUV4MPEG2 W5 H3 Ip C${space}\n`;
      const frame = `FRAME\n${"x".repeat(size)}`;
      const at = header.length;
      expect(offsets(header, frame, frame, "FRAME\n")).toEqual([
        at,
        at + frame.length,
        at + 2 * frame.length,
      ]);
    }
  });

  test("takes 4:2:0 where no colour space is given, and allows fields in a frame's line", () => {
    const header = "YUV4MPEG2 H2 W2\n";
    expect(offsets(header, "FRAME\n123456", "FRAME Ip XA=1\n123456", "FRAME\n")).toEqual([
      16, 28, 48,
    ]);
  });

  test("gives up where the next frame is not where it should be", () => {
    const header = "YUV4MPEG2 W2 H2\n";
    expect(offsets(header, "FRAME\n12345", "FRAME\n1")).toBeUndefined();
    expect(offsets(header, "FRAMED\n123456")).toBeUndefined();
  });

  test("gives up where a header tells no size, one beyond belief, or has no end", () => {
    for (const header of ["W2", "W0 H2", "W2 H-2", "W2 H2 Cstrange", "W99999 H99999"]) {
      expect(offsets(`YUV4MPEG2 ${header}\n`)).toBeUndefined();
    }
    expect(offsets("YUV4MPEG3 W2 H2\n")).toBeUndefined();
    expect(offsets("YUV4MPEG2 W2 H2 X".padEnd(5000, "x"))).toBeUndefined();
  });
});

/** Where the frames of a stream of these parts begin, or undefined where it is none. */
function offsets(...parts: readonly string[]): readonly number[] | undefined {
  const { frames, kept } = scanChunks(newY4mScanner, [Buffer.from(parts.join(""))]);
  return kept ? frames : undefined;
}
