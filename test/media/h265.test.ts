/**
 * H.265 as x265 writes it, and each rule of where an access unit begins.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { SETUP_MAX_BYTES } from "../../src/core/limits.ts";
import { newH265Scanner } from "../../src/media/h265.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, scannerContract, streamOf, type Found, type Sample } from "./contract.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";
import { packets } from "./packets.ts";
import { cutUnits, firstByte, leaveOut, u, ue, unitOf } from "./units.ts";

const INPUT = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=3,format=yuv420p -c:v libx265";
const JUDGE: Judge = { demuxer: "hevc", compare: "decoded", map: "v" };
const TEST_MS = 120_000;

function sample(title: string, parameters: string): Sample {
  const x265 = `log-level=error:keyint=25:min-keyint=25:scenecut=0:${parameters}`;
  return { title, make: `${INPUT} -x265-params ${x265} -f hevc` };
}

const PLAIN = sample("closed GOP", "open-gop=0");
const OPEN_GOP = sample("open GOP", "open-gop=1:bframes=4:rc-lookahead=20");

const SAMPLES: readonly Sample[] = [
  PLAIN,
  OPEN_GOP,
  sample("slices and delimiters", "open-gop=0:slices=3:aud=1"),
  sample(
    "timing, hashes, layers",
    "open-gop=1:hrd=1:hash=1:temporal-layers=1:vbv-maxrate=300:vbv-bufsize=300",
  ),
  sample("low delay", "bframes=0:rc-lookahead=0"),
  sample("fields", "interlace=tff"),
];

const END_OF_SEQUENCE = [0, 0, 1, 0x48, 1];
const NO = new Uint8Array();

function typeOf(nal: Uint8Array): number {
  return firstByte(nal) >> 1;
}

/** Whether a unit is a parameter set. */
function isSet(header: number): boolean {
  return header >> 1 >= 32 && header >> 1 <= 34;
}

function hex(...parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString("hex");
}

function frameIndexes({ frames, joins }: Found): readonly number[] {
  return joins.map(({ offset }) => frames.indexOf(offset));
}

/** ffprobe counts the zero byte before a start code to the packet before. */
function withZeroByte(stream: Uint8Array, offset: number): number {
  return offset > 0 && stream[offset - 1] === 0 ? offset - 1 : offset;
}

describeWith("ffmpeg", "h265", () => {
  scannerContract(newH265Scanner, SAMPLES);

  for (const of of SAMPLES) {
    test(
      `${of.title}: frames are where ffprobe has them, and IRAP pictures are join points`,
      async () => {
        const stream = await streamOf(of);
        const found = scanChunks(newH265Scanner, [stream]);
        const { all } = await packets("hevc", stream);
        expect(found.frames).toEqual(all.map((offset) => withZeroByte(stream, offset)));
        expect(found.frames).toHaveLength(75);
        const pictures = found.frames.map((offset, index) =>
          cutUnits(stream.subarray(offset, found.frames[index + 1])).find(
            (nal) => typeOf(nal) < 32,
          ),
        );
        const iraps = pictures.flatMap((nal = NO, index) => (typeOf(nal) >= 16 ? [index] : []));
        expect(frameIndexes(found)).toEqual(iraps);
        expect(iraps).toHaveLength(3);
        expect(found.joins.map(({ clean }) => clean)).toEqual([true, true, true]);
        // Each keyframe brings the parameter sets that there are.
        expect(found.joins.map(({ setup, splice }) => [...setup, 255, ...splice])).toEqual(
          Array.from({ length: 3 }, () => [255, ...END_OF_SEQUENCE]),
        );
      },
      TEST_MS,
    );

    test(
      `${of.title}: who joins sees a run of the original's frames`,
      async () => {
        const stream = await streamOf(of);
        const original = await checksums(JUDGE, stream);
        const found = scanChunks(newH265Scanner, [stream]);
        for (const [index, frame] of frameIndexes(found).entries()) {
          const shown = await checksums(JUDGE, joined(newH265Scanner, stream, index));
          // The leading pictures of a CRA picture are left out.
          expectRun(shown, original, 75 - frame - 5);
          expect(shown.at(-1)).toBe(original.at(-1) ?? "");
        }
      },
      TEST_MS,
    );

    test(
      `${of.title}: who skips sees whole frames in order`,
      async () => {
        const stream = await streamOf(of);
        const original = await checksums(JUDGE, stream);
        const places = frameIndexes(scanChunks(newH265Scanner, [stream]));
        for (const stop of [3, 12, 20, 21, 22, 33, 40]) {
          const shown = await checksums(JUDGE, skipped(newH265Scanner, stream, stop, 1));
          expectInOrder(shown, original);
          // A few pictures may wait to be shown when the sequence ends, and some lead the next.
          const next = places.find((place) => place > stop) ?? 75;
          expect(shown.length).toBeGreaterThanOrEqual(stop + 75 - next - 8);
          expect(shown.at(-1)).toBe(original.at(-1) ?? "");
        }
      },
      TEST_MS,
    );

    test(`${of.title}: from wherever it is entered, the same marks`, async () => {
      const stream = await streamOf(of);
      const whole = scanChunks(newH265Scanner, [stream]);
      const last = whole.joins.at(-1)?.offset ?? 0;
      for (let from = 1; from < last; from += 1_013) {
        const entered = scanChunks(newH265Scanner, [stream.subarray(from)], from);
        const begun = entered.frames[0] ?? Infinity;
        expect(entered.frames.slice(1)).toEqual(whole.frames.filter((offset) => offset > begun));
        // Of the first frame, what leads its picture may have been cut off.
        const begin = whole.frames.findLast((offset) => offset <= begun) ?? begun;
        const cutOff = cutUnits(stream.subarray(begin, begun));
        expect(cutOff.filter((nal) => typeOf(nal) < 32)).toEqual([]);
        expect(entered.joins.filter(({ offset }) => offset > begun)).toEqual(
          whole.joins.filter(({ offset }) => offset > begun),
        );
      }
    }, 20_000);
  }

  test(
    "parameter sets that came once are the set-up of every later join point",
    async () => {
      const stream = leaveOut(await streamOf(OPEN_GOP), isSet, 3);
      const sets = concatBytes(...cutUnits(stream).slice(0, 3));
      const { joins } = scanChunks(newH265Scanner, [stream]);
      expect(joins.map(({ setup }) => hex(setup))).toEqual(["", hex(sets), hex(sets)]);
      const splice = hex(Uint8Array.from(END_OF_SEQUENCE), sets);
      expect(joins.map((join) => hex(join.splice))).toEqual([
        hex(NO, Uint8Array.from(END_OF_SEQUENCE)),
        splice,
        splice,
      ]);
      const original = await checksums(JUDGE, stream);
      expectRun(await checksums(JUDGE, joined(newH265Scanner, stream, 1)), original, 45);
      const shown = await checksums(JUDGE, skipped(newH265Scanner, stream, 12, 1));
      expectInOrder(shown, original);
      expect(shown.length).toBeGreaterThan(12 + 40);
    },
    TEST_MS,
  );

  test(
    "a change of size: who joins behind it and who skips it have the new sets",
    async () => {
      const large = { title: "", make: OPEN_GOP.make.replace("320x240", "352x288") };
      const before = leaveOut(await streamOf(OPEN_GOP), isSet, 3);
      const behind = leaveOut(await streamOf(large), isSet, 3);
      const stream = concatBytes(before, behind);
      expect(frameIndexes(scanChunks(newH265Scanner, [stream]))).toHaveLength(6);
      const shown = await checksums(JUDGE, joined(newH265Scanner, stream, 4));
      expectRun(shown, await checksums(JUDGE, behind), 45);
      const skip = await checksums(JUDGE, skipped(newH265Scanner, stream, 60, 30));
      expectInOrder(skip, await checksums(JUDGE, stream));
      expect(skip.length).toBeGreaterThan(60 + 40);
    },
    TEST_MS,
  );
});

/** A unit of the base layer. */
function unit(of: number, ...bytes: readonly number[]): Uint8Array {
  return Uint8Array.of(0, 0, 0, 1, of << 1, 1, ...bytes);
}

const VPS = unit(32, 0x0f, 0xff);
const SPS = unitOf([33 << 1, 1], `${u(4, 0)}${u(3, 0)}1${u(32, 0xffff)}${u(64, 0)}${ue(0)}1111`);
const PPS = unitOf([34 << 1, 1], `${ue(0)}${ue(0)}1111`);
const SETS: readonly Uint8Array[] = [VPS, SPS, PPS];

function first(of: number, ppsId = 0): Uint8Array {
  return unitOf([of << 1, 1], `1${of >= 16 ? "0" : ""}${ue(ppsId)}${"1".repeat(199)}`);
}

function further(of: number): Uint8Array {
  return unit(of, ...Array.from({ length: 20 }, () => 0x5f));
}

/** The units of another layer, which a decoder of the base layer passes over. */
function layered(of: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 1, of << 1, 9, 0xff, 0xff);
}

/** The numbers of the units at which frames begin. */
function frameUnits(units: readonly Uint8Array[]): readonly number[] {
  const offsets = units.map((_, index) => concatBytes(...units.slice(0, index)).length);
  const { frames } = scanChunks(newH265Scanner, [concatBytes(...units)]);
  return frames.map((offset) => offsets.indexOf(offset));
}

describe("access units", () => {
  test("a first slice begins a picture, a further one does not", () => {
    expect(frameUnits([...SETS, first(19), further(19), first(1), further(1), first(0)])).toEqual([
      0, 5, 7,
    ]);
  });

  test("what leads a picture belongs to it", () => {
    for (const leader of [32, 33, 34, 35, 39, 41, 44, 48, 55]) {
      const units = [...SETS, first(1), unit(leader, 0x50), unit(39, 1), first(1), further(1)];
      expect(frameUnits(units)).toEqual([0, 4]);
    }
  });

  test("what trails a picture does not belong to the next", () => {
    for (const trailer of [36, 37, 38, 40, 45, 47, 56, 63]) {
      expect(frameUnits([...SETS, first(1), unit(trailer, 0x50), first(1)])).toEqual([0, 5]);
    }
  });

  test("what stands within a picture starts nothing", () => {
    expect(frameUnits([...SETS, first(1), PPS, further(1), first(1)])).toEqual([0, 6]);
  });

  test("units of other layers start nothing", () => {
    const units = [...SETS, first(1), layered(34), layered(1), first(1), layered(35), first(1)];
    expect(frameUnits(units)).toEqual([0, 6, 8]);
  });

  test("a picture is a join point where it is an IRAP picture whose sets have come", () => {
    for (const of of [0, 9, 15, 16, 18, 21, 22, 31]) {
      const { joins } = scanChunks(newH265Scanner, [concatBytes(...SETS, first(of))]);
      expect(joins).toHaveLength(of >= 16 && of <= 21 ? 1 : 0);
    }
    for (const sets of [[], [VPS, SPS], [VPS, PPS], [SPS, PPS]]) {
      expect(scanChunks(newH265Scanner, [concatBytes(...sets, first(19))]).joins).toEqual([]);
    }
    expect(scanChunks(newH265Scanner, [concatBytes(...SETS, first(19, 1))]).joins).toEqual([]);
  });

  test("sets that are more than a set-up may hold end the scan", () => {
    const sets = Array.from({ length: 40 }, (_, id) =>
      concatBytes(unitOf([34 << 1, 1], `${ue(id)}${ue(0)}1`), new Uint8Array(10_000).fill(0x55)),
    );
    const count = Math.floor(SETUP_MAX_BYTES / 10_000);
    const found = scanChunks(newH265Scanner, [concatBytes(...sets.slice(0, count), first(1))]);
    expect(found.kept).toBeTrue();
    expect(scanChunks(newH265Scanner, [concatBytes(...sets, first(1))]).kept).toBeFalse();
  });
});
