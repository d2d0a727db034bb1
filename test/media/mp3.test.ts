/**
 * MPEG audio, as ffmpeg's encoders write it.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newMp3Scanner } from "../../src/media/mp3.ts";
import { describeWith } from "../support/tools.ts";
import { cut, scanChunks, scannerContract, streamOf, type Sample } from "./contract.ts";
import { ffmpeg, ffprobePackets } from "./ffmpeg.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";
import { id3Tag, isSubset } from "./sound.ts";

const NOISE = "0.4*sin(440*2*PI*t)+0.15*random(0)*(1+sin(7*t))";
const INPUT = `-f lavfi -i aevalsrc='${NOISE}':duration=8`;
const JUDGE: Judge = { demuxer: "mp3", compare: "packets", map: "a" };

const TEST_MS = 60_000;

/** The values of a frame: those of one channel where it has 1152 of them, of two where it has 576. */
const FRAME_VALUES = 1152;

const BARE = "-write_xing 0 -id3v2_version 0 -f mp3";

/** A stream, and whether its frames need earlier ones. */
type Case = Sample & { readonly hasReservoir: boolean };

const CASES: readonly Case[] = [
  {
    title: "constant bitrate",
    make: `${INPUT} -ac 2 -c:a libmp3lame -b:a 128k ${BARE}`,
    hasReservoir: true,
  },
  {
    title: "variable bitrate",
    make: `${INPUT} -c:a libmp3lame -q:a 4 ${BARE}`,
    hasReservoir: true,
  },
  {
    title: "no reservoir",
    make: `${INPUT} -ac 2 -c:a libmp3lame -b:a 128k -reservoir 0 ${BARE}`,
    hasReservoir: false,
  },
  {
    title: "22 kHz",
    make: `${INPUT} -ac 2 -ar 22050 -c:a libmp3lame -b:a 48k ${BARE}`,
    hasReservoir: true,
  },
  {
    title: "8 kHz",
    make: `${INPUT} -ar 8000 -c:a libmp3lame -b:a 16k ${BARE}`,
    hasReservoir: true,
  },
  { title: "layer II", make: `${INPUT} -ac 2 -c:a mp2 -b:a 192k -f mp2`, hasReservoir: false },
  {
    title: "layer II at 22 kHz",
    make: `${INPUT} -ar 22050 -c:a mp2 -b:a 64k -f mp2`,
    hasReservoir: false,
  },
];

const TAGGED: Sample = {
  title: "with tags in front and behind",
  make: `${INPUT} -c:a libmp3lame -b:a 128k -metadata title=Noise -write_id3v1 1 -f mp3`,
};

describeWith("ffmpeg", "mp3", () => {
  scannerContract(newMp3Scanner, [...CASES, TAGGED]);

  for (const sample of CASES) {
    test(
      `${sample.title}: every packet is a frame`,
      async () => {
        const stream = await streamOf(sample);
        const { frames } = scanChunks(newMp3Scanner, [stream]);
        expect(frames.length).toBe(await ffprobePackets("mp3", stream));
      },
      TEST_MS,
    );

    test(
      `${sample.title}: frames that need no other are join points, or after a second any`,
      async () => {
        const stream = await streamOf(sample);
        const { frames, joins } = scanChunks(newMp3Scanner, [stream]);
        const offsets = joins.map(({ offset }) => offset);
        if (!sample.hasReservoir) {
          expect(offsets).toEqual([...frames]);
          return;
        }
        // The encoder fills its reservoir for ever after the first frame, at 1152 or 576 samples each.
        const [first, second] = [frames.indexOf(offsets[0]!), frames.indexOf(offsets[1]!)];
        expect(first).toBe(0);
        expect(second).toBeWithin(12, 42);
        expect(offsets).toEqual([frames[0]!, ...frames.slice(second)]);
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who joins hears a run of the original's frames`,
      async () => {
        const stream = await streamOf(sample);
        const original = await checksums(JUDGE, stream);
        for (const index of [0, 1, 40, -10]) {
          const shown = await checksums(JUDGE, joined(newMp3Scanner, stream, index));
          expectRun(shown, original, 10);
          await decode(joined(newMp3Scanner, stream, index));
        }
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who skips hears whole frames in order, and no crack`,
      async () => {
        const stream = await streamOf(sample);
        const loudest = peak(await decode(stream));
        for (let frame = 3; frame < 40; frame += 9) {
          const heard = skipped(newMp3Scanner, stream, frame, 30 + frame);
          expect(peak(await decode(heard))).toBeLessThan(loudest * 1.3);
        }
        const shown = await checksums(JUDGE, skipped(newMp3Scanner, stream, 11, 60));
        const whole = sample.hasReservoir ? shown.toSpliced(11, 1) : shown;
        expect(expectInOrder(whole, await checksums(JUDGE, stream))).toBe(1);
      },
      TEST_MS,
    );

    test(
      `${sample.title}: whoever begins in the middle finds the same frames`,
      async () => {
        const stream = await streamOf(sample);
        const { frames } = scanChunks(newMp3Scanner, [stream]);
        for (let from = 1; from < 6_000; from += 31) {
          const found = scanChunks(newMp3Scanner, [stream.subarray(from)], from).frames;
          expect(isSubset(found, frames)).toBeTrue();
          expect(found[0]).toBe(frames.find((offset) => offset >= from));
        }
      },
      TEST_MS,
    );
  }

  for (const sample of CASES.filter(({ hasReservoir }) => hasReservoir)) {
    test(
      `${sample.title}: a splice makes a decoder forget all that it had`,
      async () => {
        const stream = await streamOf(sample);
        const { frames, joins } = scanChunks(newMp3Scanner, [stream]);
        for (const { offset, splice } of joins.slice(-14, -10)) {
          const before = stream.subarray(0, frames[8]);
          const after = stream.subarray(offset);
          const anew = await decode(after);
          const spliced = (await decode(concatBytes(before, splice, after))).subarray(-anew.length);
          // What sounded before dies away within the first frame, as it does in every decoder.
          const difference = spliced.map((value, i) => value - anew[i]!).subarray(FRAME_VALUES);
          expect(peak(anew)).toBeGreaterThan(1000);
          expect(peak(difference)).toBeLessThan(3);
        }
      },
      TEST_MS,
    );
  }

  // Titles, bytes of the side information, and the bit at which the length of its data stands.
  const sides = [
    ["constant bitrate", 32, 20],
    ["variable bitrate", 17, 18],
    ["22 kHz", 17, 10],
    ["8 kHz", 9, 9],
  ] as const;
  for (const [title, side, lengthBit] of sides) {
    test(
      `${title}: a splice is data to its end, and leaves nothing for the reservoir`,
      async () => {
        const sample = CASES.find((each) => each.title === title);
        const { joins } = scanChunks(newMp3Scanner, [await streamOf(sample!)]);
        const { splice } = joins.at(-1)!;
        const data = splice.subarray(4 + side);
        const bits = [...splice.subarray(4)]
          .map((byte) => byte.toString(2).padStart(8, "0"))
          .join("");
        const length = bits.slice(lengthBit, lengthBit + 12);
        expect(Number.parseInt(length, 2)).toBe(data.length * 8);
        expect(bits.slice(0, lengthBit)).not.toContain("1");
        expect(bits.slice(lengthBit + 12, side * 8)).not.toContain("1");
        expect(data.every((byte) => byte === 0xff)).toBeTrue();
      },
      TEST_MS,
    );
  }

  test(
    "what makes a decoder forget is as short as a frame can be, and silent",
    async () => {
      const { joins } = scanChunks(newMp3Scanner, [await streamOf(CASES[0]!)]);
      const { splice } = joins.at(-1)!;
      expect(splice.length).toBe(104);
      expect(peak(await decode(concatBytes(splice, splice, splice, splice)))).toBe(0);
    },
    TEST_MS,
  );

  test(
    "tags in front and behind do no harm",
    async () => {
      const stream = await streamOf(TAGGED);
      const { frames } = scanChunks(newMp3Scanner, [stream]);
      expect(frames.length).toBe(await ffprobePackets("mp3", stream));
      expect(
        Buffer.from(stream)
          .toString("latin1", stream.length - 128)
          .slice(0, 3),
      ).toBe("TAG");
      const twice = concatBytes(stream, stream);
      const again = frames.map((offset) => offset + stream.length);
      expect(scanChunks(newMp3Scanner, [twice]).frames).toEqual([...frames, ...again]);
    },
    TEST_MS,
  );

  test(
    "a tag of half a megabyte is passed over, in front and between frames",
    async () => {
      const stream = await streamOf(CASES[2]!);
      const { frames } = scanChunks(newMp3Scanner, [stream]);
      const tag = id3Tag(500_000, true);
      const place = frames[20]!;
      const tagged = concatBytes(tag, stream.subarray(0, place), tag, stream.subarray(place));
      const shifted = frames.map((at) => at + tag.length * (at < place ? 1 : 2));
      for (const size of [1316, 65_536, tagged.length]) {
        expect(scanChunks(newMp3Scanner, cut(tagged, size)).frames).toEqual(shifted);
      }
    },
    TEST_MS,
  );
});

describe("mp3", () => {
  test("knows the lengths of layer I", () => {
    const v1 = frameOf([0xff, 0xff, 0x94, 0], 288); // 288 kbit/s at 48 kHz
    const v2 = frameOf([0xff, 0xf7, 0x52, 0], 4 * (Math.floor((12 * 80_000) / 22_050) + 1));
    for (const frame of [v1, v2]) {
      const { frames } = scanChunks(newMp3Scanner, [concatBytes(frame, frame, frame, frame)]);
      expect(frames).toEqual([0, 1, 2, 3].map((index) => index * frame.length));
    }
  });

  test("does not believe two headers alone, nor one of a forbidden value", () => {
    const frame = frameOf([0xff, 0xfb, 0x90, 0], 417);
    const three = concatBytes(frame, frame, frame);
    expect(scanChunks(newMp3Scanner, [three]).frames.length).toBe(3);
    expect(scanChunks(newMp3Scanner, [concatBytes(frame, frame)]).frames).toEqual([]);
    for (const [index, byte] of [
      [1, 0xeb], // the reserved version
      [1, 0xf9], // the reserved layer
      [2, 0x00], // the free format
      [2, 0xf0], // the forbidden bitrate
      [2, 0x9c], // the reserved sampling rate
    ] as const) {
      const wrong = frame.with(index, byte);
      expect(scanChunks(newMp3Scanner, [concatBytes(wrong, wrong, wrong)]).frames).toEqual([]);
    }
  });
});

function frameOf(header: readonly number[], length: number): Uint8Array {
  const frame = new Uint8Array(length);
  frame.set(header);
  return frame;
}

/** The samples that ffmpeg plays. Throws where it complains. */
async function decode(stream: Uint8Array): Promise<Int16Array> {
  const sound = await ffmpeg(["-f", "mp3", "-i", "-", "-f", "s16le", "-"], stream);
  return new Int16Array(sound.buffer, sound.byteOffset, sound.length >> 1);
}

function peak(samples: Int16Array): number {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}
