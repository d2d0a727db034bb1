/**
 * What watchers must know of a channel, in a form that other nodes may have: a salted hash.
 *
 *     pbkdf2-sha256:4096:SALT:HASH        both in base64
 *
 * The rounds are the least that RFC 7677 (SCRAM-SHA-256) allows. They take a millisecond: a crowd that
 * knows the password costs that once, and whoever guesses is slowed down at the door.
 */
import { pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { VERDICTS_KEPT } from "../core/limits.ts";
import type { Opens } from "../hub/model.ts";

const NAME = "pbkdf2-sha256";
const ROUNDS = 4096;
/** Rounds that are counted for another node: a bound on what it can make this one do. */
const ROUNDS_MAX = 100_000;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Makes the lock of `password`; no password needs none. */
export function lockOf(password: string): string {
  if (password === "") {
    return "";
  }
  const salt = randomBytes(SALT_BYTES);
  const hash = pbkdf2Sync(password, salt, ROUNDS, HASH_BYTES, "sha256");
  return [NAME, ROUNDS, salt.toString("base64"), hash.toString("base64")].join(":");
}

/** What a lock is opened by. One that cannot be understood is opened by nothing. */
export function keyTo(lock: string): Opens {
  const [name, rounds = "", salt = "", hash = ""] = lock.split(":");
  const wanted = Buffer.from(hash, "base64");
  const count = Number(rounds);
  const isUnderstood =
    name === NAME && wanted.length === HASH_BYTES && count >= 1 && count <= ROUNDS_MAX;
  const verdicts = new Map<string, boolean>();
  return (offered) => {
    const known = verdicts.get(offered);
    if (known !== undefined || !isUnderstood) {
      return known ?? false;
    }
    const got = pbkdf2Sync(offered, Buffer.from(salt, "base64"), count, HASH_BYTES, "sha256");
    const opens = timingSafeEqual(got, wanted);
    for (const oldest of verdicts.keys()) {
      if (verdicts.size < VERDICTS_KEPT) {
        break;
      }
      verdicts.delete(oldest);
    }
    verdicts.set(offered, opens);
    return opens;
  };
}
