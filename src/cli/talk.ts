/**
 * What the command line says, on stderr, and how it ends. stdout is data alone.
 */
import { createConsola, type LogType } from "consola";
import { colors } from "consola/utils";
import { messageOf as plainMessageOf } from "../core/errors.ts";

/** A mistake on the command line: one line says what is wrong and what to type instead. */
export class UsageError extends Error {}

/** The exit code of a mistake on the command line. */
export const EXIT_USAGE = 2;

/**
 * Says things to the person at the terminal: one line each, with the program's name, as in a pipe
 * of several programs.
 */
export const talk: ReturnType<typeof createConsola> = createConsola({
  level: 3,
  reporters: [
    {
      log({ type, args }) {
        const name = process.stderr.isTTY ? (COLORS[type] ?? String)("fstream:") : "fstream:";
        process.stderr.write(`${name} ${args.map(textOf).join(" ")}\n`);
      },
    },
  ],
});

/** By the kind of what is said. */
const COLORS: Partial<Record<LogType, (text: string) => string>> = {
  error: colors.red,
  warn: colors.yellow,
  success: colors.green,
};

/** A mistake of ours shows where it comes from; everything else is a sentence. */
function textOf(said: unknown): string {
  return said instanceof Error ? (said.stack ?? said.message) : String(said);
}

/** What an error says, as the rest of a line that begins with the program's name. */
export function messageOf(error: unknown): string {
  const text = plainMessageOf(error);
  return text.replace(/^[A-Z](?=[a-z]* )/, (letter) => letter.toLowerCase()).replace(/\.$/, "");
}
