/**
 * From the text of one setting to its value, by its kind, and the words for what its text may be.
 */
import { isIP } from "node:net";
import { parseNetworks, type Network } from "../core/networks.ts";
import { parseDuration, parseSize } from "../core/units.ts";
import type { DurationUnit, SizeUnit } from "../core/units.ts";
import type { Row } from "./settings-row.ts";

/** Undefined is a path that is none. */
export type SettingValue = number | string | readonly string[] | readonly Network[] | undefined;

/** In an object, so that undefined is a value and null is none. */
export interface Parsed {
  readonly value: SettingValue;
}

/** Characters of a stranger's text that an error shows: enough to recognise it, and no flood. */
const SHOWN_MAX_CHARS = 80;

/** Characters of a sentence that quotes it: two addresses at their longest, and what is said. */
const PROBLEM_MAX_CHARS = 200;

/** Characters of a host name, as DNS bounds it. */
const HOST_NAME_MAX_CHARS = 253;

/**
 * Labels with dots between. A last label of digits alone is refused: it is an IPv4 address with a
 * slip in it.
 */
const HOST_NAME =
  /^(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/i;

const UNIT_WORDS: Readonly<Record<DurationUnit | SizeUnit, string>> = {
  ms: "milliseconds",
  s: "seconds",
  m: "minutes",
  h: "hours",
  B: "bytes",
  k: "thousands of bytes",
  M: "millions of bytes",
  G: "billions of bytes",
  KiB: "KiB",
  MiB: "MiB",
  GiB: "GiB",
};

/** Reads `text` as what the setting holds. Null where it is not that, or out of its bounds. */
export function parseValue(row: Row, text: string): Parsed | null {
  const trimmed = text.trim();
  switch (row.kind) {
    case "addresses":
      return parseAddresses(trimmed);
    case "choice":
      return row.choices.includes(trimmed) ? { value: trimmed } : null;
    case "count":
      return within(parseWhole(trimmed), row.min, row.max);
    case "duration": {
      const read = (part: string): number | null => parseDuration(part, row.bare);
      return within(read(trimmed), read(row.min), read(row.max));
    }
    case "networks": {
      const read = parseNetworks(trimmed);
      return read.ok ? { value: read.networks } : null;
    }
    case "path":
      return parsePath(trimmed, row.default === "");
    case "port":
      return within(parseWhole(trimmed), 0, 65_535);
    case "text":
      return parseText(trimmed);
    case "threads":
      return trimmed === "auto" ? { value: 0 } : within(parseWhole(trimmed), 1, row.max);
    case "size": {
      const read = (part: string): number | null => parseSize(part, row.bare);
      return within(read(trimmed), read(row.min), read(row.max));
    }
  }
}

function parseWhole(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function within(value: number | null, min: number | null, max: number | null): Parsed | null {
  const inside = value !== null && min !== null && max !== null && value >= min && value <= max;
  return inside ? { value } : null;
}

/** The same address twice would be asked to listen twice, and the second would find it taken. */
function parseAddresses(text: string): Parsed | null {
  const addresses = [...new Set(text.split(",").map((address) => address.trim()))];
  return addresses.every(isAddress) ? { value: addresses } : null;
}

function isAddress(text: string): boolean {
  return isIP(text) !== 0 || (text.length <= HOST_NAME_MAX_CHARS && HOST_NAME.test(text));
}

/**
 * Quotes that are still there were left by a shell or an ini file that could not read what they
 * hold, and a control character is what `\t` in double quotes turns into. Neither is ever the path
 * that was meant.
 */
function parsePath(text: string, mayBeNone: boolean): Parsed | null {
  if (text === "") {
    return mayBeNone ? { value: undefined } : null;
  }
  return /^["']|\p{Cc}/u.test(text) ? null : { value: text };
}

/** Undefined is none. A control character is a slip, and no header or file name may hold one. */
function parseText(text: string): Parsed | null {
  return /\p{Cc}/u.test(text) ? null : { value: text === "" ? undefined : text };
}

const INI_QUOTES =
  "in an ini file, single quotes around the whole value keep its backslashes and semicolons";

/** What the setting takes, to stand behind a colon in an error about `text`. */
export function expected(row: Row, text: string): string {
  switch (row.kind) {
    case "addresses":
      return "it takes IP addresses or host names, without ports, with commas between them";
    case "choice":
      return `it takes ${alternatives(row.choices)}`;
    case "count":
      return `it takes a number ${bounds(row.min, row.max)}`;
    case "duration":
      return `it takes a time ${bounds(row.min, row.max)}, such as ${row.default}; ${bareUnit(row.bare)}`;
    case "networks": {
      const read = parseNetworks(text);
      const problem = read.ok ? "" : `${shown(read.problem, PROBLEM_MAX_CHARS)}; `;
      return `${problem}it takes addresses and networks, such as 10.0.0.0/8, with commas between them`;
    }
    case "path":
      return `it takes a path without quotes or control characters; ${INI_QUOTES}`;
    case "text":
      return "it takes a text without control characters";
    case "threads":
      return `it takes a number ${bounds(1, row.max)}, or auto`;
    case "port":
      return "a port is a number from 0 to 65535";
    case "size":
      return `it takes a size ${bounds(row.min, row.max)}, such as ${row.default}; ${bareUnit(row.bare)}`;
  }
}

/** The help of a setting, with its bounds, its choices and the unit of a bare number. */
export function describe(row: Row): string {
  switch (row.kind) {
    case "addresses":
    case "path":
    case "text":
      return row.help;
    case "networks":
      return `${row.help} Addresses and networks, with commas between them.`;
    case "choice":
      return `${row.help} One of ${alternatives(row.choices)}.`;
    case "count":
      return `${row.help} A number ${bounds(row.min, row.max)}.`;
    case "threads":
      return `${row.help} A number ${bounds(1, row.max)}, or auto.`;
    case "port":
      return `${row.help} A number ${bounds(0, 65_535)}.`;
    case "duration":
    case "size":
      return `${row.help} ${capitalised(bounds(row.min, row.max))}; ${bareUnit(row.bare)}.`;
  }
}

function bounds(min: number | string, max: number | string): string {
  return `from ${min} to ${max}`;
}

function bareUnit(unit: DurationUnit | SizeUnit): string {
  return `a bare number is ${UNIT_WORDS[unit]}`;
}

function alternatives(choices: readonly string[]): string {
  return [choices.slice(0, -1).join(", "), ...choices.slice(-1)].join(" or ");
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/**
 * A stranger's text as it may stand in one line of a log: no control character acts, and the end of
 * it is cut.
 */
export function shown(text: string, max: number = SHOWN_MAX_CHARS): string {
  return visible(text.length > max ? `${text.slice(0, max)}…` : text);
}

/** Any text as a terminal may be given it: nothing in it acts, hides or breaks the line. */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
