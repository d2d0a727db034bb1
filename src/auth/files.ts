/**
 * The few things that the users folder asks of a file system, so that tests can count and delay
 * them.
 */
import type { BigIntStats } from "node:fs";
import { open, readdir, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { FILES_AT_ONCE } from "../core/limits.ts";
import { turns } from "./turns.ts";

/** What changes when a file does. */
export interface FileStamp {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly isFile: boolean;
}

/** Undefined says that there is no such file; a rejection, that nobody can tell. */
export interface FileSystem {
  stat(path: string): Promise<FileStamp | undefined>;
  /**
   * Reads up to `max` bytes. The stamp is from before the first of them: a later change makes it
   * differ.
   */
  read(path: string, max: number): Promise<{ stamp: FileStamp; bytes: Uint8Array } | undefined>;
  /** The names in a folder, as they are stored. */
  list(folder: string): Promise<readonly string[]>;
}

/** What a user's file is called after the user's name. */
export const USER_SUFFIX = ".ini";

/** Where a user's file is. The name has been checked. */
export function userPath(folder: string, name: string): string {
  return join(folder, name + USER_SUFFIX);
}

/** A file or a folder that is open takes a descriptor of those that are kept from connections. */
const reading = turns(FILES_AT_ONCE);

/** The real file system. Links are followed: secrets are often mounted as such. */
export const realFiles: FileSystem = {
  stat: (path) => unlessMissing(async () => stamp(await stat(path, { bigint: true }))),
  read: (path, max) => reading.take(() => unlessMissing(() => read(path, max))),
  list: (folder) => reading.take(() => readdir(folder)),
};

/**
 * Whether the file of user `name`, which exists, is called exactly so. Where the same file system
 * has no file whose suffix is in the other case, it tells cases apart and the answer is known; only
 * where it does not, or such a file really stands there, is the folder listed.
 */
export async function isExactName(
  files: FileSystem,
  folder: string,
  name: string,
): Promise<boolean> {
  const otherCase = await files.stat(join(folder, name + USER_SUFFIX.toUpperCase()));
  return otherCase === undefined || (await files.list(folder)).includes(name + USER_SUFFIX);
}

/** The code of a system error, for a log: `EACCES`. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function stamp(stats: BigIntStats): FileStamp {
  const { ino, size, mtimeNs, ctimeNs } = stats;
  return { ino, size, mtimeNs, ctimeNs, isFile: stats.isFile() };
}

async function read(path: string, max: number): Promise<{ stamp: FileStamp; bytes: Uint8Array }> {
  await using handle = await open(path, "r");
  return { stamp: stamp(await handle.stat({ bigint: true })), bytes: await fill(handle, max) };
}

async function fill(handle: FileHandle, max: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(max);
  let length = 0;
  while (length < max) {
    const { bytesRead } = await handle.read(buffer, length, max - length, null);
    if (bytesRead === 0) {
      break;
    }
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

async function unlessMissing<T>(task: () => Promise<T>): Promise<T | undefined> {
  try {
    return await task();
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}
