/**
 * Sizes and times between people and numbers: what they write in settings, what they read in status
 * lines.
 */

export type SizeUnit = "B" | "k" | "M" | "G" | "KiB" | "MiB" | "GiB";
export type DurationUnit = "ms" | "s" | "m" | "h";

/** The binary units come first: where two print equally short, a power of two reads better. */
const SIZES: Readonly<Record<SizeUnit, number>> = {
  GiB: 1024 ** 3,
  MiB: 1024 ** 2,
  KiB: 1024,
  G: 1e9,
  M: 1e6,
  k: 1e3,
  B: 1,
};

/** The largest come first, for a time prints in the largest unit that divides it. */
const DURATIONS: Readonly<Record<DurationUnit, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};

/** A lower-case `m` or `b` is left out: elsewhere they stand for minutes and for bits. */
const SIZE_SPELLINGS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(SIZES),
  ["K", SIZES.k],
  ["kB", SIZES.k],
  ["KB", SIZES.k],
  ["MB", SIZES.M],
  ["GB", SIZES.G],
  ["Ki", SIZES.KiB],
  ["Mi", SIZES.MiB],
  ["Gi", SIZES.GiB],
]);

const DURATION_SPELLINGS: ReadonlyMap<string, number> = new Map(Object.entries(DURATIONS));

/**
 * Reads "16MiB", "1.5G" or "300k" as whole bytes; a bare number counts in `bare`. Null where the
 * text is no size.
 */
export function parseSize(text: string, bare: SizeUnit): number | null {
  return parseAmount(text, SIZE_SPELLINGS, SIZES[bare]);
}

/**
 * Reads "5ms", "1.5s" or "1h" as whole milliseconds; a bare number counts in `bare`. Null where the
 * text is no time.
 */
export function parseDuration(text: string, bare: DurationUnit): number | null {
  return parseAmount(text, DURATION_SPELLINGS, DURATIONS[bare]);
}

function parseAmount(
  text: string,
  spellings: ReadonlyMap<string, number>,
  bare: number,
): number | null {
  const match = /^(\d+(?:\.\d+)?) *([A-Za-z]*)$/.exec(text.trim());
  if (match === null) {
    return null;
  }
  const [, digits = "", unit = ""] = match;
  const factor = unit === "" ? bare : spellings.get(unit);
  if (factor === undefined) {
    return null;
  }
  const whole = Math.round(Number(digits) * factor);
  // Zero often means "off", so an amount too small to hold is no amount rather than a zero.
  const vanished = whole === 0 && /[1-9]/.test(digits);
  return Number.isSafeInteger(whole) && !vanished ? whole : null;
}

/**
 * Prints whole bytes as a setting is written: exactly, and as short as that goes ("16MiB", "300k",
 * "1234B").
 */
export function printSize(bytes: number): string {
  return exactPrints(bytes, SIZES).reduce(
    (best, text) => (text.length < best.length ? text : best),
    `${bytes}B`,
  );
}

/**
 * Prints whole milliseconds as a setting is written: exactly, in the largest unit that divides them
 * ("90s", "5ms").
 */
export function printDuration(ms: number): string {
  return exactPrints(ms, DURATIONS)[0] ?? `${ms}ms`;
}

/** Zero prints without a unit, for it is the same in all of them. */
function exactPrints(amount: number, units: Readonly<Record<string, number>>): string[] {
  if (amount === 0) {
    return ["0"];
  }
  return Object.entries(units)
    .filter(([, factor]) => amount % factor === 0)
    .map(([unit, factor]) => `${amount / factor}${unit}`);
}

/**
 * Prints bytes for a status line, in decimal units and three digits: "999 B", "12.3 kB", "1.50 GB".
 */
export function formatBytes(bytes: number): string {
  return scaled(bytes, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

/** Prints a rate for a status line, in decimal units and three digits: "2.00 Mbit/s". */
export function formatBitrate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
}

function scaled(value: number, units: readonly string[]): string {
  let rest = atLeastZero(value);
  let step = 0;
  // 999.5 would print as 1000, four digits, so it is the next unit's 1.00 already.
  while (rest >= 999.5 && step < units.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return `${rest.toFixed(step === 0 ? 0 : decimals(rest))} ${units[step] ?? ""}`;
}

function decimals(value: number): number {
  if (value < 9.995) {
    return 2;
  }
  return value < 99.95 ? 1 : 0;
}

/** Prints elapsed time as a player does, in whole seconds that have passed: "0:42", "1:02:03". */
export function formatDuration(ms: number): string {
  const total = Math.floor(atLeastZero(ms) / 1000);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const seconds = String(total % 60).padStart(2, "0");
  return hours === 0
    ? `${minutes}:${seconds}`
    : `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`;
}

/** A rate over no time at all is NaN or endless; a status line shows nothing rather than that. */
function atLeastZero(value: number): number {
  return Number.isFinite(value) ? Math.max(0, value) : 0;
}
