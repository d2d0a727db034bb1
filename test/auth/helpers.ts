/**
 * What several tests of this folder need: a folder that goes away, a clock that is moved by hand, a request.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { AuthRequest } from "../../src/auth/authenticator.ts";
import { realFiles, type FileSystem } from "../../src/auth/files.ts";
import type { Clock } from "../../src/core/clock.ts";

/** A folder of its own for one test. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes `NAME.ini` in place, as an editor does. */
  write(name: string, text: string | Uint8Array): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "fstream-auth-"));
  return {
    path,
    async write(name, text) {
      await Bun.write(join(path, `${name}.ini`), text);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A broadcast by bob from one address, with changes. */
export function request(changes: Partial<AuthRequest> = {}): AuthRequest {
  return {
    verb: "broadcast",
    connection: 1,
    user: "bob",
    userPassword: undefined,
    channel: "",
    channelPassword: undefined,
    address: "192.0.2.1",
    ...changes,
  };
}

export interface CountingFiles extends FileSystem {
  /** Base names of what was asked, in order. */
  readonly stats: string[];
  readonly reads: string[];
  readonly lists: string[];
}

/** The real files, or others, with a record of what was asked of them. */
export function countingFiles(files: FileSystem = realFiles): CountingFiles {
  const counted: CountingFiles = {
    stats: [],
    reads: [],
    lists: [],
    stat(path) {
      counted.stats.push(basename(path));
      return files.stat(path);
    },
    read(path, max) {
      counted.reads.push(basename(path));
      return files.read(path, max);
    },
    list(folder) {
      counted.lists.push(folder);
      return files.list(folder);
    },
  };
  return counted;
}

/** A file system that does not tell cases apart, over one that does. */
export function caseBlind(folder: string): FileSystem {
  const stored = async (path: string): Promise<string> => {
    const wanted = basename(path).toLowerCase();
    const names = await realFiles.list(folder);
    return join(dirname(path), names.find((name) => name.toLowerCase() === wanted) ?? wanted);
  };
  return {
    stat: async (path) => realFiles.stat(await stored(path)),
    read: async (path, max) => realFiles.read(await stored(path), max),
    list: (path) => realFiles.list(path),
  };
}

export interface HandClock extends Clock {
  /** Moves on by `ms`, runs what is due in its order, and lets promises settle after each. */
  advance(ms: number): Promise<void>;
  /** How many tasks have still to run. */
  pending(): number;
}

export function handClock(): HandClock {
  let time = 1000;
  const tasks = new Map<number, { at: number; task: () => void }>();
  let lastId = 0;
  return {
    now: () => time,
    after(ms, task) {
      const id = ++lastId;
      tasks.set(id, { at: time + ms, task });
      return () => void tasks.delete(id);
    },
    pending: () => tasks.size,
    async advance(ms) {
      const end = time + ms;
      await settle();
      for (;;) {
        const due = [...tasks].filter(([, { at }]) => at <= end);
        const [first] = due.toSorted(([, a], [, b]) => a.at - b.at);
        if (first === undefined) {
          break;
        }
        const [id, { at, task }] = first;
        tasks.delete(id);
        time = at;
        task();
        await settle();
      }
      time = end;
    },
  };
}

/** Lets every promise go on that can, without time passing. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
