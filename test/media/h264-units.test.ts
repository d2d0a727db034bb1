/**
 * H.264 as no encoder at hand writes it: each rule of where an access unit begins, fields, and bounds.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { SETUP_MAX_BYTES } from "../../src/core/limits.ts";
import { newH264Scanner } from "../../src/media/h264.ts";
import { newFrames, startsFrame } from "../../src/media/h264-frames.ts";
import type { Slice as SliceHeader } from "../../src/media/h264-syntax.ts";
import { scanChunks } from "./contract.ts";
import { FIELDS, fieldStream } from "./fields.ts";
import { cutUnits, firstByte, se, u, ue, unitOf } from "./units.ts";

const NO = new Uint8Array();

/** The offsets at which the parts of a stream begin. */
function starts(parts: readonly Uint8Array[]): readonly number[] {
  return parts.map((_, index) => concatBytes(...parts.slice(0, index)).length);
}

describe("fields", () => {
  const fields = fieldStream(FIELDS).map((units) => concatBytes(...units));
  const stream = concatBytes(...fields);
  const tops = starts(fields).filter((_, index) => index % 2 === 0);

  test("a frame begins at its first field, and an IDR frame is a join point", () => {
    const { frames, joins } = scanChunks(newH264Scanner, [stream]);
    expect(frames).toEqual(tops);
    expect(joins.map(({ offset }) => offset)).toEqual([tops[0] ?? -1, tops[5] ?? -1]);
  });

  test("in a stream that is entered between, no second field is taken for a first one", () => {
    const [sps = NO, pps = NO] = cutUnits(stream);
    const all = starts(fields);
    for (let from = 1; from < fields.length; from++) {
      const parts = [sps, pps, ...fields.slice(from)];
      const shift = sps.length + pps.length - (all[from] ?? 0);
      const { frames } = scanChunks(newH264Scanner, [concatBytes(...parts)]);
      // Where the sets stand right before a first field, they are its own.
      const real = new Set([from % 2 === 0 ? 0 : -1, ...tops.map((top) => top + shift)]);
      expect(frames.filter((offset) => !real.has(offset))).toEqual([]);
      // The second IDR frame and what follows are certain.
      expect(frames.length).toBeGreaterThanOrEqual(from <= 10 ? 3 : 0);
    }
  });
});

describe("which fields make a frame", () => {
  const top: SliceHeader = {
    firstMacroblock: 0,
    isReference: true,
    isIdr: false,
    ppsId: 0,
    frameNum: 0,
    isField: true,
    isBottom: false,
    idrPicId: 0,
    poc: 0,
    pocDelta: 0,
    isRedundant: false,
  };
  const bottom: SliceHeader = { ...top, isBottom: true, poc: 1 };
  const idr: SliceHeader = { ...top, isIdr: true };

  /** Whether each picture begins a frame, behind an IDR frame. */
  function answers(...slices: readonly SliceHeader[]): readonly boolean[] {
    const frames = newFrames();
    startsFrame(frames, { ...idr, isField: false, idrPicId: 7 }, true);
    return slices.map((next) => startsFrame(frames, next, false));
  }

  test("one of each parity, in either order", () => {
    expect(answers(top, bottom, { ...top, poc: 2 }, { ...bottom, poc: 3 })).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(answers({ ...bottom, poc: 0 }, { ...top, poc: 1 }, bottom)).toEqual([true, false, true]);
  });

  test("not two of different frame_num, nor of one parity, nor a field and a frame", () => {
    expect(answers(top, { ...bottom, frameNum: 1 })).toEqual([true, true]);
    expect(answers(top, { ...top, poc: 1 })).toEqual([true, true]);
    expect(answers(top, { ...bottom, isField: false, isBottom: false })).toEqual([true, true]);
    expect(answers(top, { ...bottom, frameNum: 1 }, { ...top, frameNum: 1 })).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("an IDR field goes with what follows it, and with no field before", () => {
    expect(answers(idr, bottom)).toEqual([true, false]);
    expect(answers(idr, { ...bottom, isIdr: true })).toEqual([true, false]);
    expect(answers(idr, { ...bottom, isIdr: true, idrPicId: 1 })).toEqual([true, true]);
    expect(answers(top, { ...bottom, isIdr: true })).toEqual([true, true]);
  });
});

/** A slice of a progressive stream with POC type 0, as {@link SMALL_SPS} and {@link pps} have it. */
interface Slice {
  readonly type: number;
  readonly ref: number;
  readonly first: number;
  readonly pps: number;
  readonly frameNum: number;
  readonly idrPicId: number;
  readonly poc: number;
  readonly bottom: number;
}

const BASE: Slice = {
  type: 1,
  ref: 1,
  first: 0,
  pps: 0,
  frameNum: 3,
  idrPicId: 0,
  poc: 6,
  bottom: 0,
};

const SMALL_SPS = unitOf(
  [0x67],
  u(8, 66) +
    u(8, 0) +
    u(8, 30) +
    ue(0) +
    ue(0) +
    ue(0) +
    ue(1) +
    ue(1) +
    "0" +
    ue(9) +
    ue(9) +
    "1100",
);

function ppsOf(id: number): Uint8Array {
  const bits = ue(id) + ue(0) + "01" + ue(0) + ue(0) + ue(0) + "000" + se(0).repeat(3) + "101";
  return unitOf([0x68], bits);
}

function slice(of: Partial<Slice>, redundant = 0): Uint8Array {
  const { type, ref, first, pps: ppsId, frameNum, idrPicId, poc, bottom } = { ...BASE, ...of };
  const place = ue(first) + ue(2) + ue(ppsId) + u(4, frameNum) + (type === 5 ? ue(idrPicId) : "");
  return unitOf(
    [(ref << 5) | type],
    place + u(5, poc) + se(bottom) + ue(redundant) + "1".repeat(99),
  );
}

/** The numbers of the units at which frames begin. */
function frameUnits(units: readonly Uint8Array[]): readonly number[] {
  const offsets = starts(units);
  const { frames } = scanChunks(newH264Scanner, [concatBytes(...units, slice({}))]);
  return frames.map((offset) => offsets.indexOf(offset)).filter((index) => index !== -1);
}

const SETS: readonly Uint8Array[] = [SMALL_SPS, ppsOf(0), ppsOf(1)];
const DELIMITER = Uint8Array.of(0, 0, 0, 1, 9, 0x30);
const SEI = Uint8Array.of(0, 0, 0, 1, 6, 5, 1, 7, 0x80);

describe("access units", () => {
  const idr = { type: 5, frameNum: 0, poc: 0 };
  const differences: readonly [string, Partial<Slice>, Partial<Slice>][] = [
    ["frame_num", {}, { frameNum: 4 }],
    ["pic_parameter_set_id", {}, { pps: 1 }],
    ["nal_ref_idc", {}, { ref: 0 }],
    ["pic_order_cnt_lsb", {}, { poc: 8 }],
    ["delta_pic_order_cnt_bottom", {}, { bottom: -1 }],
    ["IdrPicFlag", { ...idr, type: 1 }, idr],
    ["idr_pic_id", idr, { ...idr, idrPicId: 1 }],
  ];

  for (const [field, one, other] of differences) {
    test(`${field} tells two pictures apart`, () => {
      expect(frameUnits([...SETS, slice(one), slice({ ...other, first: 5 })])).toEqual([0, 4]);
      expect(frameUnits([...SETS, slice(other), slice({ ...one, first: 5 })])).toEqual([0, 4]);
      expect(frameUnits([...SETS, slice(one), slice({ ...one, first: 5 })])).toEqual([0]);
    });
  }

  test("nal_ref_idc counts only by whether it is zero", () => {
    expect(frameUnits([...SETS, slice({ ref: 1 }), slice({ ref: 3, first: 5 })])).toEqual([0]);
  });

  test("what leads a picture belongs to it, once its slice proves another picture", () => {
    for (const leader of [DELIMITER, SEI, ppsOf(0), SMALL_SPS, nal(14), nal(15), nal(18)]) {
      const units = [
        ...SETS,
        slice({}),
        leader,
        SEI,
        slice({ poc: 9 }),
        slice({ poc: 9, first: 5 }),
      ];
      expect(frameUnits(units)).toEqual([0, 4]);
    }
  });

  test("what stands within a picture starts nothing", () => {
    for (const within of [
      SEI,
      ppsOf(0),
      nal(14),
      nal(19),
      nal(20),
      nal(3),
      nal(4),
      nal(12),
      nal(10),
    ]) {
      const units = [...SETS, slice({}), within, slice({ first: 5 }), slice({ poc: 9 })];
      expect(frameUnits(units)).toEqual([0, 6]);
    }
  });

  test("what trails a picture does not belong to the next", () => {
    for (const trailer of [nal(10), nal(11), nal(12), nal(19), nal(20), nal(24)]) {
      expect(frameUnits([...SETS, slice({}), trailer, slice({ poc: 9 })])).toEqual([0, 5]);
    }
  });

  test("partitions of a slice belong together", () => {
    const part = (first: number): Uint8Array[] => [slice({ type: 2, first }), nal(3), nal(4)];
    expect(frameUnits([...SETS, ...part(0), ...part(5), slice({ poc: 9, type: 2 })])).toEqual([
      0, 9,
    ]);
  });

  test("a redundant picture belongs to its primary one", () => {
    const units = [...SETS, slice({}), slice({ first: 0 }, 1), SEI, slice({ poc: 9 })];
    expect(frameUnits(units)).toEqual([0, 5]);
  });

  test("IDR pictures of one number are told apart by what leads them", () => {
    const units = [...SETS, slice(idr), ...SETS, slice(idr), slice({ ...idr, first: 5 })];
    expect(frameUnits(units)).toEqual([0, 4]);
  });

  test("a slice that is not understood leads to no mark that is not certain", () => {
    const units = [...SETS, slice({}), slice({ pps: 9 }), slice({ poc: 9 }), slice({ poc: 10 })];
    expect(frameUnits(units)).toEqual([0, 6]);
    const led = [...SETS, slice({}), slice({ pps: 9 }), DELIMITER, slice({ poc: 9 })];
    expect(frameUnits(led)).toEqual([0, 5]);
  });

  test("one zero byte belongs to a start code, and further ones to the unit before", () => {
    const short = slice({ poc: 9 }).subarray(1);
    expect(frameUnits([...SETS, slice({}), short])).toEqual([0, 4]);
    expect(frameUnits([...SETS, slice({}), Uint8Array.of(0, 0), slice({ poc: 9 })])).toEqual([
      0, 5,
    ]);
  });

  test("two views of a sequence have each their own parameter set of the same identifier", () => {
    const subset = Uint8Array.from(SMALL_SPS);
    subset[4] = 0x6f;
    const { joins } = scanChunks(newH264Scanner, [
      concatBytes(
        SMALL_SPS,
        subset,
        ppsOf(0),
        slice({ ...idr }),
        nal(20),
        slice({ ...idr, idrPicId: 1 }),
        nal(1),
      ),
    ]);
    expect(joins.map(({ setup }) => Buffer.from(setup).toString("hex"))).toEqual([
      "",
      Buffer.concat([SMALL_SPS, subset, ppsOf(0)]).toString("hex"),
    ]);
  });
});

/** A unit of this type that says nothing. */
function nal(type: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 1, 0x20 | type, 0xc1, 0x88, 0x99);
}

/** Whether a stream with these sets is still scanned behind them. */
function keeps(units: readonly Uint8Array[]): boolean {
  return scanChunks(newH264Scanner, [concatBytes(SMALL_SPS, ...units, slice({}))]).kept;
}

describe("bounds", () => {
  test("a set that is too long to be one is not kept", () => {
    const long = concatBytes(ppsOf(0), new Uint8Array(20_000).fill(0x55));
    const { joins, kept } = scanChunks(newH264Scanner, [
      concatBytes(
        SMALL_SPS,
        ppsOf(0),
        long,
        slice({ type: 5 }),
        slice({ type: 5, idrPicId: 1 }),
        nal(1),
      ),
    ]);
    expect(kept).toBeTrue();
    expect(joins[1]?.setup).toHaveLength(SMALL_SPS.length + ppsOf(0).length);
  });

  test("a set that is cut off where it has zero bytes is not kept either", () => {
    for (let zeros = 16_378; zeros <= 16_386; zeros++) {
      const long = new Uint8Array(20_000).fill(0x55).fill(0, zeros, zeros + 2);
      long.set(ppsOf(0));
      const idrs = [slice({ type: 5 }), slice({ type: 5, idrPicId: 1 }), nal(1)];
      const { joins } = scanChunks(newH264Scanner, [
        concatBytes(SMALL_SPS, ppsOf(0), long, ...idrs),
      ]);
      expect(joins[1]?.setup).toHaveLength(SMALL_SPS.length + ppsOf(0).length);
    }
  });

  test("sets that are more than a set-up may hold end the scan", () => {
    const sets = Array.from({ length: 30 }, (_, id) =>
      concatBytes(ppsOf(id), new Uint8Array(10_000).fill(0x55)),
    );
    const count = Math.floor(SETUP_MAX_BYTES / (sets[0]?.length ?? 1));
    expect(keeps(sets.slice(0, count - 1))).toBeTrue();
    expect(keeps(sets.slice(0, count + 2))).toBeFalse();
  });

  test("every length of a set is kept alike, however it is cut", () => {
    for (let length = 16_370; length <= 16_390; length++) {
      const set = concatBytes(ppsOf(0), new Uint8Array(length - ppsOf(0).length).fill(0x55));
      const stream = concatBytes(
        SMALL_SPS,
        ppsOf(0),
        set,
        slice({ type: 5 }),
        slice({ type: 5, idrPicId: 1 }),
        nal(1),
      );
      const whole = scanChunks(newH264Scanner, [stream]);
      const end = SMALL_SPS.length + ppsOf(0).length + set.length;
      for (const cut of [-4, -1, 0, 1, 2, 3, 4, 5]) {
        const parts = [stream.subarray(0, end + cut), stream.subarray(end + cut)];
        expect(scanChunks(newH264Scanner, parts)).toEqual(whole);
      }
    }
  });
});

describe("units", () => {
  test("are cut by the tests as they are by the standard", () => {
    const stream = concatBytes(SMALL_SPS, DELIMITER, nal(1));
    expect(cutUnits(stream).map((unit) => firstByte(unit) & 0x1f)).toEqual([7, 9, 1]);
  });
});
