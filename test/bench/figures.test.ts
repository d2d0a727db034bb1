/**
 * The arithmetic of the bench: histograms, medians, the search, the trend, and what is said of them.
 */
import { describe, expect, test } from "bun:test";
import { limitOf } from "../../bench/measure/limit.ts";
import { memoryTrend } from "../../bench/measure/memory.ts";
import { search } from "../../bench/measure/search.ts";
import { trendOf } from "../../bench/measure/trend.ts";
import { together } from "../../bench/measure/observe.ts";
import { medians, quantile, type Figures, type PartFigures } from "../../bench/report/figures.ts";
import { notesOn } from "../../bench/report/notes.ts";
import { table } from "../../bench/report/table.ts";
import { merge, newHistogram, pack, percentile, record } from "../../bench/verify/histogram.ts";
import { newFaults } from "../../bench/verify/tally.ts";

const FIGURES: Figures = {
  watchers: 10,
  gbitPerSecond: 1,
  faults: newFaults(),
  othersFaults: newFaults(),
  closed: 0,
  failed: 0,
  p50: 1,
  p90: 2,
  p99: 3,
  p999: 4,
  max: 5,
  joinByteP50: 1,
  joinByteP99: 2,
  joinKeyP50: 3,
  joinKeyP99: 4,
  serverCpuPerGbit: 0.1,
  loadCpuPerGbit: 0.1,
  serverShare: 0.5,
  busiestLoadShare: 0.5,
  machineCores: 0.1,
  serverMib: 60,
  serverDescriptors: 20,
  parts: [],
  latenessP99: 1,
};

describe("a histogram", () => {
  test("is within 3 % of every time, and exact at the largest", () => {
    for (let us = 1; us < 2 ** 31; us = Math.ceil(us * 1.13)) {
      const one = newHistogram();
      record(one, us);
      record(one, 2 ** 31 - 1);
      const found = (percentile(one, 0.5) ?? 0) * 1_000;
      expect(Math.abs(found / us - 1)).toBeLessThan(0.03);
      expect(percentile(one, 1)).toBe((2 ** 31 - 1) / 1_000);
    }
  });

  test("finds percentiles, and of nothing none", () => {
    const times = newHistogram();
    expect(percentile(times, 0.5)).toBeUndefined();
    for (let ms = 1; ms <= 1_000; ms++) {
      record(times, ms * 1_000);
    }
    for (const part of [0.001, 0.5, 0.9, 0.99, 0.999]) {
      const found = percentile(times, part) ?? 0;
      expect(Math.abs(found / (part * 1_000) - 1)).toBeLessThan(0.03);
    }
  });

  test("takes times below zero and beyond all bounds", () => {
    const times = newHistogram();
    record(times, -5);
    record(times, 1e15);
    expect(percentile(times, 0.5)).toBe(0);
    expect(times.max).toBe(2 ** 31 - 1);
  });

  test("is the same after a message", () => {
    const [sent, received] = [newHistogram(), newHistogram()];
    [0, 5, 5, 1e6, 3e8].forEach((us) => record(sent, us));
    merge(received, pack(sent));
    expect(received).toEqual(sent);
    merge(received, pack(sent));
    expect(percentile(received, 0.5)).toBe(percentile(sent, 0.5));
  });
});

test("medians are the middle, and faults add up", () => {
  const rounds = [3, 1, 2].map((p99) => ({
    ...FIGURES,
    p99,
    faults: { ...newFaults(), torn: p99 },
    serverMib: undefined,
  }));
  const all = medians(rounds);
  expect([all.p99, all.faults.torn, all.serverMib]).toEqual([2, 6, undefined]);
  expect(quantile([], 0.5)).toBeUndefined();
  expect(quantile([4, 1, 3, 2], 0.99)).toBe(4);
});

const run = async (capacity: number, most = 1e6) => {
  const tried: number[] = [];
  const found = await search({ first: 100, most, precision: 0.03 }, (number) => {
    tried.push(number);
    return Promise.resolve({ ok: number <= capacity, seen: number });
  });
  return { ...found, tried };
};

describe("the search", () => {
  test.each([1, 99, 100, 101, 357, 1_000, 54_321])("comes near %d from below", async (capacity) => {
    const { number, failed, tried } = await run(capacity);
    expect(number).toBeLessThanOrEqual(capacity);
    expect(number).toBeGreaterThanOrEqual(Math.floor(capacity * 0.94));
    expect(failed).toBeGreaterThan(capacity);
    expect(tried.length).toBeLessThan(40);
  });

  test("stops at what is allowed", async () => {
    expect(await run(1e9, 5_000)).toMatchObject({ number: 5_000, failed: undefined });
    expect(await run(0)).toMatchObject({ number: 0, passed: undefined });
  });

  test("makes a trial that fails once more", async () => {
    const tried: number[] = [];
    const found = await search({ first: 100, most: 100, precision: 0.1 }, (number) => {
      tried.push(number);
      return Promise.resolve({ ok: tried.length > 1, seen: number });
    });
    expect(found.number).toBe(100);
    expect(tried).toEqual([100, 100]);
  });
});

/** A process that took that part of a core. */
const part = (share: number): PartFigures => ({
  name: `n${share}`,
  cpu: share * 5,
  cpuPerGbit: share / 2,
  share,
  mib: 70,
});

const limit = (some: Partial<Figures>, left = 0.5) => limitOf({ ...FIGURES, ...some }, left);

describe("the limit", () => {
  test("is the load's before it is the server's", () => {
    expect(limit({ serverShare: 0.99, busiestLoadShare: 0.95 })).toMatchObject({ ofServer: false });
    expect(limit({ serverShare: 0.99 })).toMatchObject({ ofServer: true });
    expect(limit({ serverShare: 0.99 }).text).toStartWith("the server's CPU");
  });

  test("may be memory, the machine, or neither", () => {
    expect(limit({}, 0.01).text).toStartWith("memory");
    expect(limit({ machineCores: 1e3 }).text).toStartWith("the machine's CPU");
    expect(limit({}).text).toStartWith("latency or loss");
  });

  test("of several processes is that of the busiest, not of their sum", () => {
    expect(limit({ serverShare: 1.6, parts: [0.8, 0.8].map(part) }).text).toStartWith("latency");
    const { ofServer, text } = limit({ serverShare: 1.2, parts: [0.25, 0.95].map(part) });
    expect([ofServer, text]).toEqual([true, "the server's CPU (server 95 %, load 50 % of a core)"]);
    expect(limit({ serverShare: 0.95, parts: [part(0.95)] }).ofServer).toBe(true);
  });
});

const samples = (mib: (at: number) => number) =>
  Array.from({ length: 200 }, (_, at) => ({ at, mib: mib(at), cpu: 0 }));

describe("the trend", () => {
  test("is a line through points", () => {
    const { slope, at0 } = trendOf([1, 2, 3, 10].map((x) => [x, 5 + 2 * x] as const));
    expect(slope).toBeCloseTo(2);
    expect(at0).toBeCloseTo(5);
    expect(trendOf([]).slope).toBe(0);
  });

  test("of a saw-tooth is no leak, and of a slope it is", () => {
    expect(memoryTrend(samples((at) => 60 + (at % 7) * 10))?.leaks).toBe(false);
    expect(memoryTrend(samples((at) => 60 + at / 5))?.leaks).toBe(true);
    expect(memoryTrend(samples((at) => 60 - 40 / (at + 1)))?.leaks).toBe(false);
    expect(memoryTrend([])).toBeUndefined();
  });

  test("of several processes may be that of one as often as there are processes", () => {
    const grows = samples((at) => 200 + at / 5);
    expect(memoryTrend(grows)?.leaks).toBe(true);
    expect(memoryTrend(grows, 4)?.leaks).toBe(false);
    expect(
      memoryTrend(
        samples((at) => 200 + at / 2),
        4,
      )?.leaks,
    ).toBe(true);
  });
});

test("a row that was not measured says why, and what is unknown is a dash", () => {
  const lines = table([
    { name: "fstream", figures: { ...FIGURES, serverCpuPerGbit: undefined } },
    { name: "icecast", figures: "not installed" },
  ]).split("\n");
  expect(lines[2]).toMatch(/^fstream +10 +1\.00 +0 +0 +0 +1\.00 .* - +60$/);
  expect(lines[3]).toBe("icecast  not installed");
});

test("a load that was the limit does not go unsaid", () => {
  expect(notesOn("x", FIGURES)).toEqual([]);
  expect(notesOn("x", { ...FIGURES, busiestLoadShare: 0.97 })[0]).toContain("not the server");
  const bad = { ...FIGURES, faults: { ...newFaults(), corrupt: 2 }, closed: 1 };
  expect(notesOn("x", bad)).toHaveLength(2);
});

/** What was used from one sample to the next. */
const used = (...cpus: number[]) => cpus.map((cpu, at) => ({ at, cpu, mib: 10 * cpu }));

describe("a server of several processes", () => {
  test("uses what they use together, as long as all of them are there", () => {
    expect(together([used(1, 2, 3), used(0.5, 0, 1), used(0, 0)])).toEqual(used(1.5, 2));
    expect(together([used(1, 2)])).toEqual(used(1, 2));
    expect(together([])).toEqual([]);
  });

  test("has a note on each of them, and one process has none", () => {
    expect(notesOn("x", { ...FIGURES, parts: [part(0.5)] })).toEqual([]);
    expect(notesOn("2 nodes", { ...FIGURES, parts: [part(0.5), part(0.25)] })).toEqual([
      "2 nodes: n0.5 took 2.50 CPU s, 0.250 s/Gbit, 50 % of a core, 70 MiB",
      "2 nodes: n0.25 took 1.25 CPU s, 0.125 s/Gbit, 25 % of a core, 70 MiB",
    ]);
  });

  test("has medians of each of them", () => {
    const rounds = [0.1, 0.5, 0.2].map((share) => ({
      ...FIGURES,
      parts: [
        { ...part(share), name: "n1" },
        { ...part(1 - share), name: "n2", mib: undefined },
      ],
    }));
    expect(medians(rounds).parts).toEqual([
      { ...part(0.2), name: "n1" },
      { ...part(0.8), name: "n2", mib: undefined },
    ]);
  });
});
