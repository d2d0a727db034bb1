/**
 * Mistakes of ours. One of them costs at most the connection in whose handler it was made: it is
 * written to the log with its stack, counted, and the server goes on for everybody else.
 */
import type { Log } from "./log.ts";

export interface Faults {
  /** How many there were. */
  count(): number;
  note(error: unknown): void;
}

export function newFaults(log: Log): Faults {
  let count = 0;
  return {
    count: () => count,
    note(error) {
      count++;
      log.event("error", "internal error", `internal error: ${traced(error)}`);
    },
  };
}

/** What went wrong and where, in one line. */
function traced(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" | ");
}

/** Signals that ask for nothing here, and would end a process that does not expect them. */
const HARMLESS = ["SIGPIPE", "SIGUSR1", "SIGUSR2"] as const;

/**
 * From now on no exception, no rejection and none of those signals ends the process. Before that, a
 * server that cannot start must fail.
 */
export function survive(faults: Faults, log: Log): void {
  process.on("uncaughtException", (error) => faults.note(error));
  process.on("unhandledRejection", (reason) => faults.note(reason));
  for (const signal of HARMLESS) {
    process.on(signal, () => log.event("debug", "signal", `${signal}: nothing to do`));
  }
}
