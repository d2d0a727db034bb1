/**
 * The table of settings as people read it: in the help of a command, and as an example file.
 */
import { safe } from "ini";
import { SECTIONS, SETTING_NAMES, rowOf } from "./settings-table.ts";
import type { Row, Section } from "./settings-row.ts";
import type { SettingName } from "./settings-table.ts";
import { describe } from "./settings-value.ts";

/** Columns of a line, as terminals and the source itself have them. */
const LINE_MAX_CHARS = 100;

/** Blanks between two columns. */
const GAP = "  ";

/** The lines of every setting by section: its flag, its default and its help, in columns. */
export function settingsHelp(): string {
  const flags = SETTING_NAMES.map((name) => `--${name}`);
  const widths = [widest(flags), widest(SETTING_NAMES.map(shownDefault))] as const;
  return SECTIONS.map((section) => helpOfSection(section, widths)).join("\n");
}

function helpOfSection(section: Section, widths: readonly [number, number]): string {
  const lines = namesIn(section).flatMap((name) => helpOfSetting(name, widths));
  return [`[${section}]`, ...lines, ""].join("\n");
}

function helpOfSetting(name: SettingName, widths: readonly [number, number]): string[] {
  const columns = [`--${name}`.padEnd(widths[0]), shownDefault(name).padEnd(widths[1])];
  const head = ["", ...columns, ""].join(GAP);
  const [first = "", ...rest] = wrapped(described(rowOf(name)), LINE_MAX_CHARS - head.length);
  return [head + first, ...rest.map((line) => " ".repeat(head.length) + line)];
}

/** The star says that the setting is live. */
function described(row: Row): string {
  return row.live === true ? `${describe(row)} *` : describe(row);
}

function shownDefault(name: SettingName): string {
  const text = rowOf(name).default;
  return text === "" ? "none" : text;
}

/** A file that changes nothing, and says of every setting what it would be. */
export function exampleIni(): string {
  const head = [
    "# Every setting of fstream and its default. Take the semicolon away to change one.",
    "# A flag (--port) overrides the environment (FSTREAM_PORT), and that overrides this file.",
    "# What ends with * changes when SIGHUP has the file read again; the rest at the next start.",
  ];
  return `${[...head, ...SECTIONS.flatMap(exampleOfSection)].join("\n")}\n`;
}

function exampleOfSection(section: Section): string[] {
  return ["", `[${section}]`, ...namesIn(section).flatMap(exampleOfSetting)];
}

function exampleOfSetting(name: SettingName): string[] {
  const row = rowOf(name);
  const help = wrapped(described(row), LINE_MAX_CHARS - 2).map((line) => `# ${line}`);
  return ["", ...help, `;${name} = ${safe(row.default)}`.trimEnd()];
}

function namesIn(section: Section): SettingName[] {
  return SETTING_NAMES.filter((name) => rowOf(name).section === section);
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length));
}

/** Breaks between words, so that no line is longer than `width` unless a word is. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
