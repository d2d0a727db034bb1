/**
 * The table holds together, and the help and the example file that are made of it say what it says.
 */
import { describe, expect, test } from "bun:test";
import { BITRATE_WINDOW_MS } from "../../src/core/limits.ts";
import {
  SECTIONS,
  SETTING_NAMES,
  environmentName,
  rowOf,
} from "../../src/server/settings-table.ts";
import { parseValue } from "../../src/server/settings-value.ts";
import { exampleIni, loadSettings, settingsHelp } from "../../src/server/settings.ts";
import type { LoadedSettings } from "../../src/server/settings.ts";

function load(text: string): LoadedSettings {
  return loadSettings({ flags: {}, env: {}, file: { path: "fstream.ini", text } });
}

describe("the table", () => {
  test.each([...SETTING_NAMES])("has bounds and a default that %s itself takes", (name) => {
    const row = rowOf(name);
    expect(parseValue(row, row.default)).not.toBeNull();
    if ("min" in row) {
      expect(parseValue(row, String(row.min))).not.toBeNull();
      expect(parseValue(row, String(row.max))).not.toBeNull();
    }
  });

  test.each([...SETTING_NAMES])("names %s as flags and the environment can say it", (name) => {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(environmentName(name)).toMatch(/^FSTREAM_[A-Z]+(_[A-Z]+)*$/);
    expect(rowOf(name).help).toMatch(/^[A-Z].*\.$/);
  });
});

describe("the help", () => {
  const lines = settingsHelp().split("\n");

  test("is at most a hundred columns wide and has no blank at the end of a line", () => {
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
  });

  test("has a heading for every section and a line for every setting, in their order", () => {
    const heads = lines.flatMap((line) => /^(?:\[(.+)\]| {2}--(\S+))/.exec(line)?.slice(1) ?? []);
    const wanted = SECTIONS.flatMap((section) => [
      section,
      ...SETTING_NAMES.filter((name) => rowOf(name).section === section),
    ]);
    expect(heads.filter((head) => head !== undefined)).toEqual(wanted);
  });

  test("aligns the defaults and the sentences", () => {
    const starts = lines
      .filter((line) => line.startsWith("  --"))
      .map((line) => {
        const [, flag = "", value = ""] = /^( {2}--\S+ +)((?:\S| (?! ))+ +)/.exec(line) ?? [];
        return [flag.length, flag.length + value.length];
      });
    expect(new Set(starts.map(String)).size).toBe(1);
  });

  test("gives the unit of a bare number and the bounds", () => {
    const text = lines.join(" ").replaceAll(/ +/g, " ");
    expect(text).toContain("--coalesce 5ms Least time between two fan-outs");
    expect(text).toContain("From 0 to 10s; a bare number is milliseconds.");
    expect(text).toContain("From 256KiB to 1GiB; a bare number is bytes.");
    expect(text).toContain(`averaged over ${BITRATE_WINDOW_MS / 1000} seconds`);
    expect(text).toContain("One of error, warn, info or debug.");
    expect(text).toContain("--unix none Path of a unix socket");
  });
});

describe("the example file", () => {
  const example = exampleIni();

  test("changes nothing as it is", () => {
    const loaded = load(example);
    expect(loaded).toEqual(load(""));
    expect(loaded.ok).toBe(true);
  });

  test("says the defaults once its semicolons are gone, for every setting", () => {
    const loaded = load(example.replaceAll(/^;/gm, ""));
    const plain = load("");
    expect(loaded.ok && plain.ok && loaded.settings).toEqual(plain.ok && plain.settings);
    for (const name of SETTING_NAMES) {
      expect(loaded.ok && loaded.origins[name]).toBe(`fstream.ini, [${rowOf(name).section}]`);
    }
  });

  test("is at most a hundred columns wide and ends with its last line", () => {
    expect(example).toEndWith(";node =\n");
    for (const line of example.split("\n")) {
      expect(line.length).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
  });
});
