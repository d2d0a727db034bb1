/**
 * Settings as an ini file gives them.
 *
 * The `ini` package is generous: it turns words into booleans, quoted JSON into whatever it says,
 * `key[]` into lists and dots in a section's name into nested objects. Here every such shape
 * becomes a plain text or a line that says what is wrong, for a file that is half understood is
 * worse than one that is refused.
 */
import { parse } from "ini";
import { nearest } from "../core/nearest.ts";
import { SECTIONS, SETTING_NAMES, isSettingName, rowOf } from "./settings-table.ts";
import type { Section } from "./settings-row.ts";
import type { SettingName } from "./settings-table.ts";
import { expected, shown } from "./settings-value.ts";

/** The text of a settings file; the path is for its errors. */
export interface SettingsFile {
  readonly path: string;
  readonly text: string;
}

/** One setting that somebody gave, still as text, and where they did. */
export interface Given {
  readonly name: SettingName;
  readonly text: string;
  readonly origin: string;
}

/** What one source gave: the settings, and a line for each thing that is none. */
export interface Gathered {
  readonly given: readonly Given[];
  readonly errors: readonly string[];
}

/** Where in the file an entry stands, as errors put it. */
interface Place {
  /** Undefined before the first section. */
  readonly section: Section | undefined;
  readonly origin: string;
}

/** Reads a whole file. Whatever its text is, this answers and does not throw. */
export function gatherFile(file: SettingsFile): Gathered {
  const path = shown(file.path);
  const tree = parseIni(file.text);
  if (tree === null) {
    return { given: [], errors: [`${path} is no ini file: a name in it is no plain word`] };
  }
  return merged(Object.entries(tree).map(([name, held]) => gatherTop(path, name, held)));
}

/**
 * The package throws where a name is null or a number, and where a section is named like a list's
 * length.
 */
function parseIni(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return null;
  }
}

function merged(parts: readonly Gathered[]): Gathered {
  return {
    given: parts.flatMap((part) => part.given),
    errors: parts.flatMap((part) => part.errors),
  };
}

function wrong(error: string): Gathered {
  return { given: [], errors: [error] };
}

/** What stands at the top of the tree is a section, or an entry before the first of them. */
function gatherTop(path: string, name: string, held: unknown): Gathered {
  if (!isBranch(held)) {
    const place = { section: undefined, origin: `${path}, before any section` };
    return gatherEntry(place, name, held);
  }
  const section = SECTIONS.find((known) => known === name);
  if (section === undefined) {
    return wrong(`[${shown(name)}] in ${path} is no section; ${sectionHint(name)}`);
  }
  const place = { section, origin: `${path}, [${section}]` };
  return merged(Object.entries(held).map(([key, value]) => gatherEntry(place, key, value)));
}

function isBranch(held: unknown): held is Readonly<Record<string, unknown>> {
  return typeof held === "object" && held !== null && !Array.isArray(held);
}

function sectionHint(name: string): string {
  const near = nearest(name, SECTIONS);
  return near === undefined
    ? `the sections are ${SECTIONS.map((known) => `[${known}]`).join(", ")}`
    : `did you mean [${near}]?`;
}

function gatherEntry(place: Place, key: string, held: unknown): Gathered {
  if (!isSettingName(key)) {
    return wrong(unknownEntry(place, key, held));
  }
  const row = rowOf(key);
  if (row.section !== place.section) {
    return wrong(`${key} (from ${place.origin}) belongs in [${row.section}]`);
  }
  const text = plainText(held);
  return text === undefined
    ? wrong(`${key} ${oddShape(held)} (from ${place.origin}): ${expected(row, "")}`)
    : { given: [{ name: key, text, origin: place.origin }], errors: [] };
}

function unknownEntry(place: Place, key: string, held: unknown): string {
  const name = shown(key);
  const subject = `${name} (from ${place.origin})`;
  if (isBranch(held) && place.section !== undefined) {
    return `[${place.section}.${name}] (from ${place.origin}) is no section: sections have none within`;
  }
  if (key.startsWith("[") || SECTIONS.some((section) => section === key)) {
    return `${subject} is no setting: a section is its name in brackets, alone at the start of a line`;
  }
  const near = nearest(key, SETTING_NAMES);
  if (near === undefined || !isSettingName(near)) {
    return `${subject} is no setting`;
  }
  const { section } = rowOf(near);
  const where = section === place.section ? "" : `, in [${section}]`;
  return `${subject} is no setting; did you mean ${near}${where}?`;
}

/** A number in single quotes arrives as a number. */
function plainText(held: unknown): string | undefined {
  if (typeof held === "number") {
    return String(held);
  }
  return typeof held === "string" ? held : undefined;
}

/** A line without `=` and one that says `true` come out alike. */
function oddShape(held: unknown): string {
  if (held === true) {
    return "has no value or is true";
  }
  if (Array.isArray(held)) {
    return "is a list of lines";
  }
  return isBranch(held) ? "is a section" : `is ${held === false ? "false" : "null"}`;
}
