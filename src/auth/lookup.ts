/**
 * Finds users in their folder: what the files say now, at the cost of one `stat` for many
 * connections.
 *
 *     connection 1 ──► look ├────── stat ──────┤ answer to 1
 *     connections 2, 3 …         wait          ├────── stat ──────┤ answer to 2, 3 …
 *
 * Invariant: a connection is answered by a look that began after it arrived. So a file that was
 * changed before a connection came is the one that counts for it.
 */
import { decodeUtf8 } from "../core/bytes.ts";
import {
  USER_CACHE_MAX,
  USER_FILE_COARSE_MS,
  USER_FILE_MAX_BYTES,
  USER_FILE_REST_MS,
} from "../core/limits.ts";
import {
  errorCode,
  isExactName,
  realFiles,
  userPath,
  type FileStamp,
  type FileSystem,
} from "./files.ts";
import { isOpen, readUserFile, type UserFile } from "./userfile.ts";

/** What is known of a name. A problem is a phrase for the log. */
export type Found =
  | { readonly kind: "user"; readonly file: UserFile }
  | { readonly kind: "unknown" }
  | { readonly kind: "unusable"; readonly problem: string };

/** Never rejects: what goes wrong makes the user unusable. */
export interface UserLookup {
  /** `name` has been checked to be one. */
  find(name: string): Promise<Found>;
}

/** What can be set; the defaults are the real ones. */
export interface UserLookupOptions {
  readonly folder: string;
  readonly files?: FileSystem;
  /** Milliseconds since 1970, to compare with files' times. */
  readonly now?: () => number;
  readonly pause?: (ms: number) => Promise<void>;
  readonly cacheMax?: number;
}

/** A file as it was when it was read. */
interface Known {
  readonly stamp: FileStamp;
  readonly readAt: number;
  readonly found: Found;
}

/** The look that is under way for a name, and the one that follows it if anyone waits. */
interface Turn {
  next: PromiseWithResolvers<Found> | undefined;
}

const UNKNOWN: Found = { kind: "unknown" };

/** Looks users up in `folder`. */
export function userLookup(options: UserLookupOptions): UserLookup {
  const { folder, files = realFiles, now = Date.now, pause = Bun.sleep } = options;
  const cache = leastRecentlyUsed<Known>(options.cacheMax ?? USER_CACHE_MAX);
  const turns = new Map<string, Turn>();

  const load = async (name: string): Promise<Known | undefined> => {
    const readAt = now();
    const content = await files.read(userPath(folder, name), USER_FILE_MAX_BYTES + 1);
    if (content === undefined) {
      return undefined;
    }
    const exact = await isExactName(files, folder, name);
    const found = exact ? interpret(content.bytes) : UNKNOWN;
    return { stamp: content.stamp, readAt, found };
  };

  /** What the file is now, from memory if it is the one that was read. */
  const current = async (name: string): Promise<Known | undefined> => {
    const stamp = await files.stat(userPath(folder, name));
    const known = cache.get(name);
    if (stamp !== undefined && known !== undefined && isStill(known, stamp)) {
      return known;
    }
    if (stamp !== undefined && !stamp.isFile) {
      throw new Error("it is no regular file");
    }
    const loaded = stamp === undefined ? undefined : await load(name);
    cache.set(name, loaded);
    return loaded;
  };

  /** Gives a file that may be half written the time to become whole. */
  const look = async (name: string): Promise<Found> => {
    const first = await current(name);
    if (!mayBeHalfWritten(first, now())) {
      return first?.found ?? UNKNOWN;
    }
    await pause(USER_FILE_REST_MS);
    const rested = await current(name);
    if (mayBeHalfWritten(rested, now()) && !isSame(first?.stamp, rested?.stamp)) {
      throw new Error("it has no password and is being changed again and again");
    }
    return rested?.found ?? UNKNOWN;
  };

  const begin = async (name: string): Promise<Found> => {
    const turn: Turn = { next: undefined };
    turns.set(name, turn);
    const found = await look(name).catch(unusable);
    if (turn.next === undefined) {
      turns.delete(name);
    } else {
      turn.next.resolve(begin(name));
    }
    return found;
  };

  return {
    find(name) {
      const turn = turns.get(name);
      if (turn === undefined) {
        return begin(name);
      }
      turn.next ??= Promise.withResolvers<Found>();
      return turn.next.promise;
    },
  };
}

function interpret(bytes: Uint8Array): Found {
  if (bytes.length > USER_FILE_MAX_BYTES) {
    return { kind: "unusable", problem: `it is longer than ${USER_FILE_MAX_BYTES} bytes` };
  }
  const text = decodeUtf8(bytes);
  if (text === null) {
    return { kind: "unusable", problem: "it is not UTF-8" };
  }
  const file = readUserFile(text);
  return "problem" in file ? { kind: "unusable", problem: file.problem } : { kind: "user", file };
}

function unusable(error: unknown): Found {
  const problem = error instanceof Error && !("code" in error) ? error.message : errorCode(error);
  return { kind: "unusable", problem };
}

/**
 * Whether a file with this stamp is the one that was read. A file that had only just been changed
 * when it was read is not known to be: the next change may have got the same times.
 */
function isStill(known: Known, stamp: FileStamp): boolean {
  const isOld = Math.abs(known.readAt - changedAt(stamp)) > USER_FILE_COARSE_MS;
  return isOld && isSame(known.stamp, stamp);
}

function isSame(a: FileStamp | undefined, b: FileStamp | undefined): boolean {
  return (
    a?.ino === b?.ino &&
    a?.size === b?.size &&
    a?.mtimeNs === b?.mtimeNs &&
    a?.ctimeNs === b?.ctimeNs
  );
}

/**
 * Whether a user is open to all only because a writer has not come to the password yet: an editor
 * empties the file first, a script writes line by line.
 */
function mayBeHalfWritten(known: Known | undefined, now: number): boolean {
  return (
    known?.found.kind === "user" &&
    isOpen(known.found.file) &&
    Math.abs(now - changedAt(known.stamp)) < USER_FILE_REST_MS
  );
}

/**
 * When the file or its name last changed. The other time, mtime, is a program's to set as it likes.
 */
function changedAt(stamp: FileStamp): number {
  return Number(stamp.ctimeNs / 1_000_000n);
}

interface Cache<T> {
  get(key: string): T | undefined;
  set(key: string, value: T | undefined): void;
}

/** A map of at most `max` values. It is kept in the order of use, so the first is the one to go. */
function leastRecentlyUsed<T>(max: number): Cache<T> {
  const values = new Map<string, T>();
  const set = (key: string, value: T | undefined): void => {
    values.delete(key);
    if (value !== undefined) {
      values.set(key, value);
    }
    const [oldest] = values.keys();
    if (values.size > max && oldest !== undefined) {
      values.delete(oldest);
    }
  };
  return {
    get(key) {
      const value = values.get(key);
      set(key, value);
      return value;
    },
    set,
  };
}
