/**
 * What the command line says, on stderr, and how it ends. stdout is data alone.
 */
import { createConsola } from "consola";

/** A mistake on the command line: one line says what is wrong and what to type instead. */
export class UsageError extends Error {}

/** The exit code of a mistake on the command line. */
export const EXIT_USAGE = 2;

/** Says things to the person at the terminal. */
export const talk: ReturnType<typeof createConsola> = createConsola({
  level: 3,
  stdout: process.stderr,
  stderr: process.stderr,
  formatOptions: { date: false },
});
