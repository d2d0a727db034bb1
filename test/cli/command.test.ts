/**
 * Flags and words: what is let through means to citty what the person meant, and what is not gets
 * a sentence.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parseArgs as parseStrictly } from "node:util";
import { parseArgs, runCommand, type ArgsDef } from "citty";
import * as fc from "fast-check";
import { checkArgs, command } from "../../src/cli/command.ts";
import { UsageError } from "../../src/cli/talk.ts";

const ARGS: ArgsDef = {
  server: { type: "positional", required: false },
  user: { type: "string", alias: "u" },
  "user-password": { type: "string" },
  join: { type: "enum", options: ["live", "raw"], alias: ["j", "J"] },
  quiet: { type: "boolean", alias: "q" },
  wait: { type: "boolean", default: true },
};

/** What is said against `words`; undefined where nothing is. */
function complaint(...words: string[]): string | undefined {
  try {
    checkArgs(words, ARGS);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) {
      return error.message;
    }
    throw error;
  }
}

describe("a flag", () => {
  test("may stand anywhere, with its value behind it or behind =", () => {
    expect(complaint()).toBeUndefined();
    expect(complaint("--user", "bob", "host:80", "--quiet")).toBeUndefined();
    expect(complaint("host:80", "--user=bob", "--user-password=")).toBeUndefined();
    expect(complaint("--user=a=b", "--user-password=--quiet")).toBeUndefined();
    expect(complaint("--user-password=a\nb", "--join", "live")).toBeUndefined();
  });

  test("may be given by each of its short names", () => {
    expect(complaint("-u", "bob", "-q", "-j", "live", "-J", "raw")).toBeUndefined();
  });

  test("that is a switch may be turned off by --no-", () => {
    expect(complaint("--no-wait", "--no-quiet", "--wait")).toBeUndefined();
    expect(complaint("--no-user")).toStartWith("there is no flag --no-user");
    expect(complaint("--no-q")).toStartWith("there is no flag --no-q");
  });

  test("that does not exist suggests the nearest one that does", () => {
    const near: [typed: string, meant: string][] = [
      ["--usr", "--user"],
      ["--User", "--user"],
      ["--user-pasword=x", "--user-password"],
      ["--user_password", "--user-password"],
      ["-user", "--user"],
      ["--qiet", "--quiet"],
      ["--on-wait", "--wait"],
    ];
    for (const [typed, meant] of near) {
      const [flag] = typed.split("=");
      expect(complaint(typed)).toBe(`there is no flag ${flag}; did you mean ${meant}?`);
    }
  });

  test("that is like no other points to the help", () => {
    for (const flag of ["--verbose", "--__proto__", "-x", "---", "-1"]) {
      expect(complaint(flag)).toBe(`there is no flag ${flag}; see --help`);
    }
  });

  test("does not go by the name of a word", () => {
    expect(complaint("--server", "host")).toStartWith("there is no flag --server");
  });

  test("does not share its dash with another, nor with its value", () => {
    for (const words of [["-qu", "bob"], ["-ubob"], ["-uq"]]) {
      expect(complaint(...words)).toStartWith(`there is no flag ${words[0]}`);
    }
  });

  test("by its short name takes no =, which would become part of the value", () => {
    expect(complaint("-u=bob")).toBe("-u takes no =; write -u VALUE");
    expect(complaint("-q=true")).toStartWith("-q takes no");
  });

  test("needs its value, which another flag or the end is not", () => {
    for (const behind of [[], ["--quiet"], ["-q"], ["--"], ["--", "bob"], ["-"]]) {
      expect(complaint("--user", ...behind)).toBe("--user needs a value: write --user=VALUE");
      expect(complaint("--join", ...behind)).toBe("--join needs a value: write --join=VALUE");
    }
    expect(complaint("-u")).toStartWith("-u needs a value");
  });

  test("that is a switch takes no value", () => {
    expect(complaint("--quiet=true")).toBe("--quiet takes no value");
    expect(complaint("--quiet=")).toBe("--quiet takes no value");
    expect(complaint("--no-wait=1")).toBe("--no-wait takes no value");
  });

  test("that is misspelt does not show its value, which may be a password", () => {
    for (const flag of ["--user-pasword", "--nothing", "--quiet", "--no-wait", "-u", "-x"]) {
      expect(complaint(`${flag}=s3cret`)).not.toContain("s3cret");
    }
  });
});

describe("a word", () => {
  test("is one too many where the command takes no more", () => {
    expect(complaint("host")).toBeUndefined();
    expect(complaint("host", "more")).toBe('"more" is one word too many; see --help');
    expect(complaint("--quiet", "host", "--user", "bob", "more", "yet")).toContain('"more"');
  });

  test("behind -- may begin with a dash, and is counted", () => {
    expect(complaint("--")).toBeUndefined();
    expect(complaint("--", "--user")).toBeUndefined();
    expect(complaint("host", "--")).toBeUndefined();
    expect(complaint("host", "--", "-x")).toBe("there are words too many after --; see --help");
    expect(complaint("--", "a", "--")).toBe("there are words too many after --; see --help");
  });

  test("may be a lone dash, or empty", () => {
    expect(complaint("-")).toBeUndefined();
    expect(complaint("")).toBeUndefined();
    expect(complaint("-", "")).toContain("too many");
  });
});

test("words of any kind are let through exactly where Node's strict parser takes them", () => {
  // Left out is where the two differ on purpose: short flags in one word, and a lone dash.
  const plain = ["bob", "host:80", "", "a=b", "no-wait", "--", "---", "--=x"];
  const flags = ["--user", "--join", "--quiet", "--wait", "--no-wait", "--no-quiet", "-u", "-q"];
  const others = ["--user=", "--user=bob", "--user==", "--user=-x", "--quiet=1", "--no-user"];
  const word = fc.constantFrom(...plain, ...flags, ...flags, ...others, "--usr", "--no-wait=1");
  let passed = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const { values, positionals } = strictly(words) ?? {};
      const good = positionals !== undefined && positionals.length <= 1;
      expect(complaint(...words) === undefined).toBe(good);
      if (good) {
        passed++;
        const args: ArgsDef = { ...ARGS, join: { type: "string" } };
        const read: Record<string, unknown> = parseArgs(words, args);
        expect(read["_"]).toEqual(positionals);
        // To citty a --no- counts more than the same flag without it, wherever they stand.
        const flagged = words.slice(0, [...words, "--"].indexOf("--"));
        const quiet = flagged.includes("--no-quiet") ? false : values?.quiet;
        const wait = flagged.includes("--no-wait") ? false : (values?.wait ?? true);
        const meant: Record<string, unknown> = { ...values, server: positionals[0], quiet, wait };
        for (const [name, value] of Object.entries(meant)) {
          expect([name, read[name]]).toEqual([name, value]);
        }
      }
    }),
    { numRuns: 5000 },
  );
  expect(passed).toBeGreaterThan(500);
});

/** What Node makes of `words`, or undefined where it refuses them. */
function strictly(words: string[]) {
  try {
    return parseStrictly({
      args: words,
      strict: true,
      allowPositionals: true,
      allowNegative: true,
      options: {
        user: { type: "string", short: "u" },
        join: { type: "string" },
        quiet: { type: "boolean", short: "q" },
        wait: { type: "boolean" },
      },
    });
  } catch {
    return undefined;
  }
}

test("a command does not run with what it does not know", async () => {
  const runs: string[] = [];
  const known = command({
    args: ARGS,
    run({ args }) {
      runs.push(String(args["user"]));
    },
  });
  await runCommand(known, { rawArgs: ["--user", "bob"] });
  expect(runs).toEqual(["bob"]);
  const refused = runCommand(known, { rawArgs: ["--usr", "bob"] });
  expect(await refused.catch((error: unknown) => error)).toBeInstanceOf(UsageError);
  expect(runs).toEqual(["bob"]);
});

test("a request that is longer than the protocol carries is refused before any connection", () => {
  const long = "x".repeat(4096);
  const main = join(import.meta.dir, "../../src/cli/main.ts");
  const forms = [
    ["watch", "127.0.0.1:1", "--user", "bob", "--channel-password", long],
    ["127.0.0.1:1", `watch,user=bob,channel-password=${long}`],
  ];
  for (const words of forms) {
    const run = Bun.spawnSync([process.execPath, main, ...words], { stdin: "ignore" });
    expect(run.stderr.toString()).toBe(
      "fstream: names and passwords are too long: together they take up to 4096 bytes\n",
    );
    expect(run.exitCode).toBe(2);
  }
});
