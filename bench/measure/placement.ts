/**
 * Which cores the two sides run on. Apart from each other they disturb each other least, and the
 * server has exactly one core, as it would on a machine that does nothing else.
 */
import { availableParallelism } from "node:os";

export interface Placement {
  /** What to put before a command. */
  readonly server: readonly string[];
  readonly load: readonly string[];
  /** For the head of a report. */
  readonly text: string;
}

/** Keeps server and load apart where the system can; `wanted` turns it off. */
export function newPlacement(wanted: boolean): Placement {
  const cores = availableParallelism();
  const taskset = process.platform === "linux" ? Bun.which("taskset") : null;
  if (!wanted || taskset === null || cores < 2) {
    return { server: [], load: [], text: "server and load on any core" };
  }
  const rest = cores === 2 ? "0" : `0-${cores - 2}`;
  return {
    server: [taskset, "-c", String(cores - 1)],
    load: [taskset, "-c", rest],
    text: `server on core ${cores - 1}, load on ${cores === 2 ? "core" : "cores"} ${rest}`,
  };
}
