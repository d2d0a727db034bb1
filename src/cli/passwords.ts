/**
 * Passwords from where they do not stand in the process list: a file, a hidden prompt, the
 * environment.
 */
import { openSync, readFileSync, readSync } from "node:fs";
import { ReadStream } from "node:tty";
import { messageOf, UsageError } from "./talk.ts";

/** The places that one password may come from, the first one given winning. */
export interface PasswordSources {
  /** What a person calls it, as in its flag: "user-password". */
  readonly name: string;
  readonly flag: string | undefined;
  readonly file: string | undefined;
  readonly ask: boolean | undefined;
  readonly url: string | undefined;
  readonly env: string | undefined;
  readonly envFile: string | undefined;
}

/** The password, or undefined where no place gives one. */
export async function findPassword(sources: PasswordSources): Promise<string | undefined> {
  if (sources.flag !== undefined) {
    return sources.flag;
  }
  if (sources.file !== undefined) {
    return passwordFromFile(sources.file);
  }
  if (sources.ask === true) {
    return askHidden(`${sources.name}: `);
  }
  const given = sources.url ?? sources.env;
  if (given !== undefined || sources.envFile === undefined) {
    return given;
  }
  return passwordFromFile(sources.envFile);
}

/** The first line of a file. */
export function passwordFromFile(path: string): string {
  try {
    return readFileSync(path, "utf8").split(/\r?\n/, 1)[0] ?? "";
  } catch (error) {
    throw new UsageError(`the password file cannot be read: ${messageOf(error)}`);
  }
}

/**
 * Asks on the terminal itself, for stdin may be the stream, and shows nothing of the answer.
 *
 * It reads byte by byte and blocks: a stream would go on reading behind the answer, and take from
 * whoever reads the terminal next, be it another prompt or the player that our stdout goes to.
 */
export function askHidden(prompt: string): string {
  const fd = openTerminal();
  const terminal = new ReadStream(fd);
  terminal.setRawMode(true);
  process.stderr.write(prompt);
  try {
    return readHidden(fd);
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write("\n");
  }
}

/** What is typed on a terminal in raw mode, up to Enter. */
function readHidden(fd: number): string {
  const byte = new Uint8Array(1);
  let typed = "";
  // A character may be several bytes, so they are kept as one character each until the end.
  for (;;) {
    const key = readSync(fd, byte) === 0 ? END_OF_INPUT : String.fromCharCode(...byte);
    switch (key) {
      case "\r":
      case "\n":
        return Buffer.from(typed, "latin1").toString("utf8");
      case INTERRUPT:
      case END_OF_INPUT:
        throw new UsageError("no password was given");
      case BACKSPACE:
      case DELETE:
        typed = typed.replace(/[^\x80-\xBF][\x80-\xBF]*$/, "");
        break;
      case ERASE_ALL:
        typed = "";
        break;
      default:
        typed += key;
    }
  }
}

/** Keys as a terminal in raw mode sends them: Ctrl-C, Ctrl-D, Ctrl-H, Ctrl-U, and Backspace. */
const INTERRUPT = "\x03";
const END_OF_INPUT = "\x04";
const BACKSPACE = "\x08";
const ERASE_ALL = "\x15";
const DELETE = "\x7f";

function openTerminal(): number {
  try {
    return openSync(process.platform === "win32" ? "CONIN$" : "/dev/tty", "r");
  } catch {
    throw new UsageError("there is no terminal to ask for a password on; use a password file");
  }
}
