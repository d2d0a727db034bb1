/**
 * Broadcasts of every kind that lose their connection at random places: what the next connection gets
 * is a stream of its own, and ffmpeg judges it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { newResumer } from "../../src/client/resume.ts";
import { recognise } from "../../src/media/recognise.ts";
import { checksums, expectRun } from "../media/oracle.ts";
import { streamOf } from "../media/contract.ts";
import { ROWS } from "../relay/rows.ts";
import { describeWith } from "../support/tools.ts";

/** Bytes that a pipe gives at a time. */
const PIECE = 8_192;

/** Parts of a stream after which it is lost. */
const LOSSES = [0.2, 0.37, 0.61];

setDefaultTimeout(300_000);

/** What the last connection gets, when those before were lost after so many bytes of the input. */
function last(stream: Uint8Array, losses: readonly number[]): Uint8Array {
  const resumer = newResumer();
  let pieces: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += PIECE) {
    const piece = resumer.take(stream.subarray(at, at + PIECE));
    pieces.push(piece);
    for (const lost of losses.filter((each) => at <= each && each < at + PIECE)) {
      pieces = [resumer.restart(Math.max(at + piece.length - lost, 0))];
    }
  }
  return Buffer.concat(pieces);
}

describeWith("ffmpeg", "after a loss", () => {
  for (const row of ROWS) {
    test(`${row.title}: it begins with a beginning, and shows a run of the frames`, async () => {
      const stream = await streamOf(row);
      const original = await checksums(row.judge, stream);
      let judged = 0;
      const losses = LOSSES.map((part) => Math.floor(stream.length * part));
      for (const lost of [...losses.map((each) => [each]), losses]) {
        const rest = last(stream, lost);
        // A stream may have no further place to begin at.
        if (rest.length > PIECE) {
          judged++;
          expect(recognise(rest)).toBe(recognise(stream));
          expectRun(await checksums(row.judge, rest), original, 1);
        }
      }
      expect(judged).toBeGreaterThan(0);
    });
  }
});
