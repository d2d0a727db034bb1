import { describe, expect, test } from "bun:test";
import { keyTo, lockOf } from "../../src/cluster/lock.ts";

describe("the lock of a channel", () => {
  test("is none without a password", () => {
    expect(lockOf("")).toBe("");
  });

  test("is opened by its password, and by nothing else", () => {
    const opens = keyTo(lockOf("pässword"));
    expect(["pässword", "password", "", "pässword ", "pässword"].map(opens)).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
  });

  test("does not tell the password, nor whether two are the same", () => {
    const [one, other] = [lockOf("secret"), lockOf("secret")];
    expect(one).not.toContain("secret");
    expect(one).not.toBe(other);
  });

  test("is opened however many wrong ones were tried", () => {
    const opens = keyTo(lockOf("right"));
    for (let i = 0; i < 200; i++) {
      expect(opens(`wrong ${i}`)).toBe(false);
    }
    expect(opens("right")).toBe(true);
  });

  test("is what Python's hashlib makes of it", () => {
    const lock = lockOf("secret");
    const script = [
      "import base64, hashlib, sys",
      "name, rounds, salt, want = sys.argv[1].split(':')",
      "got = hashlib.pbkdf2_hmac('sha256', b'secret', base64.b64decode(salt), int(rounds))",
      "sys.exit(0 if base64.b64encode(got).decode() == want else 1)",
    ].join("\n");
    expect(Bun.spawnSync(["python3", "-c", script, lock]).exitCode).toBe(0);
  });

  test.each(["x", "pbkdf2-sha256:4096:AA==:", "pbkdf2-sha256:1e9:AA==:AA==", "scrypt:1:AA==:AA=="])(
    "that is %s is opened by nothing",
    (lock) => {
      expect(keyTo(lock)("")).toBe(false);
    },
  );
});
