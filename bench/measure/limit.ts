/**
 * What kept a number of watchers from being carried, as far as the figures tell.
 */
import type { Figures } from "../report/figures.ts";
import { SATURATED } from "../report/notes.ts";
import { percent } from "../report/table.ts";
import { CORES } from "./proc.ts";

export interface Limit {
  readonly text: string;
  /** Whether it is the server that can do no more: otherwise the capacity is only a lower bound. */
  readonly ofServer: boolean;
}

/** The part of memory below which a machine begins to suffer. */
const MEMORY_LEAST = 0.05;

/** The part of all cores above which there is no time left on the machine. */
const MACHINE_FULL = 0.95;

/** Explains a trial that failed. `memoryLeft` is the part of the machine's memory that was free. */
export function limitOf(figures: Figures, memoryLeft: number | undefined): Limit {
  const { busiestLoadShare, machineCores, parts } = figures;
  // Of several processes the one that has the least time left is the limit of all.
  const busiest = parts.map(({ share }) => share ?? 0);
  const serverShare = busiest.length > 1 ? Math.max(...busiest) : figures.serverShare;
  const shares = `server ${percent(serverShare)}, load ${percent(busiestLoadShare)} of a core`;
  if (memoryLeft !== undefined && memoryLeft < MEMORY_LEAST) {
    return { text: `memory (${percent(memoryLeft)} left)`, ofServer: false };
  }
  // The load first: while it is at its limit, nothing else can be known.
  if ((busiestLoadShare ?? 0) > SATURATED) {
    return { text: `the load generator's CPU (${shares})`, ofServer: false };
  }
  if ((serverShare ?? 0) > SATURATED) {
    return { text: `the server's CPU (${shares})`, ofServer: true };
  }
  if (machineCores !== undefined && machineCores > MACHINE_FULL * CORES) {
    return { text: `the machine's CPU, which others used too (${shares})`, ofServer: false };
  }
  return { text: `latency or loss while there was CPU to spare (${shares})`, ofServer: true };
}
