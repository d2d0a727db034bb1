/**
 * Passwords from where they do not stand in the process list: a file, a hidden prompt, the
 * environment.
 */
import { openSync, readFileSync } from "node:fs";
import { ReadStream } from "node:tty";
import { read } from "read";
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

/** Asks on the terminal itself, for stdin may be the stream, and shows nothing of the answer. */
export async function askHidden(prompt: string): Promise<string> {
  const input = openTerminal();
  try {
    return await read({ prompt, silent: true, input, output: process.stderr });
  } catch {
    throw new UsageError("no password was given");
  } finally {
    input.destroy();
    process.stderr.write("\n");
  }
}

function openTerminal(): ReadStream {
  try {
    return new ReadStream(openSync(process.platform === "win32" ? "CONIN$" : "/dev/tty", "r"));
  } catch {
    throw new UsageError("there is no terminal to ask for a password on; use a password file");
  }
}
