/**
 * What an ini file may say, and that everything odd in one is a clear line and never a crash.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { SECTIONS, SETTING_NAMES } from "../../src/server/settings-table.ts";
import { loadSettings } from "../../src/server/settings.ts";
import type { LoadedSettings, Settings } from "../../src/server/settings.ts";

function load(text: string): LoadedSettings {
  return loadSettings({ flags: {}, env: {}, file: { path: "fstream.ini", text } });
}

function settled(text: string): Settings {
  const loaded = load(text);
  if (!loaded.ok) {
    throw new Error(loaded.errors.join("\n"));
  }
  return loaded.settings;
}

function errorsOf(...lines: string[]): readonly string[] {
  const loaded = load(lines.join("\n"));
  return loaded.ok ? [] : loaded.errors;
}

describe("a settings file", () => {
  test("gives settings by section", () => {
    const text = "[server]\nport=1\n[channel]\nlinger = 3 ; seconds\n[limits]\nmax-connections=5\n";
    expect(settled(text)).toMatchObject({ port: 1, linger: 3_000, "max-connections": 5 });
  });

  test("may be empty, all comment, or written elsewhere: a byte order mark and CRLF do no harm", () => {
    expect(settled("").port).toBe(61_920);
    expect(settled("# port\n; [server]\n").port).toBe(61_920);
    expect(settled("\uFEFF[server]\r\nport = 1\r\nlog-level = warn\r\n")).toMatchObject({
      port: 1,
      "log-level": "warn",
    });
  });

  test("may give a section in two parts, and the last of two lines counts", () => {
    expect(settled("[server]\nport=1\n[limits]\n[server]\nport=2").port).toBe(2);
  });

  test("keeps backslashes and semicolons of a path in single quotes", () => {
    const folder = String.raw`C:\temp\users;old #1`;
    expect(settled(`[server]\nusers = '${folder}'`).users).toBe(folder);
  });

  test("keeps them in double quotes where backslashes are doubled", () => {
    const text = String.raw`[server]
users = "C:\\temp\\users;old"`;
    expect(settled(text).users).toBe(String.raw`C:\temp\users;old`);
  });

  test.each([String.raw`"C:\temp"`, String.raw`"C:\users"`, `"my users" ; ours`])(
    "refuses the path %p, whose quotes do not do what they seem to",
    (path) => {
      expect(errorsOf("[server]", `users = ${path}`)).toEqual([
        expect.stringMatching(/^users is ".*" \(from fstream.ini, \[server\]\): it takes a path/),
      ]);
    },
  );

  test("keeps single backslashes of a path without quotes", () => {
    expect(
      settled(String.raw`[server]
users = C:\temp\users`).users,
    ).toBe(String.raw`C:\temp\users`);
  });

  test("takes a number in quotes of either sort", () => {
    expect(settled(`[server]\nport = "80"`).port).toBe(80);
    expect(settled(`[server]\nport = '80'`).port).toBe(80);
  });
});

describe("a mistake in a settings file", () => {
  test("in a value names the setting, the value, the place and what is right", () => {
    expect(errorsOf("[server]", "port = eighty")).toEqual([
      `port is "eighty" (from fstream.ini, [server]): a port is a number from 0 to 65535`,
    ]);
  });

  test("in a name suggests the nearest, and its section where that is another", () => {
    expect(errorsOf("[channel]", "colaesce = 5", "prot = 5", "elephant-bitrate = 5")).toEqual([
      "colaesce (from fstream.ini, [channel]) is no setting; did you mean coalesce?",
      "prot (from fstream.ini, [channel]) is no setting; did you mean port, in [server]?",
      "elephant-bitrate (from fstream.ini, [channel]) is no setting",
    ]);
  });

  test("in the section says the right one", () => {
    expect(errorsOf("linger = 5", "[limits]", "port = 80")).toEqual([
      "linger (from fstream.ini, before any section) belongs in [channel]",
      "port (from fstream.ini, [limits]) belongs in [server]",
    ]);
  });

  test("in a section's name suggests the nearest, or lists them, once and not for every key", () => {
    expect(errorsOf("[chanel]", "linger = 5", "stall = 5", "[DEFAULT]", "[]")).toEqual([
      "[chanel] in fstream.ini is no section; did you mean [channel]?",
      "[DEFAULT] in fstream.ini is no section; the sections are [server], [channel], [limits], [admin], [record], [hooks], [cluster]",
      "[] in fstream.ini is no section; the sections are [server], [channel], [limits], [admin], [record], [hooks], [cluster]",
    ]);
  });

  test("in the line of a section says how one is written", () => {
    const right = "a section is its name in brackets, alone at the start of a line";
    expect(errorsOf("[server] ; main", " [channel]", "[limits", "server")).toEqual([
      `[server] (from fstream.ini, before any section) is no setting: ${right}`,
      `[channel] (from fstream.ini, before any section) is no setting: ${right}`,
      `[limits (from fstream.ini, before any section) is no setting: ${right}`,
      `server (from fstream.ini, before any section) is no setting: ${right}`,
    ]);
  });

  test("of shape is told apart: no value, a list, a section within", () => {
    const right = "(from fstream.ini, [server]): a port is a number from 0 to 65535";
    expect(errorsOf("[server]", "port")).toEqual([`port has no value or is true ${right}`]);
    expect(errorsOf("[server]", "port = true")).toEqual([`port has no value or is true ${right}`]);
    expect(errorsOf("[server]", "port = false")).toEqual([`port is false ${right}`]);
    expect(errorsOf("[server]", "port = null")).toEqual([`port is null ${right}`]);
    expect(errorsOf("[server]", "port[] = 1", "port[] = 2")).toEqual([
      `port is a list of lines ${right}`,
    ]);
    expect(errorsOf("[server.port]", "x = 1")).toEqual([`port is a section ${right}`]);
    expect(errorsOf("[server.main]", "port = 1")).toEqual([
      "[server.main] (from fstream.ini, [server]) is no section: sections have none within",
    ]);
  });

  test("that makes a list of a section is told how one is written", () => {
    const [error] = errorsOf("server[] = 1");
    expect(error).toStartWith("server (from fstream.ini, before any section) is no setting: a sec");
  });

  test.each([
    "a.b = null\n[a.b.c]\nx = 1",
    "a = null\n[a.b]\nx = 1",
    "server[] = 1\n[server]\nlength = x",
    "server = 1\n[server]\nport = 80",
    "'null' = 1",
    `server = '{"__proto__": {"port": 1}}'`,
    `server = '[1, 2]'`,
    `[server]\nport = '{"port": 80}'`,
    "[server]\n'5' = 1",
    "[a.b.c]\n[a]\nb = 1\n[a.b.d]",
  ])("that the parser stumbles over is still only a line: %p", (text) => {
    expect(errorsOf(text).length).toBeGreaterThan(0);
  });
});

test("__proto__ in a file changes no object", () => {
  const lines = ["__proto__ = 1", "[__proto__]", "port = 1", "[server.__proto__]", "port = 1"];
  load(lines.join("\n"));
  load(`server = '{"__proto__": {"port": 1}}'\n[constructor.prototype]\nport = 1`);
  expect(Object.hasOwn(Object.prototype, "port")).toBe(false);
  expect(({} as Record<string, unknown>)["port"]).toBeUndefined();
  expect(settled("[__proto__]\nport = 1").port).toBe(61_920);
});

test("whatever the text of a file is, the answer is settings or lines", () => {
  const words = fc.oneof(
    fc.constantFrom(...SECTIONS, ...SETTING_NAMES, "__proto__", "constructor", "length", "null"),
    fc.constantFrom("true", "a", "[]", `'{"a":{}}'`, `"[1]"`, "'5'", "\\", "\uFEFF", "\0", "5s"),
    fc.string({ maxLength: 5, unit: "binary" }),
  );
  const lines = fc.oneof(
    fc.tuple(words, words).map(([key, value]) => `${key} = ${value}`),
    fc.tuple(words, words).map(([key, value]) => `${key}[]=${value}`),
    words.map((word) => `[${word}]`),
    fc.tuple(words, words).map(([outer, inner]) => `[${outer}.${inner}]`),
    words,
  );
  const texts = fc.oneof(
    fc.array(lines).map((all) => all.join("\n")),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const loaded = load(text);
      const found = loaded.ok ? Object.keys(loaded.settings) : loaded.errors;
      expect(found.length).toBeGreaterThan(0);
    }),
    { numRuns: 1_000 },
  );
});
