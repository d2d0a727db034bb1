/**
 * The names of recordings:
 *
 *     DIR / bob / camera%2F1 / 2026-11-25T06-40-12.345Z.17.part      being written by process 17
 *                              2026-11-25T06-40-12.345Z.ts           complete
 *                              2026-11-25T06-40-12.346Z.cut.ts        broken off
 */
import { createHash } from "node:crypto";

/** Characters of a folder's name: file systems carry 255 bytes. */
const FOLDER_MAX_CHARS = 200;

/** Characters of the hash that ends a name which was cut. */
const HASH_CHARS = 32;

/** The folder of a channel without a name. No other channel's name is written so. */
const UNNAMED = "_";

const MOMENT = String.raw`\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z`;
const COMPLETE = new RegExp(`^${MOMENT}(?:\\.cut)?\\.[a-z0-9]{1,8}$`);
const UNFINISHED = new RegExp(`^(${MOMENT})\\.(\\d{1,10})\\.part$`);

/** `name` as one folder's name: what is not plain in one is percent-encoded. */
export function folderName(name: string): string {
  if (name === "") {
    return UNNAMED;
  }
  const plain = [...Buffer.from(name)].map((byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9.-]/.test(char) || (char === "_" && name !== UNNAMED) ? char : percent(byte);
  });
  const whole = plain.join("").replace(/^\./, percent(0x2e));
  if (whole.length <= FOLDER_MAX_CHARS) {
    return whole;
  }
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_CHARS);
  // A percent sign before the hash, which no encoding has, keeps it apart from a name that ends so.
  return `${whole.slice(0, FOLDER_MAX_CHARS - HASH_CHARS - 1)}%${hash}`;
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Names of moments, none of them twice and each behind the one before. */
export function newMoments(): (time: number) => string {
  let last = -Infinity;
  return (time) => {
    // The second file of a millisecond has the next one, so that names are in the order of time.
    last = Math.max(time, last + 1);
    return new Date(last).toISOString().replaceAll(":", "-");
  };
}

/** Whether a file of that name is a recording that nobody writes to. */
export function isComplete(file: string): boolean {
  return COMPLETE.test(file);
}

/** The moment and the process of a file that is being written, or was; null for all other names. */
export function unfinished(file: string): { moment: string; pid: number } | null {
  const [, moment, pid] = UNFINISHED.exec(file) ?? [];
  return moment === undefined ? null : { moment, pid: Number(pid) };
}

/** Whether `name` fits one of the `patterns`: names with * for any characters, commas between. */
export function fitsPatterns(name: string, patterns: string): boolean {
  return patterns.split(",").some((pattern) => {
    const parts = pattern.trim().split("*").map(escaped);
    return new RegExp(`^${parts.join(".*")}$`, "su").test(name);
  });
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
