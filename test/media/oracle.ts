/**
 * ffmpeg as the judge of what a watcher receives: whether it decodes without a word, and whether what
 * it shows is what was sent.
 */
import { expect } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import type { NewScanner } from "../../src/media/scanner.ts";
import { scanChunks } from "./contract.ts";
import { ffmpeg } from "./ffmpeg.ts";

/**
 * What is compared: `decoded` pictures, or `packets` as they were encoded. Sound is compared by its
 * packets, because a decoder's first ones after a start are mixed with silence.
 */
export type Compare = "decoded" | "packets";

/** How ffmpeg reads a stream, and what of it is compared. */
export interface Judge {
  /** ffmpeg's name of the format. */
  readonly demuxer: string;
  readonly compare: Compare;
  /** Which streams: "v", "a", "v:0". */
  readonly map: string;
}

/** Fields of a framemd5 line: stream, dts, pts, duration, size, checksum. */
const CHECKSUM_FIELD = 5;

/** The checksums of what ffmpeg shows of `stream`. Throws where it complains at all. */
export async function checksums(judge: Judge, stream: Uint8Array): Promise<readonly string[]> {
  const input = ["-f", judge.demuxer, "-i", "-", "-map", `0:${judge.map}`];
  // Every frame counts, none may be added or left out to keep a rate.
  const how = judge.compare === "decoded" ? ["-fps_mode", "passthrough"] : ["-c", "copy"];
  const output = await ffmpeg([...input, ...how, "-copyts", "-f", "framemd5", "-"], stream);
  return (
    new TextDecoder()
      .decode(output)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      // Behind the checksum stand those of side data, which tell how sound is trimmed at a start.
      .map((line) => line.split(",")[CHECKSUM_FIELD]?.trim() ?? "")
  );
}

/** Expects `shown` to be some of the `original` frames, in their order. Returns where there are gaps. */
export function expectInOrder(shown: readonly string[], original: readonly string[]): number {
  let at = -1;
  let gaps = 0;
  for (const frame of shown) {
    const next = original.indexOf(frame, at + 1);
    expect(next, "a frame that is none of the original's, or out of order").not.toBe(-1);
    gaps += next === at + 1 || at === -1 ? 0 : 1;
    at = next;
  }
  return gaps;
}

/** Expects `shown` to be a run of the `original` frames, without a gap, and at least `least` of them. */
export function expectRun(
  shown: readonly string[],
  original: readonly string[],
  least: number,
): void {
  expect(shown.length).toBeGreaterThanOrEqual(least);
  // Two frames may look the same, so the first place is not always the right one.
  const run = shown.join("\n");
  const found = original.some(
    (frame, at) => frame === shown[0] && original.slice(at, at + shown.length).join("\n") === run,
  );
  expect(found || shown.length === 0, "what is shown is no run of the original").toBe(true);
}

/** What a newcomer receives who joins `stream` at its join point of the number `index`. */
export function joined(newScanner: NewScanner, stream: Uint8Array, index: number): Uint8Array {
  const point = scanChunks(newScanner, [stream]).joins.at(index);
  if (point === undefined) {
    throw new Error(`there is no join point ${index}`);
  }
  return concatBytes(point.setup, stream.subarray(point.offset));
}

/**
 * What a watcher receives who stops before the frame of the number `frame`, and goes on at the first
 * clean join point that lies at least `ahead` frames behind it.
 */
export function skipped(
  newScanner: NewScanner,
  stream: Uint8Array,
  frame: number,
  ahead: number,
): Uint8Array {
  const { frames, joins } = scanChunks(newScanner, [stream]);
  const stop = frames.at(frame) ?? -1;
  const least = frames.at(frame + ahead) ?? Infinity;
  const point = joins.find(({ offset, clean }) => clean && offset >= least);
  if (stop === -1 || point === undefined) {
    throw new Error(`there is no skip from frame ${frame}`);
  }
  return concatBytes(stream.subarray(0, stop), point.splice, stream.subarray(point.offset));
}
