/**
 * The dialect of user files: what Python's configparser itself says, and what the `ini` package would say instead.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readConfig, type Config, type FileProblem } from "../../src/auth/configfile.ts";
import { readings, readUserFile } from "../../src/auth/userfile.ts";
import { describeWith } from "../support/tools.ts";
import { configparserOracle, type Reading } from "./oracle.ts";

/** Pieces that mean something to configparser, to ini, to JSON or to JavaScript. */
const piece = fc.constantFrom(
  ..."[DEFAULT] [other] [DEFAULT.password] [__proto__] [a]b] [] [ ] PassWord password".split(" "),
  ..."password-hash key a.b a[] __proto__ constructor true false null 0 = : # ; \" '".split(" "),
  ..."\\ \\; % %% %(key)s $ é İ ß K Σ \0 \ufeff \u200b \ud83d\ude00".split(" "),
  ..." ,  ,\t,\v,\f,\x1c,\x1f,\x85,\xa0,\u2028,\u2029,\u3000".split(","),
);
const lineEnd = fc.constantFrom("\n", "\r\n", "\r", "\n\n");
const indent = fc.constantFrom("", "", "", " ", "  ", "\t", "\xa0");
const header = fc.constantFrom("[DEFAULT]", "[DEFAULT] # a", " [DEFAULT]", "[x]", "[DEFAULT.a]");
const key = fc.constantFrom(..."password,Password,password-hash,a,b b,c;,d[],__proto__".split(","));
const delimiter = fc.constantFrom("=", ":", " = ", "\t:\t", "= ", " :");
const soup = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
const entry = joined(key, delimiter, soup);
const anyFile = fc.oneof(
  linesOf(soup, header, entry),
  joined(fc.constantFrom("[DEFAULT]\n", "\ufeff[DEFAULT]\r\n"), linesOf(entry)),
  joined(fc.constant("[DEFAULT]\npassword="), linesOf(soup)),
);

function joined(...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...parts).map((texts) => texts.join(""));
}

function linesOf(...kinds: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const line = joined(indent, fc.oneof(...kinds), lineEnd);
  return fc.array(line, { maxLength: 8 }).map((lines) => lines.join(""));
}

/** Ours in the shape of Python's: there the default section always exists. */
function asReading(config: Config | FileProblem): Pick<Reading, "error" | "sections"> {
  if ("problem" in config) {
    return { error: "refused" };
  }
  const sections = [...config].map(([name, values]) => [name, Object.fromEntries(values)]);
  return { sections: { DEFAULT: {}, ...Object.fromEntries(sections) } };
}

function valueIn(text: string, section: string, name: string): string | undefined {
  const config = readConfig(text);
  return "problem" in config ? config.problem : config.get(section)?.get(name);
}

function problemOf(text: string): string | undefined {
  const config = readConfig(text);
  return "problem" in config ? config.problem : undefined;
}

describeWith("python3", "compared with Python's configparser", () => {
  const askPython = configparserOracle();

  test("any file is read, or refused, in the same way", async () => {
    let readable = 0;
    await fc.assert(
      fc.asyncProperty(anyFile, async (text) => {
        const { error, sections } = await askPython(text);
        readable += error === undefined ? 1 : 0;
        const expected = sections === undefined ? { error: "refused" } : { sections };
        expect(asReading(readConfig(text))).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
    expect(readable).toBeGreaterThan(750);
  }, 60_000);

  test("a password of any characters is read in the same way", async () => {
    const characters = fc.string({ unit: "binary", maxLength: 40 });
    const password = characters.map((text) => text.replace(/[\r\n]/g, ""));
    await fc.assert(
      fc.asyncProperty(password, delimiter, lineEnd, async (value, sign, end) => {
        const text = `[DEFAULT]${end}password${sign}${value}${end}`;
        const { sections } = await askPython(text);
        const file = readUserFile(text);
        const read = "problem" in file ? file.problem : file.password;
        expect(read).toBe(sections?.["DEFAULT"]?.["password"] ?? "Python found none");
      }),
      { numRuns: 1500 },
    );
  }, 60_000);

  test("what the interpolating parser makes of a password is among its readings", async () => {
    const part = fc.constantFrom("%%", "%", "%(user)s", "a", "(", "%%%%", "s");
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        const raw = parts.join("");
        const { password } = await askPython(`[DEFAULT]\nuser=x\npassword=${raw}\n`);
        const escaped = typeof password === "string" && !raw.replaceAll("%%", "").includes("%");
        expect(readings(raw)).toEqual(escaped && password !== raw ? [raw, password] : [raw]);
      }),
      { numRuns: 500 },
    );
  }, 60_000);
});

describe("readConfig", () => {
  test("keeps a value as it is where ini alone would change it", () => {
    const words = [
      "a;b",
      "a#b",
      "true",
      "false",
      "null",
      '"quoted"',
      "'q'",
      '"half',
      "\\",
      "a\\;b",
    ];
    const others = [
      "a ; b # c",
      "[x]",
      "a=b:c",
      "a\u2028b",
      "пароль",
      "\ud83d\ude00",
      "x".repeat(5000),
    ];
    for (const value of [...words, ...others]) {
      expect(valueIn(`[DEFAULT]\nkey=${value}\nother=1\n`, "DEFAULT", "key")).toBe(value);
    }
  });

  test("keeps a name as it is where ini alone would change it", () => {
    for (const name of [
      "a.b",
      "a[]",
      "__proto__",
      "a;b",
      "a#b",
      '"a"',
      "%0041",
      "é",
      "true",
      "1",
    ]) {
      const text = `[${name}]\n${name}=x\n[DEFAULT]\n${name}=y\n`;
      expect(valueIn(text, name, name)).toBe("x");
      expect(valueIn(text, "DEFAULT", name)).toBe("y");
    }
  });

  test("names the line of a problem and repeats nothing of it", () => {
    expect(problemOf("password=secret\n")).toBe("line 1 comes before any [section]");
    expect(problemOf("[DEFAULT]\nsecret\n")).toBe("line 2 has neither = nor :");
    expect(problemOf("[DEFAULT]\r\n\r\n=secret\r\n")).toBe(
      "line 3 has nothing before its delimiter",
    );
    expect(problemOf("[DEFAULT]\nsecret=1\nSecret:2\n")).toBe("line 3 repeats a key");
    expect(problemOf("[secret]\n[secret]\n")).toBe("line 2 repeats a section");
  });

  test("takes no long time for a long line of white space", () => {
    const started = performance.now();
    readConfig(`[DEFAULT]\npassword=${" ".repeat(65_000)}x${" ".repeat(65_000)}\n`);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
