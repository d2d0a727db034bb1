/**
 * WAV, as ffmpeg writes it.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newWavScanner } from "../../src/media/wav.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const INPUT = "-f lavfi -i aevalsrc='0.4*sin(440*2*PI*t)+0.3*random(0)':duration=3";
const JUDGE: Judge = { demuxer: "wav", compare: "packets", map: "a" };

/** A stream, and the bytes of its blocks. */
type Case = Sample & { readonly block: number };

const TEST_MS = 60_000;

const CASES: readonly Case[] = [
  { title: "16 bits", make: `${INPUT} -f wav`, block: 2 },
  { title: "24 bits, stereo", make: `${INPUT} -ac 2 -c:a pcm_s24le -f wav`, block: 6 },
  { title: "floats, 5.1", make: `${INPUT} -ac 6 -c:a pcm_f32le -f wav`, block: 24 },
  { title: "A-law", make: `${INPUT} -ar 8000 -c:a pcm_alaw -f wav`, block: 1 },
  { title: "ADPCM", make: `${INPUT} -ac 2 -c:a adpcm_ms -f wav`, block: 1024 },
  { title: "IMA ADPCM", make: `${INPUT} -c:a adpcm_ima_wav -f wav`, block: 1024 },
];

/** To a pipe ffmpeg writes no sizes even here, and does not play it; so it is no case of the above. */
const RF64: Sample = { title: "RF64", make: `${INPUT} -rf64 always -f wav` };

describeWith("ffmpeg", "wav", () => {
  scannerContract(newWavScanner, [...CASES, RF64]);

  for (const sample of CASES) {
    test(
      `${sample.title}: frames are a grid of whole blocks, and each is a join point`,
      async () => {
        const stream = await streamOf(sample);
        const { frames, joins } = scanChunks(newWavScanner, [stream]);
        const dataAt = Buffer.from(stream).indexOf("data") + 8;
        const step = frames[1]! - frames[0]!;
        expect(step).toBeWithin(3000, 4097);
        expect(step % sample.block).toBe(0);
        const places = Math.ceil((stream.length - dataAt) / step);
        expect(frames).toEqual(Array.from({ length: places }, (_, index) => dataAt + index * step));
        expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
        expect(joins.every(({ setup }) => setup.length === dataAt)).toBeTrue();
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who joins hears a run of the original's pieces`,
      async () => {
        const stream = await streamOf(sample);
        const original = await checksums(JUDGE, stream);
        for (const index of [0, 1, -2]) {
          const shown = await checksums(JUDGE, joined(newWavScanner, stream, index));
          expectRun(shown, original, index < 0 ? 2 : original.length - index);
        }
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who skips hears whole pieces in order`,
      async () => {
        const stream = await streamOf(sample);
        const shown = await checksums(JUDGE, skipped(newWavScanner, stream, 2, 2));
        expect(expectInOrder(shown, await checksums(JUDGE, stream))).toBe(1);
      },
      TEST_MS,
    );
  }

  test(
    "the size of RF64's data stands in a chunk of its own",
    async () => {
      const stream = Buffer.from(await streamOf(RF64));
      const whole = scanChunks(newWavScanner, [stream]).frames;
      expect(whole.length).toBe(Math.ceil((stream.length - whole[0]!) / 4096));
      stream.writeBigUInt64LE(10_000n, 28);
      expect(scanChunks(newWavScanner, [stream]).frames).toEqual(whole.slice(0, 3));
    },
    TEST_MS,
  );
});

describe("wav", () => {
  test("marks nothing behind data of a known size", () => {
    const { frames, kept } = scanChunks(newWavScanner, [
      wav({ dataSize: 10_000 }, new Uint8Array(30_000)),
    ]);
    expect(frames).toEqual([44, 44 + 4096, 44 + 8192]);
    expect(kept).toBeTrue();
  });

  test("takes no size, and what stands for none, for an endless stream", () => {
    for (const dataSize of [0, 0x7f_ff_f0_00, 0xff_ff_ff_ff]) {
      const { frames } = scanChunks(newWavScanner, [wav({ dataSize }, new Uint8Array(30_000))]);
      expect(frames.length).toBe(8);
    }
  });

  test("keeps the chunks before the data in the set-up, up to the bound", () => {
    const extra = concatBytes(list(60_000), list(3), new Uint8Array(1)); // Padded to be even.
    const { joins } = scanChunks(newWavScanner, [wav({ extra }, new Uint8Array(30_000))]);
    expect(joins[0]!.offset).toBe(44 + extra.length);
    expect(joins[0]!.setup.length).toBe(44 + extra.length);
    expect(scanChunks(newWavScanner, [wav({ extra: list(300_000) }, extra)]).kept).toBeFalse();
  });

  test("gives up where blocks say nothing", () => {
    const data = new Uint8Array(30_000);
    expect(scanChunks(newWavScanner, [wav({}, data)]).kept).toBeTrue();
    expect(scanChunks(newWavScanner, [wav({ tag: 0x55 }, data)]).kept).toBeFalse();
    expect(scanChunks(newWavScanner, [wav({ block: 0 }, data)]).kept).toBeFalse();
    const withoutFormat = concatBytes(Buffer.from("RIFF0000WAVEdata0000"), data);
    expect(scanChunks(newWavScanner, [withoutFormat]).kept).toBeFalse();
    expect(scanChunks(newWavScanner, [Buffer.from("RIFF0000AVI LIST")]).kept).toBeFalse();
  });
});

interface Fields {
  readonly tag?: number;
  readonly block?: number;
  readonly dataSize?: number;
  readonly extra?: Uint8Array;
}

function wav(fields: Fields, data: Uint8Array): Uint8Array {
  const head = Buffer.from("RIFF____WAVEfmt ________________________");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(fields.tag ?? 1, 20);
  head.writeUInt16LE(fields.block ?? 4, 32);
  const dataHead = Buffer.from("data____").subarray(0, 8);
  dataHead.writeUInt32LE(fields.dataSize ?? 0, 4);
  return concatBytes(head.subarray(0, 36), fields.extra ?? new Uint8Array(), dataHead, data);
}

function list(size: number): Uint8Array {
  const chunk = Buffer.alloc(8 + size);
  chunk.write("LIST");
  chunk.writeUInt32LE(size, 4);
  return chunk;
}
