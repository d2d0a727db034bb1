/**
 * The users folder as a server sees it: who gets in, what the others are told, and what the log is told.
 */
import { expect, test } from "bun:test";
import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { AuthRequest } from "../../src/auth/authenticator.ts";
import { hashChecks } from "../../src/auth/hashes.ts";
import { usersFolder, type UsersFolderOptions } from "../../src/auth/users.ts";
import type { Refusal } from "../../src/core/errors.ts";
import { USER_FILE_MAX_BYTES } from "../../src/core/limits.ts";
import { describeWith } from "../support/tools.ts";
import { countingFiles, request, temporaryFolder } from "./helpers.ts";

const WRONG: Refusal = { code: "unauthorized", message: "wrong user or password" };

/** Cheap to check: tests look at answers, not at strength. */
function cheapHash(password: string): Promise<string> {
  return Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
}

/** An authenticator over `folder`, with its log. */
function over(folder: string, options: Partial<UsersFolderOptions> = {}) {
  const problems: string[] = [];
  const users = usersFolder({ folder, onProblem: (line) => problems.push(line), ...options });
  const ask = (changes: Partial<AuthRequest>) => users.authenticate(request(changes));
  return { problems, ask, tryPassword: (userPassword: string) => ask({ userPassword }) };
}

test("a password of the Python program lets its sender in, whatever its characters", async () => {
  await using folder = await temporaryFolder();
  const passwords = [
    "foobar",
    "a;b",
    "a#b",
    "true",
    '"quoted"',
    "'q'",
    "a=b:c",
    "x y",
    "пароль",
    "\\",
  ];
  const { tryPassword } = over(folder.path);
  for (const password of passwords) {
    await folder.write("bob", `[DEFAULT]\npassword=${password}\n`);
    expect(await tryPassword(password)).toBeNull();
    expect(await tryPassword(password + "x")).toEqual(WRONG);
    expect(await tryPassword(password.slice(0, -1))).toEqual(WRONG);
  }
});

test("a doubled percent sign may be sent as either Python parser reads it", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\npassword=100%%\n");
  const { tryPassword } = over(folder.path);
  expect(await tryPassword("100%%")).toBeNull();
  expect(await tryPassword("100%")).toBeNull();
  expect(await tryPassword("100")).toEqual(WRONG);
});

test("a hash counts, and then the password beside it does not", async () => {
  await using folder = await temporaryFolder();
  const { tryPassword } = over(folder.path);
  const hashes = [
    await cheapHash("new"),
    await Bun.password.hash("new", { algorithm: "bcrypt", cost: 4 }),
  ];
  for (const hash of hashes) {
    await folder.write("bob", `[DEFAULT]\npassword=old\npassword-hash=${hash}\n`);
    expect(await tryPassword("new")).toBeNull();
    expect(await tryPassword("old")).toEqual(WRONG);
    expect(await tryPassword("")).toEqual(WRONG);
    expect(await tryPassword(hash)).toEqual(WRONG);
  }
});

test("a user without a password lets anyone broadcast", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\n");
  const { ask } = over(folder.path);
  expect(await ask({})).toBeNull();
  expect(await ask({ userPassword: "anything" })).toBeNull();
});

test("an empty password is not the same as none", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\npassword=\n");
  const { ask } = over(folder.path);
  expect(await ask({})).toEqual(WRONG);
  expect(await ask({ userPassword: "" })).toBeNull();
});

test("a broadcaster is told the same for every reason, and the log which it is", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\npassword=s3cret\n");
  await folder.write("eve", "[DEFAULT]\npassword s3cret\n");
  const { ask, problems } = over(folder.path);
  expect(await ask({ userPassword: "gue55" })).toEqual(WRONG);
  expect(await ask({ address: "" })).toEqual(WRONG);
  expect(await ask({ user: "nobody", userPassword: "gue55" })).toEqual(WRONG);
  expect(await ask({ user: "eve", userPassword: "gue55" })).toEqual(WRONG);
  expect(await ask({ user: "../bob\nINFO", userPassword: "gue55" })).toEqual(WRONG);
  expect(problems).toEqual([
    "refused broadcast by bob from 192.0.2.1: wrong password",
    "refused broadcast by bob from a unix socket: it sent no password",
    "refused broadcast by nobody from 192.0.2.1: no such user",
    "refused broadcast by eve from 192.0.2.1: eve.ini cannot be used: line 2 has neither = nor :",
    "refused broadcast by an impossible name from 192.0.2.1: no such user",
  ]);
});

test("a watcher needs the user to exist, and no password", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\npassword=x\n");
  await folder.write("broken", "password=x\n");
  const { ask, problems } = over(folder.path);
  expect(await ask({ verb: "watch" })).toBeNull();
  expect(await ask({ verb: "watch", user: "broken" })).toBeNull();
  expect(await ask({ verb: "watch", user: "nobody" })).toHaveProperty("code", "not-found");
  expect(problems).toEqual([]);
});

test("a name that cannot be one never reaches the file system", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\n");
  const files = countingFiles();
  const { ask } = over(join(folder.path, "users"), { files });
  for (const user of [
    "../bob",
    "",
    ".",
    "..",
    ".bob",
    "a/b",
    "a\\b",
    "bob\0",
    "b\n",
    "x".repeat(65),
    "é",
  ]) {
    expect(await ask({ user })).toEqual(WRONG);
    expect(await ask({ user, verb: "watch" })).toHaveProperty("code", "not-found");
  }
  expect([...files.stats, ...files.reads, ...files.lists]).toEqual([]);
});

test("a file that cannot be used lets nobody in", async () => {
  await using folder = await temporaryFolder();
  await folder.write("long", "[DEFAULT]\n" + "#".repeat(USER_FILE_MAX_BYTES));
  await folder.write("latin", Buffer.from("[DEFAULT]\npassword=\xe9\n", "latin1"));
  await folder.write("hash", "[DEFAULT]\npassword-hash=plain\n");
  await folder.write("headless", "password=x\n");
  await mkdir(join(folder.path, "dir.ini"));
  await symlink("loop.ini", join(folder.path, "loop.ini"));
  const { ask, problems } = over(folder.path);
  for (const user of ["long", "latin", "hash", "headless", "dir", "loop"]) {
    expect(await ask({ user, userPassword: "x" })).toEqual(WRONG);
  }
  expect(problems.map((line) => line.replace(/^.* used: /, ""))).toEqual([
    "it is longer than 65536 bytes",
    "it is not UTF-8",
    "its password-hash is neither of argon2 nor of bcrypt",
    "line 1 comes before any [section]",
    "it is no regular file",
    "ELOOP",
  ]);
});

describeWith("mkfifo", "a pipe in place of a file", () => {
  test("lets nobody in, and nobody waits for what it might hold", async () => {
    await using folder = await temporaryFolder();
    expect(Bun.spawnSync(["mkfifo", join(folder.path, "pipe.ini")]).exitCode).toBe(0);
    const { ask, problems } = over(folder.path);
    expect(await ask({ user: "pipe", userPassword: "x" })).toEqual(WRONG);
    expect(problems[0]).toEndWith("it is no regular file");
  });
});

test("a file of exactly the longest length counts, and so does a link to a file", async () => {
  await using folder = await temporaryFolder();
  const start = "[DEFAULT]\npassword=x\n#";
  await folder.write("bob", start.padEnd(USER_FILE_MAX_BYTES, "#"));
  await symlink("bob.ini", join(folder.path, "link.ini"));
  const { ask } = over(folder.path);
  for (const user of ["bob", "link"]) {
    expect(await ask({ user, userPassword: "x" })).toBeNull();
    expect(await ask({ user, userPassword: "y" })).toEqual(WRONG);
  }
});

test("a missing folder has no users", async () => {
  await using folder = await temporaryFolder();
  const { ask } = over(join(folder.path, "none"));
  expect(await ask({})).toEqual(WRONG);
  expect(await ask({ verb: "watch" })).toHaveProperty("code", "not-found");
});

test("every change counts for the next connection, even among many of the same length", async () => {
  await using folder = await temporaryFolder();
  const { tryPassword } = over(folder.path);
  for (let i = 100; i < 300; i++) {
    await folder.write("bob", `[DEFAULT]\npassword=${i}\n`);
    expect(await tryPassword(String(i))).toBeNull();
    expect(await tryPassword(String(i - 1))).toEqual(WRONG);
  }
  await rm(join(folder.path, "bob.ini"));
  expect(await tryPassword("299")).toEqual(WRONG);
  await folder.write("bob", "[DEFAULT]\npassword=back\n");
  expect(await tryPassword("back")).toBeNull();
});

test("a file cut off in its password's key lets nobody in until it is whole", async () => {
  await using folder = await temporaryFolder();
  const whole = "[DEFAULT]\npassword=x\n";
  const { ask, tryPassword } = over(folder.path);
  for (let length = "[DEFAULT]\np".length; length < "[DEFAULT]\npassword=".length; length++) {
    await folder.write("bob", whole.slice(0, length));
    expect(await ask({})).toEqual(WRONG);
  }
  await folder.write("bob", whole);
  expect(await tryPassword("x")).toBeNull();
});

test("a hash that nobody can check lets nobody in and is reported", async () => {
  await using folder = await temporaryFolder();
  await folder.write(
    "bob",
    "[DEFAULT]\npassword-hash=$argon2id$v=19$m=65536,t=2,p=1$YWJjZGVm$YWJj\n",
  );
  const { tryPassword, problems } = over(folder.path);
  expect(await tryPassword("x")).toEqual(WRONG);
  expect(problems.join()).toContain("its hash cannot be checked");
});

test("when too many hashes wait the rest are refused with limit, and plain passwords go on", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", `[DEFAULT]\npassword-hash=${await cheapHash("x")}\n`);
  await folder.write("plain", "[DEFAULT]\npassword=x\n");
  const answer = Promise.withResolvers<boolean>();
  const hashes = hashChecks({ verify: () => answer.promise, atOnce: 1, waitingMax: 1 });
  const { ask, tryPassword, problems } = over(folder.path, { hashes });
  const asked = Array.from({ length: 5 }, () => tryPassword("x"));
  expect(await Promise.race(asked)).toHaveProperty("code", "limit");
  expect(await ask({ user: "plain", userPassword: "x" })).toBeNull();
  answer.resolve(true);
  const codes = (await Promise.all(asked)).map((refused) => refused?.code);
  expect(codes.filter((code) => code === "limit").length).toBe(3);
  expect(codes.filter((code) => code === undefined).length).toBe(2);
  expect(problems.length).toBe(3);
});
