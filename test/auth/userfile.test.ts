/**
 * What a user's file says: a password, a hash, neither, or nothing that can be used.
 */
import { expect, test } from "bun:test";
import { isOpen, readings, readUserFile, writeUserFile } from "../../src/auth/userfile.ts";

const HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$+QBmVgO/uwnwtLOdM2b4mKFwIemYAoHiWx9UXn2gDok$02+He/xj2VrYqGJZkDaqhpZ1drJ+aVmsC9xgYhIpLA0";
const BCRYPT = "$2b$10$U0xcPT6nuQuQhVDGub4Ng.upoJ09kXUKv9wFoR/5zXqUnpjiq9vgq";

function passwordOf(line: string): string | undefined {
  const file = readUserFile(`[DEFAULT]\n${line}\n`);
  return "problem" in file ? file.problem : file.password;
}

test("a password is the value without the white space around it", () => {
  expect(passwordOf("password=foobar")).toBe("foobar");
  expect(passwordOf("Password :  foo bar \t")).toBe("foo bar");
  expect(passwordOf("password = a;b # c")).toBe("a;b # c");
  expect(passwordOf('password="quoted"')).toBe('"quoted"');
  expect(passwordOf("password==x=")).toBe("=x=");
  expect(passwordOf("password=")).toBe("");
  expect(passwordOf("password=one\n  two\n ; not three\n\tfour")).toBe("one\ntwo\nfour");
  expect(passwordOf("# password=old\n;password=older\npassword=new")).toBe("new");
});

test("a byte order mark, CRLF and a missing last line end change nothing", () => {
  const text = "\ufeff; a comment\r\n[DEFAULT]\r\npassword=foobar";
  expect(readUserFile(text)).toEqual({ password: "foobar", passwordHash: undefined });
});

test("a file with neither password nor hash is open", () => {
  for (const text of [
    "",
    "[DEFAULT]\n",
    "[DEFAULT]\nnote=hello\n",
    "# nothing\n",
    "[other]\na=b\n",
  ]) {
    const file = readUserFile(text);
    expect("problem" in file || isOpen(file)).toBe(true);
    expect(file).not.toHaveProperty("problem");
  }
});

test("an empty password is a password and does not open the file", () => {
  const file = readUserFile("[DEFAULT]\npassword=\n");
  expect("problem" in file ? file : isOpen(file)).toBe(false);
});

test("a hash is read whole, of argon2 or bcrypt", () => {
  for (const hash of [HASH, BCRYPT]) {
    expect(readUserFile(`[DEFAULT]\npassword-hash=${hash}\npassword=x\n`)).toEqual({
      password: "x",
      passwordHash: hash,
    });
  }
});

test("a hash that is none makes the file unusable, even beside a password", () => {
  for (const hash of ["", "foobar", HASH.slice(0, 40), "$scrypt$ln=1$a$b", `${HASH} x`]) {
    const file = readUserFile(`[DEFAULT]\npassword=x\npassword-hash=${hash}\n`);
    expect(file).toEqual({ problem: "its password-hash is neither of argon2 nor of bcrypt" });
  }
});

test("a password in another section makes the file unusable, not open", () => {
  expect(readUserFile("[default]\npassword=x\n")).toHaveProperty("problem");
  expect(readUserFile(`[DEFAULT]\n[user]\npassword-hash=${HASH}\n`)).toHaveProperty("problem");
  expect(readUserFile("[DEFAULT]\npassword=x\n[user]\npassword=y\n")).toHaveProperty(
    "password",
    "x",
  );
});

test("a doubled percent sign is read both ways, a single one as it stands", () => {
  expect(readings("50%%")).toEqual(["50%%", "50%"]);
  expect(readings("%%%%")).toEqual(["%%%%", "%%"]);
  expect(readings("50%")).toEqual(["50%"]);
  expect(readings("%%%(a)s")).toEqual(["%%%(a)s"]);
  expect(readings("plain")).toEqual(["plain"]);
});

test("what is written is what is read", () => {
  expect(readUserFile(writeUserFile(HASH))).toEqual({ password: undefined, passwordHash: HASH });
  expect(readUserFile(writeUserFile(undefined))).toEqual({
    password: undefined,
    passwordHash: undefined,
  });
});
