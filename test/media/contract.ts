/**
 * What every scanner promises, whatever its format; see src/media/scanner.ts.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { SETUP_MAX_BYTES } from "../../src/core/limits.ts";
import type { JoinPoint, NewScanner } from "../../src/media/scanner.ts";
import { ffmpeg } from "./ffmpeg.ts";

const TEST_MS = 120_000;

/** Bytes of a stream that are scanned a byte at a time: two frames and their headers suffice. */
const BYTEWISE = 100_000;

/** Everything that a scanner said of a stream. */
export interface Found {
  readonly frames: readonly number[];
  readonly joins: readonly JoinPoint[];
  /** Whether it took the stream for its own to the end. */
  readonly kept: boolean;
}

/** Scans `chunks`, and spoils each one afterwards, so that a scanner which keeps one is found out. */
export function scanChunks(newScanner: NewScanner, chunks: Iterable<Uint8Array>, start = 0): Found {
  const frames: number[] = [];
  const joins: JoinPoint[] = [];
  let scanned = start;
  const scanner = newScanner(
    {
      frame(offset) {
        expect(offset).toBeGreaterThan(frames.at(-1) ?? start - 1);
        expect(offset).toBeLessThanOrEqual(scanned);
        frames.push(offset);
      },
      join(point) {
        expect(point.offset).toBe(frames.at(-1) ?? -1);
        expect(point.offset).toBeGreaterThan(joins.at(-1)?.offset ?? start - 1);
        expect(point.setup.length).toBeLessThanOrEqual(SETUP_MAX_BYTES);
        expect(point.splice.length).toBeLessThanOrEqual(SETUP_MAX_BYTES);
        joins.push({ ...point, setup: point.setup.slice(), splice: point.splice.slice() });
      },
    },
    start,
  );
  for (const original of chunks) {
    const chunk = new Uint8Array(original); // A slice of a Buffer would be a view.
    scanned += chunk.length;
    const keeps = scanner.scan(chunk);
    expect(Buffer.compare(chunk, original)).toBe(0);
    chunk.fill(0xa5);
    if (!keeps) {
      return { frames, joins, kept: false };
    }
  }
  return { frames, joins, kept: true };
}

/** The stream in pieces of `size` bytes. */
export function* cut(stream: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < stream.length; at += size) {
    yield stream.subarray(at, at + size);
  }
}

/** The stream cut at `places`, parts of its length from 0 to 1. */
function cutAt(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const offsets = places
    .map((place) => Math.floor(place * stream.length))
    .toSorted((a, b) => a - b);
  return [0, ...offsets].map((from, index) => stream.subarray(from, offsets[index]));
}

/** A stream that a scanner of this format must know through and through. */
export interface Sample {
  readonly title: string;
  /** ffmpeg's arguments, without those that name stdout. */
  readonly make: string;
}

const made = new Map<string, Promise<Uint8Array>>();

/** The stream of a sample, made once a process. */
export function streamOf(sample: Sample): Promise<Uint8Array> {
  const stream = made.get(sample.make) ?? ffmpeg([...sample.make.split(" "), "-"]);
  made.set(sample.make, stream);
  return stream;
}

/** Tests the contract on streams of real encoders. */
export function scannerContract(newScanner: NewScanner, samples: readonly Sample[]): void {
  for (const sample of samples) {
    test(
      `${sample.title}: the same marks a byte at a time, and in pieces of any size`,
      async () => {
        const stream = await streamOf(sample);
        const whole = scanChunks(newScanner, [stream]);
        expect(whole.kept).toBeTrue();
        expect(whole.joins.length).toBeGreaterThan(0);
        for (const size of [2, 3, 7, 188, 1316, 4096, 65_537]) {
          const part = size < 100 ? stream.subarray(0, BYTEWISE * size) : stream;
          expect(scanChunks(newScanner, cut(part, size))).toEqual(scanChunks(newScanner, [part]));
        }
        const short = stream.subarray(0, BYTEWISE);
        expect(scanChunks(newScanner, cut(short, 1))).toEqual(scanChunks(newScanner, [short]));
      },
      TEST_MS,
    );

    test(
      `${sample.title}: the same marks however it is cut`,
      async () => {
        const stream = await streamOf(sample);
        const whole = scanChunks(newScanner, [stream]);
        const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
        fc.assert(
          fc.property(places, (chosen) => {
            expect(scanChunks(newScanner, cutAt(stream, chosen))).toEqual(whole);
          }),
          { numRuns: 60 },
        );
      },
      TEST_MS,
    );

    test(
      `${sample.title}: offsets count from where the scanner begins`,
      async () => {
        const stream = await streamOf(sample);
        const from = 2 ** 41 + 7;
        const moved = scanChunks(newScanner, [stream], from);
        const whole = scanChunks(newScanner, [stream]);
        expect(moved.frames).toEqual(whole.frames.map((offset) => offset + from));
        expect(moved.joins.map(({ offset }) => offset)).toEqual(
          whole.joins.map(({ offset }) => offset + from),
        );
      },
      TEST_MS,
    );

    test(
      `${sample.title}: no damage makes it throw, loop, or take more than it may`,
      async () => {
        const stream = (await streamOf(sample)).subarray(0, 200_000);
        for (let seed = 1; seed <= 60; seed++) {
          scanChunks(newScanner, cut(damage(stream, seed), 1 + ((seed * 977) % 9000)));
        }
      },
      TEST_MS,
    );
  }

  test("no noise makes it throw, loop, or take more than it may", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 }), (chunks) => {
        scanChunks(newScanner, chunks);
      }),
      { numRuns: 500 },
    );
  });
}

/** `stream` with bytes changed, cut out, repeated and filled, the same for the same seed. */
export function damage(stream: Uint8Array, seed: number): Uint8Array {
  let state = seed * 2_654_435_761;
  const random = (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % Math.max(below, 1);
  };
  let bytes = Buffer.from(stream);
  for (let round = 1 + random(12); round > 0; round--) {
    const at = random(bytes.length);
    const length = 1 + random(random(4) === 0 ? 5_000 : 12);
    const [head, tail] = [
      bytes.subarray(0, at),
      bytes.subarray(Math.min(at + length, bytes.length)),
    ];
    switch (random(5)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes = Buffer.concat([head, tail]);
        break;
      case 2:
        bytes = Buffer.concat([head, bytes.subarray(at, at + length), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([head, Buffer.alloc(length, random(2) * 255), tail]);
        break;
      default:
        for (let i = at; i < Math.min(at + length, bytes.length); i++) {
          bytes[i] = random(256);
        }
    }
  }
  return bytes;
}
