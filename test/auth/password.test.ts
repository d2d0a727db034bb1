/**
 * Hashing passwords.
 */
import { expect, test } from "bun:test";
import { hashPassword, isHash } from "../../src/auth/password.ts";

test("a new hash is of argon2id and of its password only", async () => {
  const hash = await hashPassword("foobar");
  expect(hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect(isHash(hash)).toBe(true);
  expect(await Bun.password.verify("foobar", hash)).toBe(true);
  expect(await Bun.password.verify("foobar ", hash)).toBe(false);
});

test("every hash that Bun writes has the form of one", async () => {
  for (const algorithm of ["argon2id", "argon2i", "argon2d"] as const) {
    const hash = await Bun.password.hash("x", { algorithm, memoryCost: 8, timeCost: 1 });
    expect(isHash(hash)).toBe(true);
  }
  expect(isHash(await Bun.password.hash("x", { algorithm: "bcrypt", cost: 4 }))).toBe(true);
});
