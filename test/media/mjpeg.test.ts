/**
 * Motion JPEG, as ffmpeg writes it, and with what other sources put into it and between.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newMjpegScanner } from "../../src/media/mjpeg.ts";
import { describeWith } from "../support/tools.ts";
import { cut, scanChunks, scannerContract, streamOf, type Found, type Sample } from "./contract.ts";
import { ffprobePackets } from "./ffmpeg.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const FRAMES = 20;
const JUDGE: Judge = { demuxer: "mjpeg", compare: "decoded", map: "v" };

const TEST_MS = 60_000;

function sample(title: string, size: string, options: string): Sample {
  const input = `-f lavfi -i testsrc2=size=${size}:rate=${FRAMES}:duration=1`;
  return { title, make: `${input} -c:v mjpeg ${options} -f mjpeg` };
}

const SAMPLES: readonly Sample[] = [
  sample("good quality", "160x120", "-pix_fmt yuvj420p -q:v 2"),
  sample("poor quality", "160x120", "-pix_fmt yuvj420p -q:v 31"),
  sample("4:4:4, default tables", "95x51", "-pix_fmt yuvj444p -huffman default"),
];

/** Offsets of 0, 1, 2, … with `size` bytes between them. */
function grid(size: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => index * size);
}

function scan(stream: Uint8Array, start = 0): Found {
  return scanChunks(newMjpegScanner, [stream], start);
}

describeWith("ffmpeg", "mjpeg", () => {
  scannerContract(newMjpegScanner, SAMPLES);

  for (const each of SAMPLES) {
    test(
      `${each.title}: every picture is found, and is a join point`,
      async () => {
        const stream = await streamOf(each);
        const { frames, joins } = scan(stream);
        expect(frames.length).toBe(await ffprobePackets("mjpeg", stream));
        expect(frames.length).toBe(FRAMES);
        expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
      },
      TEST_MS,
    );

    test(
      `${each.title}: who joins or skips sees whole pictures in order`,
      async () => {
        const stream = await streamOf(each);
        const original = await checksums(JUDGE, stream);
        for (const index of [0, 7, -1]) {
          const shown = await checksums(JUDGE, joined(newMjpegScanner, stream, index));
          expectRun(shown, original, index < 0 ? 1 : FRAMES - index);
        }
        const shown = await checksums(JUDGE, skipped(newMjpegScanner, stream, 3, 4));
        expect(expectInOrder(shown, original)).toBe(1);
        expect(shown.length).toBe(FRAMES - 4);
      },
      TEST_MS,
    );

    test(
      `${each.title}: whoever begins in the middle finds the pictures from the second one on`,
      async () => {
        const stream = await streamOf(each);
        const { frames } = scan(stream);
        for (let from = 1; from < frames[3]!; from += 37) {
          const behind = frames.filter((offset) => offset >= from);
          const found = scan(stream.subarray(from), from).frames;
          expect(behind.slice(0, 2)).toContain(found[0]!);
          expect(found).toEqual(behind.slice(behind.indexOf(found[0]!)));
        }
      },
      TEST_MS,
    );

    test(
      `${each.title}: what stands between pictures does no harm`,
      async () => {
        const stream = await streamOf(each);
        const { frames } = scan(stream);
        const boundary = Buffer.from("\r\n--next\r\nContent-Type: image/jpeg\r\n\r\n");
        const parts = frames.map((at, i) =>
          concatBytes(boundary, stream.subarray(at, frames[i + 1])),
        );
        const whole = concatBytes(...parts);
        const shifted = frames.map((at, index) => at + (index + 1) * boundary.length);
        // What begins with something else is taken for the middle of a stream.
        expect(scan(whole).frames).toEqual(shifted.slice(1));
        for (const size of [1, 7, 1316]) {
          const pieces = cut(whole.subarray(boundary.length), size);
          const found = scanChunks(newMjpegScanner, pieces, boundary.length);
          expect(found.frames).toEqual(shifted);
        }
      },
      TEST_MS,
    );

    test(
      `${each.title}: a lost part costs the picture it was in, and no other`,
      async () => {
        const stream = await streamOf(each);
        const { frames } = scan(stream);
        const hole = [frames[5]! + 900, frames[6]! - 300] as const;
        const found = scan(concatBytes(stream.subarray(0, hole[0]), stream.subarray(hole[1])));
        const lost = hole[1] - hole[0];
        expect(found.frames).toEqual(frames.map((at, index) => (index > 5 ? at - lost : at)));
      },
      TEST_MS,
    );
  }
});

const SOI = [0xff, 0xd8];
const EOI = [0xff, 0xd9];

function segment(code: number, body: readonly number[]): number[] {
  return [0xff, code, (body.length + 2) >> 8, (body.length + 2) & 255, ...body];
}

const TABLE = segment(0xdb, [0, 1, 2, 3]);
const SCAN = [...segment(0xda, [1, 1, 0, 0, 63, 0]), 1, 2, 0xff, 0, 0xd9, 0xff, 0xd3, 4, 0xff, 0];
const PICTURE = [...SOI, ...TABLE, ...SCAN, ...EOI];
const EXIF = segment(0xe1, [0x45, 0x78, ...PICTURE, 0, 0]);

describe("mjpeg", () => {
  test("does not take a thumbnail for a picture", () => {
    const picture = [...SOI, ...EXIF, ...TABLE, ...EXIF, ...SCAN, ...EOI];
    const stream = Uint8Array.from([...picture, ...picture, ...picture]);
    for (const size of [1, 2, 5, stream.length]) {
      const { frames } = scanChunks(newMjpegScanner, cut(stream, size));
      expect(frames).toEqual(grid(picture.length, 3));
    }
  });

  test("does not take a thumbnail for a picture where it begins before one", () => {
    const picture = [...SOI, ...EXIF, ...TABLE, ...SCAN, ...EOI];
    const stream = Uint8Array.from([...picture, ...picture, ...picture]);
    const known = grid(picture.length, 3);
    for (let from = 1; from < picture.length; from++) {
      // A thumbnail's own start as the very first bytes is what nobody could tell.
      if (stream[from] !== 0xff || stream[from + 1] !== 0xd8) {
        const { frames } = scan(stream.subarray(from), from);
        expect(frames).toEqual(known.slice(known.indexOf(frames[0]!)));
      }
    }
  });

  test("knows pictures of several scans, with tables between them", () => {
    const tables = segment(0xc4, [0, 1, 2, 3, 4]);
    const picture = [...SOI, ...TABLE, ...SCAN, ...tables, ...SCAN, ...SCAN, ...EOI];
    const stream = Uint8Array.from([...picture, ...picture]);
    expect(scan(stream).frames).toEqual(grid(picture.length, 2));
  });

  test("allows fill bytes before markers and between pictures", () => {
    const picture = [...SOI, 0xff, 0xff, ...TABLE, 0xff, ...SCAN, 0xff, ...EOI];
    const stream = Uint8Array.from([...picture, 0xff, 0xff, ...picture, 0, 0, ...picture]);
    const { frames } = scan(stream);
    expect(frames).toEqual([0, picture.length + 2, 2 * picture.length + 4]);
  });

  test("believes a start only once a segment follows it", () => {
    const stream = [...PICTURE, ...SOI, 1, 2, 3, ...PICTURE, ...PICTURE];
    const frames = scan(Uint8Array.from(stream)).frames;
    // Behind what is no picture, the next one could be a thumbnail.
    expect(frames).toEqual([0, 2 * PICTURE.length + SOI.length + 3]);
    expect(scan(Uint8Array.from([...SOI, 0xff])).frames).toEqual([]);
  });

  test("gives up where there is no picture for as long as no picture is", () => {
    const scanner = newMjpegScanner({ frame: () => {}, join: () => {} }, 0);
    expect(scanner.scan(Uint8Array.from(PICTURE))).toBeTrue();
    const filling = new Uint8Array(16 * 1024 * 1024);
    const answers = Array.from({ length: 8 }, () => scanner.scan(filling));
    expect(answers.indexOf(false)).toBe(7);
  });
});
