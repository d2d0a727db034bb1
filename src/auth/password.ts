/**
 * Passwords as hashes.
 */
import { HASH_MEMORY_KIB } from "../core/limits.ts";

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
