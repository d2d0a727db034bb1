/**
 * Sizes and times: what may be written, what is refused, and that what is printed reads back.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  formatBitrate,
  formatBytes,
  formatDuration,
  parseDuration,
  parseSize,
  printDuration,
  printSize,
} from "../../src/core/units.ts";
import type { DurationUnit, SizeUnit } from "../../src/core/units.ts";

const SIZE_UNITS: SizeUnit[] = ["B", "k", "M", "G", "KiB", "MiB", "GiB"];
const DURATION_UNITS: DurationUnit[] = ["ms", "s", "m", "h"];

/** Texts that come near to being amounts, which plain random text hardly ever does. */
const nearAmounts: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(..."0123456789..-+eEkKMGiBmsh, \u0663\u00a0∞".split(""), "ms", "KiB"), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));

const amounts: fc.Arbitrary<string> = fc.oneof(fc.string(), nearAmounts);

describe("a size", () => {
  test.each([
    ["16MiB", 16 * 1024 * 1024],
    ["16Mi", 16 * 1024 * 1024],
    ["16M", 16_000_000],
    ["16MB", 16_000_000],
    ["300k", 300_000],
    ["300K", 300_000],
    ["300kB", 300_000],
    ["1.5G", 1_500_000_000],
    ["1GiB", 1024 ** 3],
    ["0.5KiB", 512],
    ["12B", 12],
    [" 12 kB ", 12_000],
    ["007k", 7_000],
    ["0", 0],
    ["0GiB", 0],
  ])("written %p is %p bytes", (text, bytes) => {
    expect(parseSize(text, "B")).toBe(bytes);
  });

  test("without a unit has the one that the caller names", () => {
    expect(parseSize("3", "B")).toBe(3);
    expect(parseSize("3", "k")).toBe(3_000);
    expect(parseSize("1.5", "MiB")).toBe(1.5 * 1024 * 1024);
  });

  test("of a fraction of a byte is rounded to whole bytes", () => {
    expect(parseSize("1.1KiB", "B")).toBe(1126);
  });

  test("keeps its unit whatever the caller's is", () => {
    for (const unit of SIZE_UNITS) {
      expect(parseSize("2KiB", unit)).toBe(2048);
    }
  });

  test.each([
    "",
    " ",
    "k",
    "MiB",
    "-1",
    "+1",
    "1e3",
    "0x10",
    ".5k",
    "5.",
    "1.2.3",
    "1,000",
    "1_000",
    "16m",
    "16mb",
    "16Mbit",
    "1T",
    "1 k B",
    "1\u00a0k",
    "1\nk",
    "٣",
    "NaN",
    "Infinity",
    "∞",
    "toString",
    "1toString",
    "1__proto__",
  ])("is not read out of %p", (text) => {
    expect(parseSize(text, "B")).toBeNull();
  });

  test("too large to count exactly is none", () => {
    expect(parseSize("9007199254740991", "B")).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseSize("9007199254740992", "B")).toBeNull();
    expect(parseSize("9".repeat(400), "B")).toBeNull();
  });

  test("too small to hold is none rather than zero", () => {
    expect(parseSize("0.4", "B")).toBeNull();
    expect(parseSize(`0.${"0".repeat(400)}1G`, "B")).toBeNull();
    expect(parseSize("0.000", "B")).toBe(0);
  });

  test("is a whole number of bytes or none, whatever the text", () => {
    fc.assert(
      fc.property(amounts, fc.constantFrom(...SIZE_UNITS), (text, unit) => {
        const bytes = parseSize(text, unit);
        expect(bytes === null || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true);
      }),
    );
  });

  test.each([
    [16 * 1024 * 1024, "16MiB"],
    [256 * 1024, "256KiB"],
    [1024 ** 3, "1GiB"],
    [300_000, "300k"],
    [16_000_000, "16M"],
    [1_500_000_000, "1500M"],
    [1_024_000, "1024k"],
    [1234, "1234B"],
    [0, "0"],
  ])("of %p bytes prints as %p", (bytes, text) => {
    expect(printSize(bytes)).toBe(text);
  });

  test("that was printed reads back as the same bytes, whatever a bare number is", () => {
    const sizes = fc.oneof(
      fc.maxSafeNat(),
      fc
        .tuple(fc.nat(9999), fc.constantFrom(1e3, 1e6, 1e9, 1024, 1024 ** 2, 1024 ** 3))
        .map(([count, factor]) => count * factor),
    );
    fc.assert(
      fc.property(sizes, fc.constantFrom(...SIZE_UNITS), (bytes, unit) => {
        expect(parseSize(printSize(bytes), unit)).toBe(bytes);
      }),
    );
  });
});

describe("a time", () => {
  test.each([
    ["5ms", 5],
    ["10s", 10_000],
    ["1.5s", 1_500],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["0.25h", 900_000],
    ["10 s", 10_000],
    ["0", 0],
    ["1.1s", 1_100],
  ])("written %p is %p milliseconds", (text, ms) => {
    expect(parseDuration(text, "s")).toBe(ms);
  });

  test("without a unit has the one that the caller names", () => {
    expect(parseDuration("5", "ms")).toBe(5);
    expect(parseDuration("5", "s")).toBe(5_000);
    expect(parseDuration("5", "m")).toBe(300_000);
    expect(parseDuration("5", "h")).toBe(18_000_000);
  });

  test.each(["", "s", "-5s", "5S", "5M", "5min", "1h30m", "1:30", "5 s s", "5k", "0.4ms"])(
    "is not read out of %p",
    (text) => {
      expect(parseDuration(text, "ms")).toBeNull();
    },
  );

  test("is a whole number of milliseconds or none, whatever the text", () => {
    fc.assert(
      fc.property(amounts, fc.constantFrom(...DURATION_UNITS), (text, unit) => {
        const ms = parseDuration(text, unit);
        expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });

  test.each([
    [5, "5ms"],
    [1_500, "1500ms"],
    [10_000, "10s"],
    [90_000, "90s"],
    [60_000, "1m"],
    [86_400_000, "24h"],
    [0, "0"],
  ])("of %p milliseconds prints as %p", (ms, text) => {
    expect(printDuration(ms)).toBe(text);
  });

  test("that was printed reads back as the same milliseconds, whatever a bare number is", () => {
    const times = fc.oneof(
      fc.maxSafeNat(),
      fc.tuple(fc.nat(9999), fc.constantFrom(1e3, 6e4, 36e5)).map(([n, factor]) => n * factor),
    );
    fc.assert(
      fc.property(times, fc.constantFrom(...DURATION_UNITS), (ms, unit) => {
        expect(parseDuration(printDuration(ms), unit)).toBe(ms);
      }),
    );
  });
});

describe("a status line", () => {
  test.each([
    [0, "0 B"],
    [1, "1 B"],
    [999, "999 B"],
    [999.5, "1.00 kB"],
    [1_000, "1.00 kB"],
    [1_500, "1.50 kB"],
    [9_994, "9.99 kB"],
    [9_995, "10.0 kB"],
    [12_345, "12.3 kB"],
    [99_950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [1_234_000_000, "1.23 GB"],
    [5e12, "5.00 TB"],
    [Number.MAX_SAFE_INTEGER, "9.01 PB"],
  ])("shows %p bytes as %p", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test("shows a rate in bits, decimal", () => {
    expect(formatBitrate(0)).toBe("0 bit/s");
    expect(formatBitrate(2_000_000)).toBe("2.00 Mbit/s");
    expect(formatBitrate(64_000)).toBe("64.0 kbit/s");
    expect(formatBitrate(1.5e9)).toBe("1.50 Gbit/s");
    expect(formatBitrate(12_345e12)).toBe("12345 Tbit/s");
  });

  test("shows three digits from a thousand bytes on", () => {
    fc.assert(
      fc.property(fc.double({ min: 1_000, max: 999e15, noNaN: true }), (bytes) => {
        const [digits = ""] = formatBytes(bytes).split(" ");
        expect(digits.replace(".", "")).toMatch(/^[1-9]\d\d$/);
      }),
    );
  });

  test.each([
    [0, "0:00"],
    [999, "0:00"],
    [42_000, "0:42"],
    [59_999, "0:59"],
    [60_000, "1:00"],
    [754_000, "12:34"],
    [3_723_000, "1:02:03"],
    [36_000_000, "10:00:00"],
    [360_000_000, "100:00:00"],
  ])("shows %p milliseconds as %p", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test("shows nothing rather than NaN, endless or negative", () => {
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5]) {
      expect(formatBytes(odd)).toBe("0 B");
      expect(formatBitrate(odd)).toBe("0 bit/s");
      expect(formatDuration(odd)).toBe("0:00");
    }
  });
});
