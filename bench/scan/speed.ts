/**
 * How fast a scanner is: a stream is looked at again and again, in chunks of one size.
 */
import type { Marks, NewScanner } from "../../src/media/scanner.ts";

/** Milliseconds of one measurement. */
const MEASURE_MS = 150;

/** Measurements, of which the median counts. */
const TIMES = 5;

/** Megabytes a second; undefined where the scanner gives the stream up. */
export function speedOf(
  newScanner: NewScanner,
  stream: Buffer,
  chunkBytes: number,
): number | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunkBytes) {
    chunks.push(stream.subarray(at, at + chunkBytes));
  }
  const speeds: number[] = [];
  // The first one is for the compiler.
  for (let i = 0; i <= TIMES; i++) {
    const speed = once(newScanner, chunks, stream.length);
    if (speed === undefined) {
      return undefined;
    }
    if (i > 0) {
      speeds.push(speed);
    }
  }
  return speeds.toSorted((a, b) => a - b)[TIMES >> 1];
}

function once(newScanner: NewScanner, chunks: readonly Buffer[], bytes: number) {
  const marks: Marks = { frame() {}, join() {} };
  const began = performance.now();
  let scanned = 0;
  let elapsed = 0;
  while (elapsed < MEASURE_MS) {
    const scanner = newScanner(marks, 0);
    for (const chunk of chunks) {
      if (!scanner.scan(chunk)) {
        return undefined;
      }
    }
    scanned += bytes;
    elapsed = performance.now() - began;
  }
  return scanned / elapsed / 1_000;
}
