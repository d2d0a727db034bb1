/**
 * Servers for tests: one in the test's own process, whose counters and events can be looked at, and
 * the real program as a process of its own, which can be measured and killed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Authenticator } from "../../src/auth/authenticator.ts";
import { systemClock } from "../../src/server/clock.ts";
import type { Log, LogLevel } from "../../src/server/log.ts";
import { startServer, type Server } from "../../src/server/server.ts";
import { startThreads } from "../../src/threads/threads.ts";
import { loadSettings, type SettingName } from "../../src/server/settings.ts";
import { plant } from "../relay/planted.ts";
import { within, type Where } from "./sockets.ts";

/** How many threads the servers of tests have: `FSTREAM_TEST_WORKERS=3` runs them all with three. */
export const WORKERS: number = Number(process.env["FSTREAM_TEST_WORKERS"] ?? "1");

/** Settings as a person writes them. */
export type Flags = { readonly [Name in SettingName]?: string };

/** Lines that a server has written, and a way to wait for one. */
export interface Lines {
  readonly all: readonly string[];
  /** Those that match. */
  matching(pattern: RegExp): readonly string[];
  /** Resolves when `count` lines match, with the last of these. */
  said(pattern: RegExp, count?: number): Promise<string>;
}

export interface Relay extends AsyncDisposable {
  readonly server: Server;
  /** The server, once its numbers are those of all its threads. */
  refreshed(): Promise<Server>;
  /** Resolves when that many connections are open. */
  connected(count: number): Promise<void>;
  /** Changes live settings, on all its threads. */
  apply(flags: Flags): Promise<void>;
  readonly where: Where;
  readonly log: Lines;
}

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly where: Where;
  readonly log: Lines;
  /** Its exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Lets everyone in. */
export const everyone: Authenticator = { authenticate: () => Promise.resolve(null) };

/** The settings that `flags` and the defaults make. */
export function settingsOf(flags: Flags): Parameters<typeof startServer>[0]["settings"] {
  const loaded = loadSettings({ flags, env: {}, file: undefined });
  if (!loaded.ok) {
    throw new Error(loaded.errors.join("\n"));
  }
  return loaded.settings;
}

/** Starts a server in this process, on a free port of the loopback. */
export function relay(flags: Flags = {}, authenticator: Authenticator = everyone): Promise<Relay> {
  return start(flags, authenticator, WORKERS, undefined);
}

/** As `relay`, with the faults of relay/planted.ts. */
export async function plantedRelay(workers: number = WORKERS): Promise<Relay> {
  const script = new URL("../relay/planted-worker.ts", import.meta.url);
  const fstream = await start({}, everyone, workers, script);
  if (workers === 1) {
    plant(fstream.server.directory);
  }
  return fstream;
}

async function start(
  flags: Flags,
  authenticator: Authenticator,
  workers: number,
  script: URL | undefined,
): Promise<Relay> {
  const log = newLines();
  const settings = settingsOf({ host: "127.0.0.1", port: "0", drain: "1s", ...flags });
  const options = { settings, authenticator, clock: systemClock, log: recorder(log.add) };
  const server =
    workers === 1
      ? await startServer(options)
      : await startThreads({ ...options, workers, ...(script && { script }) });
  const [address] = server.addresses;
  return {
    server,
    where: { port: address?.kind === "tcp" ? address.port : 0 },
    log,
    async refreshed() {
      await server.elsewhere?.refresh();
      return server;
    },
    connected: (count) =>
      eventually(
        () => server.connections.size === count,
        () => `${count} connections of a server that has ${server.connections.size}`,
      ),
    async apply(next) {
      server.apply(settingsOf(next));
      // Whoever answers has obeyed.
      await server.elsewhere?.refresh();
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Starts `fstream serve` on the loopback and waits until it listens. Anyone may be bob. */
export async function serverProcess(flags: Flags = {}): Promise<ServerProcess> {
  const folder = await temporaryFolder();
  await Bun.write(join(folder.path, "users", "bob.ini"), "[DEFAULT]\n");
  const child = spawnServe(flags, folder.path);
  const log = newLines();
  const reading = readLines(child.stderr, log.add);
  const exited = child.exited.then(() => child.exitCode);
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await Promise.all([child.exited, reading]);
    await folder[Symbol.asyncDispose]();
  };
  try {
    const line = await Promise.race([log.said(/listening on/), failure(exited, log)]);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
    return {
      pid: child.pid,
      port,
      where: { port },
      log,
      exited,
      kill: (signal) => child.kill(signal),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs `fstream serve` where it must fail, and returns its exit code and what it said. */
export async function failingServer(flags: Flags): Promise<{ code: number | null; text: string }> {
  await using folder = await temporaryFolder();
  const child = spawnServe(flags, folder.path);
  try {
    const code = await within(child.exited, "the server to fail");
    return { code, text: await new Response(child.stderr).text() };
  } finally {
    child.kill("SIGKILL");
  }
}

function spawnServe(flags: Flags, cwd: string) {
  const main = resolve(import.meta.dir, "../../src/cli/main.ts");
  const own = { host: "127.0.0.1", port: "0", "admin-port": "0", workers: String(WORKERS) };
  const args = Object.entries({ ...own, ...flags }).map(([name, value]) => `--${name}=${value}`);
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("FSTREAM_"));
  return Bun.spawn([process.execPath, main, "serve", ...args], {
    cwd,
    env: { ...Object.fromEntries(env), NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
}

async function failure(exited: Promise<number | null>, log: Lines): Promise<never> {
  const code = await exited;
  throw new Error(`the server exited with ${code}:\n${log.all.join("\n")}`);
}

/** A folder of its own, which goes away with everything in it. */
export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "fstream-relay-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A log that keeps every line; the real one holds floods back. */
function recorder(add: (line: string) => void): Log {
  const write = (level: LogLevel) => (line: string) => add(`${level} ${line}`);
  return {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    event: (level, _, line) => add(`${level} ${line}`),
  };
}

function newLines(): Lines & { readonly add: (line: string) => void } {
  const all: string[] = [];
  const waiting = new Set<() => void>();
  const matching = (pattern: RegExp): string[] => all.filter((line) => pattern.test(line));
  const find = async (pattern: RegExp, count: number): Promise<string> => {
    for (;;) {
      const line = matching(pattern)[count - 1];
      if (line !== undefined) {
        return line;
      }
      await new Promise<void>((wake) => waiting.add(wake));
    }
  };
  return {
    all,
    matching,
    add(line) {
      all.push(line);
      const woken = [...waiting];
      waiting.clear();
      woken.forEach((wake) => wake());
    },
    said: (pattern, count = 1) =>
      within(find(pattern, count), () => `${pattern} in the log:\n${all.slice(-20).join("\n")}`),
  };
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  add: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(add);
  }
}

/** Resolves when `check` is true: for what tells nobody that it changes, like memory. */
export async function eventually(
  check: () => boolean,
  what: string | (() => string),
): Promise<void> {
  const look = async (): Promise<void> => {
    while (!check()) {
      await Bun.sleep(20);
    }
  };
  await within(look(), what);
}

/** Memory of a process that is in use and in RAM, in MiB. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

/** How many files and sockets a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many files and sockets this process may have open. */
export function descriptorLimit(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const limit = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? "0";
  return limit === "unlimited" ? Infinity : Number(limit);
}

/** Whether one process can look at the memory and the descriptors of another. */
export const hasProc: boolean = process.platform === "linux";
