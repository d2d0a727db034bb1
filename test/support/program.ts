/**
 * The real program as child processes, and everything that they need around them: a folder, a
 * server, pipes, and an end for every process whatever becomes of the test.
 */
import { closeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { WORKERS } from "./server.ts";

/** The checkout, and the program in it. */
export const CHECKOUT: string = resolve(import.meta.dir, "../..");
export const PROGRAM: string = join(CHECKOUT, "src/cli/main.ts");

/**
 * Milliseconds for anything that is awaited. Far more than it takes: it is there to fail with a
 * message.
 */
export const LIMIT_MS = 60_000;

/** Milliseconds for a whole test: longer than {@link LIMIT_MS}, so that the wait itself fails. */
export const TEST_MS: number = 4 * LIMIT_MS;

/** Whether everything is to be run, however long it takes. */
export const ALL: boolean = Bun.env["FSTREAM_TEST_ALL"] === "1";

type Child = Bun.Subprocess<
  "pipe" | "ignore" | number,
  "pipe" | "ignore" | number,
  "pipe" | number
>;

/** How a process ended, and all that it said until then. */
export interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One child process. */
export interface Program {
  readonly pid: number;
  /** What it says on stderr, line by line. */
  readonly said: Lines;
  /** What it writes to a stdout that is ours to read. */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Writes to its stdin, and resolves when all of it has been taken. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** Ends its stdin. */
  end(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code. */
  exited(): Promise<number>;
  /** Its exit code with all of stdout and stderr. */
  ending(): Promise<Ending>;
}

export interface Options {
  /** A pipe of ours by default; a number is a file descriptor of ours, which is closed here. */
  readonly stdin?: "pipe" | "ignore" | number | undefined;
  readonly stdout?: "pipe" | number | undefined;
  /** Further descriptors, from 3 on. */
  readonly more?: readonly number[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
}

/** A server with its address. */
export interface Relay extends Program {
  readonly port: number;
  /** 127.0.0.1:PORT */
  readonly address: string;
}

export interface RelayOptions {
  /** Passwords by name; null is an open user. By default there is fier, whose password is 123. */
  readonly users?: Readonly<Record<string, string | null>>;
  readonly flags?: readonly string[];
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The surroundings of one test. Disposed of, all its processes are dead and its folder is gone. */
export interface Stage extends AsyncDisposable {
  /** An empty folder, in which its processes run. */
  readonly folder: string;
  path(name: string): string;
  /** Writes a file in the folder and returns its path. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  run(command: readonly string[], options?: Options): Program;
  /** Runs the program of the checkout. */
  fstream(args: readonly string[], options?: Options): Program;
  /** Starts a server and waits until it listens. */
  serve(options?: RelayOptions): Promise<Relay>;
}

/** What is still running. Killed one by one if the test run ends before the tests do. */
const children = new Set<Child>();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

export async function newStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "fstream-program-"));
  const mine: Child[] = [];

  const run = (command: readonly string[], options: Options = {}): Program => {
    const child = start(command, { cwd: folder, ...options });
    mine.push(child);
    return program(child, command);
  };
  const fstream = (args: readonly string[], options?: Options): Program =>
    run([process.execPath, PROGRAM, ...args], options);

  return {
    folder,
    path: (name) => join(folder, name),
    async file(name, content) {
      await Bun.write(join(folder, name), content);
      return join(folder, name);
    },
    run,
    fstream,
    async serve({ users = { fier: "123" }, flags = [], port = 0, env = {} } = {}) {
      for (const [name, password] of Object.entries(users)) {
        await Bun.write(join(folder, "users", `${name}.ini`), userFile(password));
      }
      const where = [
        "--host",
        "127.0.0.1",
        "--port",
        String(port),
        "--admin-port",
        "0",
        "--workers",
        String(WORKERS),
      ];
      const args = ["serve", ...where, "--users", join(folder, "users"), ...flags];
      const server = fstream(args, { stdin: "ignore", env });
      const line = await server.said.line(/listening on /);
      const got = Number(/ on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
      return { ...server, port: got, address: `127.0.0.1:${got}` };
    },
    async [Symbol.asyncDispose]() {
      mine.forEach((child) => child.kill("SIGKILL"));
      await Promise.all(mine.map((child) => child.exited));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The file of a user as the Python program has it. */
export function userFile(password: string | null): string {
  return `[DEFAULT]\n${password === null ? "" : `password=${password}\n`}`;
}

function start(command: readonly string[], options: Options): Child {
  const { stdin = "pipe", stdout = "pipe", more = [], env, cwd } = options;
  const child: Child = Bun.spawn([...command], {
    stdio: [stdin, stdout, "pipe", ...more],
    env: { ...environment(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  [stdin, stdout, ...more].filter((end) => typeof end === "number").forEach((fd) => closeSync(fd));
  children.add(child);
  void child.exited.then(() => children.delete(child));
  return child;
}

/** Ours, without what would steer the program. */
function environment(): Record<string, string | undefined> {
  const entries = Object.entries(Bun.env).filter(([name]) => !name.startsWith("FSTREAM_"));
  return { ...Object.fromEntries(entries), NO_COLOR: "1" };
}

function program(child: Child, command: readonly string[]): Program {
  const name = command.join(" ").replace(`${process.execPath} ${PROGRAM}`, "fstream");
  const { stdin } = child;
  const stdout = child.stdout instanceof ReadableStream ? child.stdout : new ReadableStream();
  const stderr = child.stderr instanceof ReadableStream ? child.stderr : new ReadableStream();
  const said = newLines(stderr, name);
  const exited = (): Promise<number> =>
    within(child.exited, () => `${name} does not end; it said: ${said.text()}`);
  return {
    pid: child.pid,
    said,
    stdout,
    async write(bytes) {
      if (typeof stdin !== "object") {
        throw new Error(`${name} has no stdin of ours`);
      }
      await stdin.write(bytes);
      await stdin.flush();
    },
    async end() {
      await (typeof stdin === "object" ? stdin.end() : undefined);
    },
    kill: (signal) => child.kill(signal),
    exited,
    async ending() {
      const out = stdout.locked ? Promise.resolve("") : stdout.text();
      const [code, text] = await Promise.all([exited(), out, said.ended()]);
      return { code, stdout: text, stderr: said.text() };
    },
  };
}

/** Text that arrives, line by line. */
export interface Lines {
  /** All that has come so far. */
  text(): string;
  /** The first line that matches, or the `nth` one; waits until it is there. */
  line(pattern: RegExp, nth?: number): Promise<string>;
  /** Resolves at the end of the text. */
  ended(): Promise<void>;
}

function newLines(stream: ReadableStream<Uint8Array>, name: string): Lines {
  let text = "";
  let over = false;
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    woken.forEach((go) => go());
  };
  const ended = (async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      wake();
    }
    over = true;
    wake();
  })();
  const find = async (pattern: RegExp, nth: number): Promise<string> => {
    for (;;) {
      // The last piece is no line yet.
      const found = text
        .split("\n")
        .slice(0, -1)
        .filter((line) => pattern.test(line))[nth - 1];
      if (found !== undefined) {
        return found;
      }
      if (over) {
        throw new Error(`${name} has ended without saying ${pattern}; it said: ${text}`);
      }
      await new Promise<void>((go) => waiting.push(go));
    }
  };
  return {
    text: () => text,
    line: (pattern, nth = 1) =>
      within(find(pattern, nth), () => `${name} does not say ${pattern}; it said: ${text}`),
    ended: () => within(ended, () => `the stderr of ${name} does not end`),
  };
}

/** The promise, or an error that says what was waited for. */
export async function within<T>(promise: Promise<T>, what: () => string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`after ${LIMIT_MS} ms ${what()}`)), LIMIT_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
