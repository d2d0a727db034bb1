/**
 * Files as Python's configparser reads them, without interpolation: same values, same refusals.
 *
 * The `ini` package knows sections and keys, but cuts values at `;` and `#`, drops quotes and turns
 * `true` into a boolean. So every file is first rewritten into the part of its language that it
 * returns exactly:
 *
 *     [DEFAULT]                     [DEFAULT]
 *     Pass word : a;"b"      ──►    pass%0020word="=a;\"b\"\n# no comment"
 *     ; a comment
 *       # no comment?  (it is one, configparser says, even inside a value)
 *
 * Names keep letters, digits and hyphens, the rest is escaped; values become strings of ASCII. What
 * configparser rejects is rejected here: a guess at what a broken file means could let somebody in.
 */
import { parse } from "ini";

/** The file's sections by name, each with its values by key. Keys are in lower case. */
export type Config = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Why a file cannot be used: a phrase for the log that repeats nothing of what the file holds. */
export interface FileProblem {
  readonly problem: string;
}

/** The section that may stand twice, and that holds a user's keys. */
export const DEFAULT_SECTION = "DEFAULT";

/** Reads a whole file's text. */
export function readConfig(text: string): Config | FileProblem {
  const rewriter = newRewriter();
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
  for (const [index, line] of lines.entries()) {
    const problem = rewriteLine(rewriter, line);
    if (problem !== undefined) {
      return { problem: `line ${index + 1} ${problem}` };
    }
  }
  finishValue(rewriter);
  return collect(parse(rewriter.lines.join("\n")));
}

// --- From configparser's language to the exact part of ini's ---

/** The key whose value may still go on in the next lines. */
interface OpenValue {
  readonly key: string;
  readonly parts: string[];
}

interface Rewriter {
  readonly lines: string[];
  /** Sections so far, as they are written to `lines`. */
  readonly sections: Set<string>;
  /** Keys so far, each with its section before it. */
  readonly keys: Set<string>;
  section: string | undefined;
  open: OpenValue | undefined;
  /**
   * White space before the newest header or key. A line that has more of it continues the value.
   */
  indent: number;
}

function newRewriter(): Rewriter {
  return {
    lines: [],
    sections: new Set(),
    keys: new Set(),
    section: undefined,
    open: undefined,
    indent: 0,
  };
}

/** Takes one line; says what is wrong with it, if anything. */
function rewriteLine(rewriter: Rewriter, line: string): string | undefined {
  const content = strip(line);
  if (content === "") {
    rewriter.open?.parts.push("");
    return undefined;
  }
  if (content.startsWith("#") || content.startsWith(";")) {
    return undefined;
  }
  const indent = line.indexOf(content);
  if (rewriter.open !== undefined && indent > rewriter.indent) {
    rewriter.open.parts.push(content);
    return undefined;
  }
  rewriter.indent = indent;
  const header = /^\[(.+)\]/su.exec(content)?.[1];
  return header === undefined ? rewriteKey(rewriter, content) : rewriteHeader(rewriter, header);
}

function rewriteHeader(rewriter: Rewriter, header: string): string | undefined {
  const section = escapeName(header);
  if (rewriter.sections.has(section) && header !== DEFAULT_SECTION) {
    return "repeats a section";
  }
  finishValue(rewriter);
  rewriter.sections.add(section);
  rewriter.section = section;
  rewriter.lines.push(`[${section}]`);
  return undefined;
}

function rewriteKey(rewriter: Rewriter, content: string): string | undefined {
  if (rewriter.section === undefined) {
    return "comes before any [section]";
  }
  const delimiter = content.search(/[=:]/);
  if (delimiter < 0) {
    return "has neither = nor :";
  }
  const key = escapeName(strip(content.slice(0, delimiter)).toLowerCase());
  if (key === "") {
    return "has nothing before its delimiter";
  }
  if (rewriter.keys.has(`${rewriter.section}=${key}`)) {
    return "repeats a key";
  }
  finishValue(rewriter);
  rewriter.keys.add(`${rewriter.section}=${key}`);
  rewriter.open = { key, parts: [strip(content.slice(delimiter + 1))] };
  return undefined;
}

/** Writes the value that has been gathered, now that nothing can be added to it. */
function finishValue(rewriter: Rewriter): void {
  const { open } = rewriter;
  if (open !== undefined) {
    rewriter.lines.push(`${open.key}=${quote(stripEnd(open.parts.join("\n")))}`);
    rewriter.open = undefined;
  }
}

// --- Names and values that ini returns as they are ---

function escapeName(name: string): string {
  return name.replace(/[^A-Za-z0-9-]/g, (unit) => "%" + hex(unit));
}

function unescapeName(name: string): string {
  return name.replace(/%(.{4})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/**
 * A JSON string, which ini decodes. ASCII, because ini takes U+2028 for the end of a line; and with
 * a mark in front, because it makes a boolean even of a quoted `"true"`.
 */
function quote(value: string): string {
  return JSON.stringify(MARK + value).replace(/[^ -~]/g, (unit) => "\\u" + hex(unit));
}

const MARK = "=";

function hex(unit: string): string {
  return unit.charCodeAt(0).toString(16).padStart(4, "0");
}

/** Turns what ini made of the rewritten file into names and values. */
function collect(parsed: Readonly<Record<string, Record<string, string>>>): Config {
  const config = new Map<string, Map<string, string>>();
  for (const [section, content] of Object.entries(parsed)) {
    const values = new Map<string, string>();
    for (const [key, value] of Object.entries(content)) {
      values.set(unescapeName(key), value.slice(MARK.length));
    }
    config.set(unescapeName(section), values);
  }
  return config;
}

// --- White space as Python sees it ---

/**
 * JavaScript's own `trim` takes a byte order mark for white space, and the separators U+001C to
 * U+001F for text.
 */
const WHITE: ReadonlySet<string> = new Set(
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008" +
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000",
);

function strip(text: string): string {
  let start = 0;
  while (start < text.length && WHITE.has(text.charAt(start))) {
    start++;
  }
  return stripEnd(text.slice(start));
}

/** A loop, for a pattern anchored at the end would try every white space in a long line anew. */
function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && WHITE.has(text.charAt(end - 1))) {
    end--;
  }
  return text.slice(0, end);
}
