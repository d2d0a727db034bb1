/**
 * Passwords: compared in constant time, and hashed.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { HASH_MEMORY_KIB } from "../core/limits.ts";

/**
 * Whether two passwords are the same. It compares digests, which have one length whatever the passwords are, so the
 * time says neither where they differ nor how long the right one is.
 */
export function samePassword(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/** Hashes a password for a user's file. It must not be empty. */
export function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(password, {
    algorithm: "argon2id",
    memoryCost: HASH_MEMORY_KIB,
    timeCost: 2,
  });
}

/** Whether `text` has the form of a hash that can be checked: argon2 in PHC's form, or bcrypt. */
export function isHash(text: string): boolean {
  return ARGON2.test(text) || BCRYPT.test(text);
}

const ARGON2 = /^\$argon2(?:id|i|d)\$v=\d+\$[a-z]=\d+(?:,[a-z]=\d+)*\$[\w+/]+\$[\w+/]+$/;
const BCRYPT = /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/;

function digest(password: string): Buffer {
  return createHash("sha256").update(password, "utf8").digest();
}
