/**
 * All recordings of a folder, the oldest first, and what they take. Only files that bear a recording's
 * name are ever deleted, and none that is being written.
 */
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { extension } from "../media/format.ts";
import { look, newScan } from "../media/scan.ts";
import { isComplete, unfinished } from "./names.ts";

/** Files that are looked at when a server starts: a scan must end. Those beyond are never deleted. */
const FILES_MAX = 100_000;

/** Bytes of a leftover that are looked at for its format. */
const LOOK_BYTES = 65_536;

export interface Stored {
  readonly path: string;
  /** The file's name, which begins with its moment. */
  readonly name: string;
  readonly bytes: number;
}

export interface Store {
  /** Bytes of all recordings, those being written included. */
  bytes: number;
  readonly complete: Stored[];
}

/** What the folder holds. Leftovers of a process that is gone are given a complete file's name. */
export async function openStore(folder: string): Promise<Store> {
  const store: Store = { bytes: 0, complete: [] };
  for (const directory of await channelFolders(folder)) {
    for (const name of await readdir(directory)) {
      if (store.complete.length >= FILES_MAX) {
        break;
      }
      const settled = await settleLeftover(directory, name);
      if (isComplete(settled)) {
        const path = join(directory, settled);
        const { size } = await stat(path);
        store.bytes += size;
        store.complete.push({ path, name: settled, bytes: size });
      }
    }
  }
  store.complete.sort((one, other) => (one.name < other.name ? -1 : 1));
  return store;
}

/** Deletes the oldest until `most` bytes are left, as far as there are complete ones. */
export async function makeRoom(store: Store, most: number): Promise<void> {
  while (store.bytes > most) {
    const oldest = store.complete.shift();
    if (oldest === undefined) {
      return;
    }
    store.bytes -= oldest.bytes;
    await rm(oldest.path, { force: true });
  }
}

async function channelFolders(folder: string): Promise<string[]> {
  const users = await foldersIn(folder);
  return (await Promise.all(users.map(foldersIn))).flat();
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

/** The name that the file has now. */
async function settleLeftover(directory: string, name: string): Promise<string> {
  const left = unfinished(name);
  if (left === null || (left.pid !== process.pid && isAlive(left.pid))) {
    return name;
  }
  const path = join(directory, name);
  const settled = `${left.moment}.cut.${await extensionOf(path)}`;
  await rename(path, join(directory, settled));
  return settled;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function extensionOf(path: string): Promise<string> {
  const scan = newScan({ frame: () => {}, join: () => {} });
  const { size } = await stat(path);
  const bytes =
    size > LOOK_BYTES ? await Bun.file(path).slice(0, LOOK_BYTES).bytes() : await readFile(path);
  look(scan, bytes);
  return extensionFor(scan.format);
}

/** What a file's name ends with whose format is as far known. */
export function extensionFor(format: ReturnType<typeof newScan>["format"]): string {
  return format === undefined || format === "unknown" ? "bin" : extension(format);
}
