/**
 * Which cores the two sides run on. Apart from each other they disturb each other least, and a
 * server has exactly one core, as it would on a machine that does nothing else. The processes of a
 * cluster have one each, and half of all together where there are fewer.
 */
import { availableParallelism } from "node:os";

export interface Placement {
  /** What to put before a command. */
  readonly server: readonly string[];
  readonly load: readonly string[];
  /** For the head of a report. */
  readonly text: string;
}

/**
 * Keeps a server of so many processes and its load apart where the system can; `wanted` turns it off.
 */
export function newPlacement(wanted: boolean, processes: number = 1): Placement {
  const cores = availableParallelism();
  const taskset = process.platform === "linux" ? Bun.which("taskset") : null;
  if (!wanted || taskset === null || cores < 2) {
    return { server: [], load: [], text: "server and load on any core" };
  }
  const first = cores - Math.min(processes, cores >> 1);
  const [server, load] = [range(first, cores - 1), range(0, first - 1)];
  return {
    server: [taskset, "-c", server],
    load: [taskset, "-c", load],
    text: `server on ${named(server)}, load on ${named(load)}`,
  };
}

function range(first: number, last: number): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function named(cores: string): string {
  return `${cores.includes("-") ? "cores" : "core"} ${cores}`;
}
