/**
 * What the command line does to the users folder.
 */
import { expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { usersFolder } from "../../src/auth/users.ts";
import { addUser, listUsers, removeUser } from "../../src/auth/userstore.ts";
import { caseBlind, request, temporaryFolder } from "./helpers.ts";

function broadcast(folder: string, user: string, userPassword?: string) {
  const users = usersFolder({ folder, onProblem: () => undefined });
  return users.authenticate(request({ user, userPassword }));
}

function textOf(folder: string, name: string): Promise<string> {
  return Bun.file(join(folder, `${name}.ini`)).text();
}

test("a user who was added gets in by the password only, and the file holds its hash", async () => {
  await using folder = await temporaryFolder();
  const users = join(folder.path, "deep", "users");
  await addUser(users, "bob", "a;b # c");
  expect(await textOf(users, "bob")).toMatch(/^\[DEFAULT\]\npassword-hash=\$argon2id\$\S+\n$/);
  expect(await broadcast(users, "bob", "a;b # c")).toBeNull();
  expect(await broadcast(users, "bob", "a")).toHaveProperty("code", "unauthorized");
});

test("a user added without a password is open", async () => {
  await using folder = await temporaryFolder();
  await addUser(folder.path, "bob", null);
  expect(await textOf(folder.path, "bob")).toBe("[DEFAULT]\n");
  expect(await broadcast(folder.path, "bob")).toBeNull();
});

test("only the owner may read a file that was added", async () => {
  await using folder = await temporaryFolder();
  await addUser(join(folder.path, "users"), "bob", "x");
  expect((await stat(join(folder.path, "users"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder.path, "users", "bob.ini"))).mode & 0o777).toBe(0o600);
});

test("a user that exists is replaced only on demand, and no draft stays behind", async () => {
  await using folder = await temporaryFolder();
  await folder.write("bob", "[DEFAULT]\npassword=old\n");
  const refused = await addUser(folder.path, "bob", "new").catch(String);
  expect(refused).toBe("Error: The user bob exists already.");
  expect(await textOf(folder.path, "bob")).toBe("[DEFAULT]\npassword=old\n");
  await addUser(folder.path, "bob", "new", { replace: true });
  expect(await broadcast(folder.path, "bob", "new")).toBeNull();
  await addUser(folder.path, "eve", "x", { replace: true });
  expect((await readdir(folder.path)).toSorted()).toEqual(["bob.ini", "eve.ini"]);
});

test("of many who add one name at once, one succeeds", async () => {
  await using folder = await temporaryFolder();
  const tries = Array.from({ length: 8 }, (_, i) =>
    addUser(folder.path, "bob", `p${i}`).catch(String),
  );
  const results = await Promise.all(tries);
  const winner = results.indexOf(undefined);
  expect(results.filter((result) => result === undefined).length).toBe(1);
  expect(await broadcast(folder.path, "bob", `p${winner}`)).toBeNull();
  expect(await readdir(folder.path)).toEqual(["bob.ini"]);
});

test("a name or a password that could never be sent is refused, and nothing is written", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["", ".bob", "../bob", "a b", "x".repeat(65)]) {
    expect(await addUser(folder.path, name, "x").catch(String)).toContain("A user's name is");
    expect(await removeUser(folder.path, name).catch(String)).toContain("A user's name is");
  }
  expect(await addUser(folder.path, "bob", "").catch(String)).toContain("must not be empty");
  expect(await addUser(folder.path, "bob", "a,b").catch(String)).toContain("must not hold a comma");
  expect(await readdir(folder.path)).toEqual([]);
});

test("a list shows every user by name with what guards it, and nothing else", async () => {
  await using folder = await temporaryFolder();
  await addUser(folder.path, "hashed", "x");
  await addUser(folder.path, "open", null);
  await folder.write("Plain", "[DEFAULT]\npassword=x\n");
  await folder.write("broken", "password=x\n");
  await folder.write("latin", Buffer.from("[DEFAULT]\npassword=\xe9\n", "latin1"));
  await folder.write(".hidden", "[DEFAULT]\n");
  await Bun.write(join(folder.path, "README.md"), "");
  await Bun.write(join(folder.path, "folder.ini", "file"), "");
  expect(await listUsers(folder.path)).toEqual([
    { name: "Plain", guard: "password", problem: undefined },
    { name: "broken", guard: "unusable", problem: "line 1 comes before any [section]" },
    { name: "folder", guard: "unusable", problem: "EISDIR" },
    { name: "hashed", guard: "hash", problem: undefined },
    { name: "latin", guard: "unusable", problem: "it is missing, too long or not UTF-8" },
    { name: "open", guard: "open", problem: undefined },
  ]);
});

test("a folder that does not exist lists nobody", async () => {
  await using folder = await temporaryFolder();
  expect(await listUsers(join(folder.path, "none"))).toEqual([]);
});

test("a removed user is gone, and one who is not there cannot be removed", async () => {
  await using folder = await temporaryFolder();
  await addUser(folder.path, "bob", null);
  expect(await removeUser(folder.path, "Bob")).toBe(false);
  expect(await removeUser(folder.path, "bob")).toBe(true);
  expect(await removeUser(folder.path, "bob")).toBe(false);
  expect(await removeUser(join(folder.path, "none"), "bob")).toBe(false);
  expect(await listUsers(folder.path)).toEqual([]);
});

test("where cases are not told apart, one user's file is never taken for another's", async () => {
  await using folder = await temporaryFolder();
  await folder.write("Bob", "[DEFAULT]\npassword=x\n");
  const files = caseBlind(folder.path);
  expect(await removeUser(folder.path, "bob", files)).toBe(false);
  const replaced = await addUser(folder.path, "bob", "y", { replace: true, files }).catch(String);
  expect(replaced).toContain("differs in case only");
  expect(await readdir(folder.path)).toEqual(["Bob.ini"]);
  await addUser(folder.path, "Bob", null, { replace: true, files });
  expect(await removeUser(folder.path, "Bob", files)).toBe(true);
});
