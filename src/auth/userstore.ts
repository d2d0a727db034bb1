/**
 * Keeps the users folder: what the command line does to it.
 *
 * A file is written beside its place and then moved there, so that a server never reads half of it.
 * What cannot be done is thrown as an Error whose message is a sentence for the person who asked.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { decodeUtf8 } from "../core/bytes.ts";
import { USER_FILE_MAX_BYTES } from "../core/limits.ts";
import { isName } from "../protocol/request.ts";
import {
  errorCode,
  isExactName,
  realFiles,
  USER_SUFFIX,
  userPath,
  type FileSystem,
} from "./files.ts";
import { hashPassword } from "./password.ts";
import { isOpen, readUserFile, writeUserFile } from "./userfile.ts";

/** How a user is written. */
export interface AddUserOptions {
  readonly replace?: boolean;
  /** Where it is looked whether the user exists. */
  readonly files?: FileSystem;
}

/** A user as a list shows it. */
export interface UserEntry {
  readonly name: string;
  /** What guards the name. `open`: nothing does. `unusable`: nobody gets in, see `problem`. */
  readonly guard: "hash" | "password" | "open" | "unusable";
  readonly problem: string | undefined;
}

/**
 * Writes a user's file, and makes the folder where there is none. Without a password anyone may
 * broadcast under the name. A user that exists is left alone unless `replace` is set.
 */
export async function addUser(
  folder: string,
  name: string,
  password: string | null,
  options: AddUserOptions = {},
): Promise<void> {
  checkName(name);
  checkPassword(password);
  const hash = password === null ? undefined : await hashPassword(password);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // It begins with a dot and does not end in the suffix: no user's file, even if a crash leaves it
  // behind.
  const draft = join(folder, `.${name}.${randomUUID()}.new`);
  try {
    await writeDraft(draft, writeUserFile(hash));
    const place = options.replace === true ? replaceUser : placeUser;
    await place(draft, folder, name, options.files ?? realFiles);
  } finally {
    await unlink(draft).catch(ignoreMissing);
  }
}

/** All users, by name. A folder that does not exist has none. */
export async function listUsers(folder: string): Promise<readonly UserEntry[]> {
  const files = await realFiles.list(folder).catch(emptyIfMissing);
  const names = files
    .filter((file) => file.endsWith(USER_SUFFIX))
    .map((file) => file.slice(0, -USER_SUFFIX.length))
    .filter(isName)
    .toSorted();
  const entries: UserEntry[] = [];
  for (const name of names) {
    entries.push(await describeUser(folder, name));
  }
  return entries;
}

/** Removes a user's file; says whether there was one. */
export async function removeUser(
  folder: string,
  name: string,
  files: FileSystem = realFiles,
): Promise<boolean> {
  checkName(name);
  const path = userPath(folder, name);
  const exists = (await files.stat(path)) !== undefined;
  if (!exists || !(await isExactName(files, folder, name))) {
    return false;
  }
  await unlink(path);
  return true;
}

function checkName(name: string): void {
  if (!isName(name)) {
    throw new Error("A user's name is 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot.");
  }
}

function checkPassword(password: string | null): void {
  if (password === "") {
    throw new Error("A password must not be empty.");
  }
  if (password?.includes(",") === true) {
    throw new Error("A password must not hold a comma: the protocol cannot carry it.");
  }
}

/**
 * Writes through to the disk, or a power cut could leave an empty file in place: a user without a
 * password.
 */
async function writeDraft(path: string, text: string): Promise<void> {
  await using handle = await open(path, "wx", 0o600);
  await handle.writeFile(text);
  await handle.sync();
}

/**
 * Links, which fails where the name is taken even if another process takes it at the same moment.
 */
async function placeUser(
  draft: string,
  folder: string,
  name: string,
  files: FileSystem,
): Promise<void> {
  const path = userPath(folder, name);
  try {
    await link(draft, path);
  } catch (error) {
    // File systems without links, such as FAT, fail in ways of their own. There the name is looked
    // up first.
    if (errorCode(error) === "EEXIST" || (await files.stat(path)) !== undefined) {
      throw new Error(`The user ${name} exists already.`, { cause: error });
    }
    await rename(draft, path);
  }
}

async function replaceUser(
  draft: string,
  folder: string,
  name: string,
  files: FileSystem,
): Promise<void> {
  const path = userPath(folder, name);
  const exists = (await files.stat(path)) !== undefined;
  if (exists && !(await isExactName(files, folder, name))) {
    throw new Error(`This file system cannot tell ${name} from a user who differs in case only.`);
  }
  await rename(draft, path);
}

async function describeUser(folder: string, name: string): Promise<UserEntry> {
  const unusable = (problem: string): UserEntry => ({ name, guard: "unusable", problem });
  try {
    const content = await realFiles.read(userPath(folder, name), USER_FILE_MAX_BYTES + 1);
    const text = content === undefined ? null : decodeUtf8(content.bytes);
    if (content === undefined || content.bytes.length > USER_FILE_MAX_BYTES || text === null) {
      return unusable("it is missing, too long or not UTF-8");
    }
    const file = readUserFile(text);
    if ("problem" in file) {
      return unusable(file.problem);
    }
    const guard = isOpen(file) ? "open" : file.passwordHash === undefined ? "password" : "hash";
    return { name, guard, problem: undefined };
  } catch (error) {
    return unusable(errorCode(error));
  }
}

function ignoreMissing(error: unknown): void {
  if (errorCode(error) !== "ENOENT") {
    throw error;
  }
}

function emptyIfMissing(error: unknown): readonly string[] {
  ignoreMissing(error);
  return [];
}
