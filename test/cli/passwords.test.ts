/**
 * Where a password comes from, and which place wins.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askFrom, type ClientFlags } from "../../src/cli/client.ts";
import { findPassword, passwordFromFile, type PasswordSources } from "../../src/cli/passwords.ts";
import { UsageError } from "../../src/cli/talk.ts";
import { readFields } from "../../src/protocol/request.ts";
import { askPython } from "../protocol/helpers.ts";
import { describeWith } from "../support/tools.ts";

const NOWHERE: PasswordSources = {
  name: "user-password",
  flag: undefined,
  file: undefined,
  ask: undefined,
  url: undefined,
  env: undefined,
  envFile: undefined,
};

const saved = { ...process.env };
let folder = "";
let count = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fstream-passwords-"));
  forget();
});
afterEach(async () => {
  forget();
  Object.assign(process.env, saved);
  await rm(folder, { recursive: true });
});

/** What the tester's own environment says must count for nothing here. */
function forget(): void {
  for (const name of Object.keys(process.env).filter((key) => key.startsWith("FSTREAM_"))) {
    delete process.env[name];
  }
}

/** The path of a new file that holds `content`. */
async function file(content: string | Uint8Array): Promise<string> {
  const path = join(folder, `password-${count++}`);
  await Bun.write(path, content);
  return path;
}

/** The fields of the request that these flags make. */
async function asked(verb: "broadcast" | "watch", flags: ClientFlags) {
  const { ask } = await askFrom(verb, { user: "bob", ...flags }, {});
  return Object.fromEntries(readFields(ask.text).fields);
}

describe("a password", () => {
  test("is taken from the first place that gives one: flag, file, URL, environment", async () => {
    const places = {
      flag: "of the flag",
      file: await file("of the file\n"),
      url: "of the URL",
      env: "of the environment",
      envFile: await file("of the environment's file\n"),
    };
    const found: (string | undefined)[] = [];
    let left: PasswordSources = { ...NOWHERE, ...places };
    for (const place of ["flag", "file", "url", "env", "envFile"]) {
      found.push(await findPassword(left));
      left = { ...left, [place]: undefined };
    }
    expect(found).toEqual([
      "of the flag",
      "of the file",
      "of the URL",
      "of the environment",
      "of the environment's file",
    ]);
    expect(await findPassword(left)).toBeUndefined();
  });

  test("may be empty, which is not the same as none", async () => {
    expect(await findPassword({ ...NOWHERE, flag: "", url: "x" })).toBe("");
    expect(await findPassword({ ...NOWHERE, file: await file(""), env: "x" })).toBe("");
    expect(await findPassword({ ...NOWHERE, url: "", env: "x" })).toBe("");
    expect(await findPassword({ ...NOWHERE, env: "", envFile: "/none" })).toBe("");
  });

  test("is not asked for where the question is declined", async () => {
    expect(await findPassword({ ...NOWHERE, ask: false, url: "x" })).toBe("x");
  });

  test("of a file that nobody needs is not read", async () => {
    expect(await findPassword({ ...NOWHERE, flag: "x", file: "/none" })).toBe("x");
    expect(await findPassword({ ...NOWHERE, url: "x", envFile: "/none" })).toBe("x");
  });
});

describe("a password file", () => {
  test("gives its first line, whichever way its lines end", async () => {
    const contents: [content: string, password: string][] = [
      ["s3cret", "s3cret"],
      ["s3cret\n", "s3cret"],
      ["s3cret\r\n", "s3cret"],
      ["s3cret\r\nsecond\r\n", "s3cret"],
      ["s3cret\n\nthird", "s3cret"],
      ["  a b\t\n", "  a b\t"],
      ["a\rb\n", "a\rb"],
      ["пароль\u2028;#=\n", "пароль\u2028;#="],
      ["\ns3cret", ""],
      ["\r\n", ""],
      ["", ""],
    ];
    for (const [content, password] of contents) {
      expect(passwordFromFile(await file(content))).toBe(password);
    }
  });

  test("that is missing, or is a folder, is a mistake on the command line", async () => {
    const missing = join(folder, "none");
    expect(() => passwordFromFile(missing)).toThrow(UsageError);
    expect(() => passwordFromFile(missing)).toThrow(/^the password file cannot be read: ENOENT/);
    expect(() => passwordFromFile(folder)).toThrow(UsageError);
    for (const place of [{ file: missing, url: "x" }, { envFile: missing }]) {
      const found = await findPassword({ ...NOWHERE, ...place }).catch((error: unknown) => error);
      expect(found).toBeInstanceOf(UsageError);
    }
  });
});

describe("a request", () => {
  test("of a broadcaster takes the URL's password for the user's", async () => {
    const server = "fstream://bob:of-url@host/bob";
    expect(await asked("broadcast", { server })).toMatchObject({ "user-password": "of-url" });
    expect(await asked("broadcast", { server })).not.toHaveProperty("channel-password");
  });

  test("of a watcher takes the URL's password for the channel's", async () => {
    const server = "fstream://:of-url@host/bob";
    expect(await asked("watch", { server })).toMatchObject({ "channel-password": "of-url" });
    expect(await asked("watch", { server })).not.toHaveProperty("user-password");
  });

  test("prefers the flag's file and the URL to a file that the environment names", async () => {
    const path = await file("of-env-file\n");
    process.env["FSTREAM_USER_PASSWORD_FILE"] = path;
    process.env["FSTREAM_CHANNEL_PASSWORD_FILE"] = path;
    const both = { "user-password": "of-env-file", "channel-password": "of-env-file" };
    expect(await asked("broadcast", {})).toMatchObject(both);
    const server = "fstream://bob:of-url@host/bob";
    expect(await asked("broadcast", { server })).toMatchObject({ "user-password": "of-url" });
    expect(await asked("watch", { server })).toMatchObject({ "channel-password": "of-url" });
    const flagged = { "user-password-file": await file("of-flag-file\n") };
    expect(await asked("broadcast", flagged)).toMatchObject({ "user-password": "of-flag-file" });
  });

  test("of a watcher never holds the user's password from the environment", async () => {
    process.env["FSTREAM_USER_PASSWORD"] = "mine";
    expect(await asked("watch", {})).not.toHaveProperty("user-password");
    expect(await asked("broadcast", {})).toHaveProperty("user-password", "mine");
    delete process.env["FSTREAM_USER_PASSWORD"];
    process.env["FSTREAM_USER_PASSWORD_FILE"] = await file("mine\n");
    expect(await asked("watch", {})).not.toHaveProperty("user-password");
    expect(await asked("broadcast", {})).toHaveProperty("user-password", "mine");
  });

  test("with a comma in a password is refused without showing it", async () => {
    const refused = askFrom("watch", { user: "bob", "channel-password": "s3c,ret" }, {});
    expect(await refused.catch(String)).toBe(
      "Error: the channel-password holds a comma, which the protocol cannot carry",
    );
  });
});

/** Finds a password and prints its length, so that the terminal shows it only by an echo. */
const PROGRAM = `
import { findPassword } from ${JSON.stringify(join(import.meta.dir, "../../src/cli/passwords.ts"))};
const sources = JSON.parse(process.argv[1]);
const found = await findPassword(sources).catch((error) => error.message);
console.log("found " + (found?.length > 20 ? found : found?.length));
process.exit();
`;

/** Runs words on a terminal of their own, types the answer when asked, and keeps all it shows. */
const ON_A_TERMINAL = `
import os, pty
words, typed = given
pid, terminal = pty.fork()
if pid == 0:
    os.execv(words[0], words)
shown = b""
try:
    while True:
        more = os.read(terminal, 4096)
        if not more:
            break
        shown += more
        if typed and b"user-password: " in shown:
            os.write(terminal, typed.encode())
            typed = ""
except OSError:
    pass
os.waitpid(pid, 0)
answer = shown.decode()
`;

describeWith("python3", "a terminal", () => {
  const ask = { ...NOWHERE, ask: true, url: "of the URL", env: "of the environment" };
  const words = [process.execPath, "-e", PROGRAM, JSON.stringify(ask)];

  test("is asked before the URL and the environment, and shows nothing of the answer", () => {
    const shown = askPython(ON_A_TERMINAL, [words, "s3cret!\n"]);
    expect(shown).toContain("user-password: ");
    expect(shown).toContain("found 7");
    expect(shown).not.toContain("s3cret");
  }, 20_000);

  test("that answers with an interruption gives no password", () => {
    expect(askPython(ON_A_TERMINAL, [words, "\x03"])).toContain("found no password was given");
  }, 20_000);
});

test("without a terminal the question is a mistake on the command line", () => {
  const run = Bun.spawnSync(
    [process.execPath, "-e", PROGRAM, JSON.stringify({ ...NOWHERE, ask: true })],
    { stdin: "ignore", detached: true },
  );
  expect(run.stdout.toString()).toContain("found there is no terminal to ask for a password on");
});
