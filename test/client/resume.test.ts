/**
 * What a broadcast begins with on a second connection, wherever the first one was lost.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { RESUME_MS } from "../../src/core/limits.ts";
import { newResumer, type Resumer } from "../../src/client/resume.ts";
import { film, HEADER, numbers } from "../hub/film.ts";
import { streamBytes } from "../hub/fakes.ts";

const SIZE = 300;
const GOP = 4;
const COUNT = 20;
const FRAME = SIZE + 12;
const FILM = concatBytes(...film(COUNT, GOP, SIZE));

/** What each connection gets, of which the first is lost when `lost` bytes are sent. */
function connections(resumer: Resumer, stream: Uint8Array, size: number, lost: number) {
  const sent: Uint8Array[][] = [[]];
  let total = 0;
  for (let at = 0; at < stream.length; at += size) {
    let piece = resumer.take(stream.subarray(at, at + size));
    if (total < lost && total + piece.length >= lost) {
      sent[0]?.push(piece.subarray(0, lost - total));
      piece = resumer.restart(total + piece.length - lost);
      sent.push([]);
      total = Infinity;
    }
    sent.at(-1)?.push(piece);
    total += piece.length;
  }
  return sent.map((pieces) => concatBytes(...pieces));
}

describe("a stream of frames", () => {
  test.each([1, 37, FRAME, 5 * FRAME])(
    "begins anew with its set-up and the next keyframe, in pieces of %i bytes",
    (size) => {
      for (let lost = 32 + FRAME; lost < FILM.length - GOP * FRAME; lost += 41) {
        const [first, second = HEADER] = connections(newResumer(), FILM, size, lost);
        expect(first).toEqual(FILM.subarray(0, lost));
        const begun = Math.ceil((lost - 32) / FRAME);
        const next = Math.ceil(begun / GOP) * GOP;
        const rest = Array.from({ length: COUNT - next }, (_, n) => next + n);
        expect([lost, numbers(second)]).toEqual([lost, rest]);
      }
    },
  );

  test("begins so on a third one too, and on one that took a part of the set-up", () => {
    for (let taken = 0; taken < 32 + FRAME; taken += 5) {
      const resumer = newResumer();
      resumer.take(FILM.subarray(0, 32 + 2 * FRAME));
      expect(resumer.restart(100).length).toBe(0);
      const second = resumer.take(FILM.subarray(32 + 2 * FRAME, 32 + 10 * FRAME));
      expect(numbers(second)).toEqual([4, 5, 6, 7, 8, 9]);
      const third = resumer.restart(second.length - taken);
      const isWhole = taken <= 32;
      expect(numbers(third)).toEqual(isWhole ? [4, 5, 6, 7, 8, 9] : [8, 9]);
    }
  });

  test("is sent from its beginning where nothing of it was", () => {
    const resumer = newResumer();
    const piece = resumer.take(FILM);
    expect(resumer.restart(piece.length)).toEqual(FILM);
  });

  test("goes on as it is where no keyframe comes in time", () => {
    let now = 0;
    const resumer = newResumer(() => now);
    const still = concatBytes(...film(COUNT, COUNT, SIZE));
    resumer.take(still.subarray(0, 32 + FRAME + 100));
    expect(resumer.restart(50).length).toBe(0);
    now = RESUME_MS - 1;
    expect(resumer.take(still.subarray(32 + FRAME + 100, 32 + 3 * FRAME + 1)).length).toBe(0);
    now = RESUME_MS;
    // From the start of the newest frame that was known to have begun.
    const rest = resumer.take(still.subarray(32 + 3 * FRAME + 1));
    expect(Buffer.compare(rest, still.subarray(32 + 2 * FRAME))).toBe(0);
    expect(resumer.take(still)).toEqual(still);
  });
});

test("a stream of no format that is known goes on where it was", () => {
  const stream = streamBytes(0, 100_000);
  for (const lost of [1, 5_000, 99_999]) {
    expect(concatBytes(...connections(newResumer(), stream, 777, lost))).toEqual(stream);
  }
});
