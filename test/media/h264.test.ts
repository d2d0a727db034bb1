/**
 * H.264 as x264 writes it, and as no encoder at hand does.
 */
import { expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newH264Scanner } from "../../src/media/h264.ts";
import { describeWith } from "../support/tools.ts";
import { scanChunks, scannerContract, streamOf, type Found, type Sample } from "./contract.ts";
import { FIELDS, fieldStream } from "./fields.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";
import { packets } from "./packets.ts";
import { cutUnits, firstByte, leaveOut, se, ue, unitOf } from "./units.ts";

const INPUT = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=3,format=yuv420p -c:v libx264";
const JUDGE: Judge = { demuxer: "h264", compare: "decoded", map: "v" };
const TEST_MS = 120_000;

const NO = new Uint8Array();

/** Streams whose keyframes are IDR pictures, one in 25. */
const CLOSED: readonly Sample[] = [
  { title: "plain", make: `${INPUT} -g 25 -f h264` },
  { title: "slices", make: `${INPUT} -g 25 -slices 4 -f h264` },
  { title: "delimiters", make: `${INPUT} -g 25 -slices 3 -x264-params aud=1 -f h264` },
  { title: "baseline", make: `${INPUT} -g 25 -profile:v baseline -f h264` },
  { title: "low delay", make: `${INPUT} -g 25 -tune zerolatency -threads 2 -f h264` },
  {
    title: "timing",
    make: `${INPUT} -g 25 -x264-params nal-hrd=vbr -b:v 200k -maxrate 300k -bufsize 300k -f h264`,
  },
  { title: "interlaced", make: `${INPUT} -g 25 -flags +ildct+ilme -x264-params tff=1 -f h264` },
  { title: "lossless 4:4:4", make: `${INPUT} -g 25 -pix_fmt yuv444p -qp 0 -f h264` },
];

/** Streams that have recovery points instead, for all but the first picture. */
const OPEN_GOP: Sample = {
  title: "open GOP",
  make: `${INPUT} -g 25 -x264-params open-gop=1:b-pyramid=none -f h264`,
};
const REFRESH: Sample = {
  title: "intra refresh",
  make: `${INPUT} -g 25 -x264-params intra-refresh=1:bframes=0 -f h264`,
};

const PLAIN: Sample = CLOSED[0] ?? OPEN_GOP;

/** Whether a unit is a parameter set. */
function isSet(first: number): boolean {
  return [7, 8].includes(first & 0x1f);
}

function isSlice(unit: Uint8Array): boolean {
  return [1, 5].includes(firstByte(unit) & 0x1f);
}

async function cleanOf(sample: Sample): Promise<readonly boolean[]> {
  return scanChunks(newH264Scanner, [await streamOf(sample)]).joins.map(({ clean }) => clean);
}

function frameIndexes({ frames, joins }: Found): readonly number[] {
  return joins.map(({ offset }) => frames.indexOf(offset));
}

describeWith("ffmpeg", "h264", () => {
  scannerContract(newH264Scanner, [...CLOSED, OPEN_GOP, REFRESH]);

  for (const sample of [...CLOSED, OPEN_GOP, REFRESH]) {
    test(
      `${sample.title}: frames and join points are where ffprobe has them`,
      async () => {
        const stream = await streamOf(sample);
        const found = scanChunks(newH264Scanner, [stream]);
        const { all, keyframes } = await packets("h264", stream);
        expect(found.frames).toEqual([...all]);
        expect(found.joins.map(({ offset }) => offset)).toEqual([...keyframes]);
        expect(found.frames).toHaveLength(75);
        expect(found.joins).toHaveLength(3);
        // Each keyframe brings the parameter sets that there are.
        expect(found.joins.flatMap(({ setup, splice }) => [...setup, ...splice])).toEqual([]);
      },
      TEST_MS,
    );

    test(
      `${sample.title}: who joins sees a run of the original's frames`,
      async () => {
        const stream = await streamOf(sample);
        const original = await checksums(JUDGE, stream);
        for (const index of [0, 1, 2]) {
          const shown = await checksums(JUDGE, joined(newH264Scanner, stream, index));
          // An intra refresh takes some frames until it has reached the whole picture.
          const least = sample === REFRESH ? 67 - 25 * index : 75 - 25 * index;
          expectRun(shown, original, least);
          expect(shown.at(-1)).toBe(original.at(-1) ?? "");
        }
      },
      TEST_MS,
    );

    test(`${sample.title}: from wherever it is entered, the same marks`, async () => {
      const stream = await streamOf(sample);
      const whole = scanChunks(newH264Scanner, [stream]);
      for (let from = 1; from < (whole.joins.at(-1)?.offset ?? 0); from += 1_013) {
        const entered = scanChunks(newH264Scanner, [stream.subarray(from)], from);
        const next = whole.joins.find(({ offset }) => offset > from);
        const first = entered.frames[0] ?? Infinity;
        expect(first).toBeLessThanOrEqual(next?.offset ?? -1);
        expect(entered.frames.slice(1)).toEqual(whole.frames.filter((offset) => offset > first));
        expect(entered.joins.filter(({ offset }) => offset > first)).toEqual(
          whole.joins.filter(({ offset }) => offset > first),
        );
        // Of the first frame, what leads its picture may have been cut off.
        const begin = whole.frames.findLast((offset) => offset <= first) ?? first;
        expect(cutUnits(stream.subarray(begin, first)).filter(isSlice)).toEqual([]);
      }
    }, 20_000);
  }

  for (const sample of CLOSED) {
    test(
      `${sample.title}: who skips sees whole frames in order`,
      async () => {
        const stream = await streamOf(sample);
        const original = await checksums(JUDGE, stream);
        for (const stop of [7, 18, 30]) {
          const shown = await checksums(JUDGE, skipped(newH264Scanner, stream, stop, 1));
          expect(expectInOrder(shown, original)).toBeGreaterThan(0);
          expect(shown).toHaveLength(stop + (stop < 25 ? 50 : 25));
        }
      },
      TEST_MS,
    );
  }

  test("only IDR pictures are clean", async () => {
    expect(await cleanOf(PLAIN)).toEqual([true, true, true]);
    expect(await cleanOf(OPEN_GOP)).toEqual([true, false, false]);
    expect(await cleanOf(REFRESH)).toEqual([true, false, false]);
  });

  test("recovery points count until an IDR picture comes again", async () => {
    const open = await streamOf(OPEN_GOP);
    const plain = await streamOf(PLAIN);
    const all = frameIndexes(scanChunks(newH264Scanner, [open]));
    const twice = scanChunks(newH264Scanner, [open, plain, open]);
    expect(frameIndexes(twice)).toEqual([...all, 75, 100, 125, 150]);
    const { frames } = scanChunks(newH264Scanner, [open]);
    const entered = scanChunks(newH264Scanner, [open.subarray((frames[1] ?? 0) + 1)]);
    expect(entered.joins.map(({ clean }) => clean)).toEqual([false, false]);
  });

  test(
    "parameter sets that came once are the set-up of every later join point",
    async () => {
      const stream = leaveOut(await streamOf(PLAIN), isSet, 2);
      const sets = concatBytes(...cutUnits(stream).slice(0, 2));
      const { joins } = scanChunks(newH264Scanner, [stream]);
      expect(joins.map(({ setup }) => Buffer.from(setup).toString("hex"))).toEqual([
        "",
        Buffer.from(sets).toString("hex"),
        Buffer.from(sets).toString("hex"),
      ]);
      expect(joins.map(({ splice }) => splice)).toEqual(joins.map(({ setup }) => setup));
      const original = await checksums(JUDGE, stream);
      expectRun(await checksums(JUDGE, joined(newH264Scanner, stream, 1)), original, 50);
    },
    TEST_MS,
  );

  test("points share their set-up while it does not change", async () => {
    const stream = leaveOut(await streamOf(PLAIN), isSet, 2);
    const setups: Uint8Array[] = [];
    const keep = {
      frame() {},
      join: (point: { setup: Uint8Array }) => void setups.push(point.setup),
    };
    newH264Scanner(keep, 0).scan(stream);
    expect(setups[1] === setups[2] && setups[1] !== setups[0]).toBeTrue();
  });

  test("an access unit that brings some of the sets gets them all", async () => {
    const [sps = NO, pps = NO, ...rest] = cutUnits(await streamOf(PLAIN));
    const second = unitOf(
      [0x68],
      ue(1) + ue(0) + "00" + ue(0) + ue(0) + ue(0) + "000" + se(0).repeat(3) + "100",
    );
    const { joins } = scanChunks(newH264Scanner, [concatBytes(sps, pps, second, ...rest)]);
    const all = Buffer.concat([sps, pps, second]).toString("hex");
    expect(joins.map(({ setup }) => Buffer.from(setup).toString("hex"))).toEqual(["", all, all]);
  });

  test(
    "a change of size: who joins behind it and who skips it have the new sets",
    async () => {
      const small = leaveOut(await streamOf(PLAIN), isSet, 2);
      const large = leaveOut(
        await streamOf({ title: "", make: PLAIN.make.replace("160x120", "192x144") }),
        isSet,
        2,
      );
      const stream = concatBytes(small, large);
      const whole = scanChunks(newH264Scanner, [stream]);
      expect(frameIndexes(whole)).toEqual([0, 25, 50, 75, 100, 125]);
      const behind = joined(newH264Scanner, stream, 4);
      expectRun(await checksums(JUDGE, behind), await checksums(JUDGE, large), 50);
      const shown = await checksums(JUDGE, skipped(newH264Scanner, stream, 60, 30));
      expect(expectInOrder(shown, await checksums(JUDGE, stream))).toBeGreaterThan(0);
      expect(shown).toHaveLength(60 + 50);
    },
    TEST_MS,
  );

  test("fields: two make a frame, and a skip leaves neither alone", async () => {
    const stream = concatBytes(...fieldStream(FIELDS).flat());
    const original = await checksums(JUDGE, stream);
    expect(original).toHaveLength(FIELDS.length);
    const { frames } = scanChunks(newH264Scanner, [stream]);
    expect(frames).toHaveLength(FIELDS.length);
    expectRun(await checksums(JUDGE, joined(newH264Scanner, stream, 1)), original, 3);
    for (const stop of [1, 2, 3, 4]) {
      const shown = await checksums(JUDGE, skipped(newH264Scanner, stream, stop, 1));
      expectInOrder(shown, original);
      expect(shown).toHaveLength(stop + 3);
    }
  });
});
