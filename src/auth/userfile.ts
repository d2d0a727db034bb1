/**
 * A user's file: `[DEFAULT]` with `password=…`, or better `password-hash=…`.
 */
import { DEFAULT_SECTION, readConfig, type FileProblem } from "./configfile.ts";
import { isHash } from "./password.ts";

/** What a file says of its user. With neither, anyone may broadcast under that name. */
export interface UserFile {
  /** The value as it stands; {@link readings} says what it may mean. Empty is a password too. */
  readonly password: string | undefined;
  /** Preferred over the password where both stand. */
  readonly passwordHash: string | undefined;
}

const PASSWORD = "password";
const PASSWORD_HASH = "password-hash";

/** Reads a file's text. Whatever is wrong with it is a problem, and never an absent password. */
export function readUserFile(text: string): UserFile | FileProblem {
  const config = readConfig(text);
  if ("problem" in config) {
    return config;
  }
  const own = config.get(DEFAULT_SECTION);
  const password = own?.get(PASSWORD);
  const passwordHash = own?.get(PASSWORD_HASH);
  if (passwordHash !== undefined && !isHash(passwordHash)) {
    return { problem: `its ${PASSWORD_HASH} is neither of argon2 nor of bcrypt` };
  }
  const all = [...config.values()];
  const protectedElsewhere = all.some((keys) => keys.has(PASSWORD) || keys.has(PASSWORD_HASH));
  if (password === undefined && passwordHash === undefined && protectedElsewhere) {
    return { problem: `its password is not in [${DEFAULT_SECTION}], where it would count` };
  }
  return { password, passwordHash };
}

/** Whether the file lets anyone in. */
export function isOpen(file: UserFile): boolean {
  return file.password === undefined && file.passwordHash === undefined;
}

/**
 * The passwords that a value may stand for. Python's ConfigParser reads `%%` as `%`, its
 * RawConfigParser does not, and a file does not tell for which of them it was written. Where a
 * single `%` stands, only the raw reading remains: the other parser would refuse it, or put another
 * key's value in its place.
 */
export function readings(password: string): readonly string[] {
  const pairs = password.split("%%");
  const escaped = pairs.length > 1 && pairs.every((piece) => !piece.includes("%"));
  return escaped ? [password, pairs.join("%")] : [password];
}

/** The text of a new file. A hash holds nothing that would need escaping. */
export function writeUserFile(passwordHash: string | undefined): string {
  return passwordHash === undefined
    ? `[${DEFAULT_SECTION}]\n`
    : `[${DEFAULT_SECTION}]\n${PASSWORD_HASH}=${passwordHash}\n`;
}
