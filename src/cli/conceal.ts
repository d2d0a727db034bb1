/**
 * Passwords on the command line, out of what `ps` shows of this process. Every user of the machine
 * may read that, and it stands there as long as the process runs; so it is overwritten in its place,
 * as curl does. The moment before that remains: a file or the environment has none.
 *
 *     fstream ␀ watch ␀ fstream://bob:secret@host/bob ␀ --channel-password=secret ␀
 *                                     ▔▔▔▔▔▔                               ▔▔▔▔▔▔
 */
import { readFileSync } from "node:fs";
import type { Pointer } from "bun:ffi";

/** Where in a word secrets stand, from and to, in characters. */
type Span = readonly [from: number, to: number];

/** The fields of /proc/self/stat that say where the arguments are (proc(5)), less the three first. */
const ARG_START = 48 - 3;
const ARG_END = 49 - 3;

const IN_FLAG = /^--(?:user-password|channel-password|admin-token|token|hook-secret)=(.*)$/ds;
const IN_URL = /^fstreams?:\/\/[^/:]*:([^/]*)@/ds;
/** A NATS server's address, of which there may be several. */
const IN_CLUSTER = /(?:nats|tls):\/\/([^/@,]*)@/dgs;
const IN_REQUEST = /(?:^|,)(?:user|channel)-password=([^,]*)/dg;

/** The secrets in one word, which follows the word `before`. */
export function secretsIn(word: string, before: string): readonly Span[] {
  if (/^--(?:user-password|channel-password|admin-token|token|hook-secret)$/.test(before)) {
    return [[0, word.length]];
  }
  if (before === "--cluster" || word.startsWith("--cluster=")) {
    return spansOf(word.matchAll(IN_CLUSTER));
  }
  const single = IN_FLAG.exec(word) ?? IN_URL.exec(word);
  if (single !== null) {
    return spansOf([single]);
  }
  return /^(?:broadcast|watch),/.test(word) ? spansOf(word.matchAll(IN_REQUEST)) : [];
}

/** Takes the passwords out of this process's title, where the system shows one and there are some. */
export async function concealPasswords(words: readonly string[]): Promise<void> {
  const isPlain = words.every((word, i) => secretsIn(word, words[i - 1] ?? "").length === 0);
  if (process.platform !== "linux" || isPlain) {
    return;
  }
  try {
    overwrite(await argumentBytes());
  } catch {
    // A system that does not show where they are.
  }
}

/** The memory of the arguments themselves, each with a NUL behind it. */
async function argumentBytes(): Promise<Buffer> {
  const { toArrayBuffer } = await import("bun:ffi");
  const stat = readFileSync("/proc/self/stat", "latin1");
  // The name before these fields may hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const start = Number(fields[ARG_START]);
  const length = Number(fields[ARG_END]) - start;
  if (!isAddress(start) || !(length > 0)) {
    throw new Error("the arguments are not to be found");
  }
  return Buffer.from(toArrayBuffer(start, 0, length));
}

function isAddress(value: number): value is Pointer {
  return Number.isSafeInteger(value) && value > 0;
}

function overwrite(bytes: Buffer): void {
  let at = 0;
  let before = "";
  for (const word of bytes.toString("latin1").split("\0")) {
    for (const [from, to] of secretsIn(word, before)) {
      bytes.fill("*", at + from, at + to);
    }
    at += word.length + 1;
    before = word;
  }
}

function spansOf(matches: Iterable<RegExpMatchArray | RegExpExecArray>): Span[] {
  return [...matches].flatMap(({ indices }) => (indices?.[1] === undefined ? [] : [indices[1]]));
}
