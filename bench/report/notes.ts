/**
 * What has to be said below a table, so that nobody believes more than was measured.
 */
import { CORES, hasProc } from "../measure/proc.ts";
import type { Figures, PartFigures } from "./figures.ts";
import { fixed, ms, percent } from "./table.ts";

/** From this part of a core on a process has no time left, and what it measures is itself. */
export const SATURATED = 0.9;

/** Milliseconds by which the load may be late at its 99th percentile: a part of what is measured. */
export const LATE_MS = 20;

/** Cores' worth of CPU of others, as a part of the machine, that make figures doubtful. */
const NOISE = 0.15;

/** Notes about one row. */
export function notesOn(name: string, figures: Figures): readonly string[] {
  const { faults, closed, failed, busiestLoadShare, latenessP99, parts } = figures;
  const notes: string[] = [];
  const say = (condition: boolean, text: string): void => {
    if (condition) {
      notes.push(`${name}: ${text}`);
    }
  };
  if (parts.length > 1) {
    notes.push(...parts.map((part) => `${name}: ${useOf(part)}`));
  }
  say(faults.corrupt > 0, `${faults.corrupt} frames came with other bytes than were sent`);
  say(faults.repeated > 0, `${faults.repeated} frames came twice`);
  say(faults.reordered > 0, `${faults.reordered} frames came out of order`);
  say(faults.foreign > 0, `${faults.foreign} frames came from another channel`);
  say(failed > 0, `${failed} connections could not be made`);
  say(closed > 0, `${closed} connections were closed by the server`);
  say(
    (busiestLoadShare ?? 0) > SATURATED,
    `the load took ${percent(busiestLoadShare)} of a core: it is the limit, not the server`,
  );
  say((latenessP99 ?? 0) > LATE_MS, `frames were sent up to ${ms(latenessP99)} ms late (p99)`);
  return notes;
}

/** What one of several processes took, for all that they delivered together. */
function useOf({ cpu, cpuPerGbit, mib, name, share }: PartFigures): string {
  return (
    `${name} took ${fixed(cpu, 2)} CPU s, ${fixed(cpuPerGbit, 3)} s/Gbit, ` +
    `${percent(share)} of a core, ${fixed(mib, 0)} MiB`
  );
}

/** Notes about the run as a whole. */
export function generalNotes(rows: readonly Figures[]): readonly string[] {
  const notes: string[] = [];
  const shares = rows.map(
    ({ serverShare, busiestLoadShare, loadCpuPerGbit }) =>
      `server ${percent(serverShare)}, load ${percent(busiestLoadShare)} of a core ` +
      `(${fixed(loadCpuPerGbit, 3)} CPU s/Gbit in all)`,
  );
  notes.push(`CPU: ${shares[0] ?? "-"}`);
  if (!hasProc) {
    notes.push("this system has no /proc: the server's CPU and memory stay empty");
  }
  const others = rows.map(othersCores).filter((cores) => cores !== undefined);
  const worst = Math.max(0, ...others);
  if (worst > NOISE * CORES) {
    notes.push(
      `other programs took ${fixed(worst, 2)} cores meanwhile: compare rows, and not with other days`,
    );
  }
  return notes;
}

/** Cores that neither server nor load used. */
function othersCores(figures: Figures): number | undefined {
  const { machineCores, serverShare, loadCpuPerGbit, gbitPerSecond } = figures;
  if (machineCores === undefined || serverShare === undefined) {
    return undefined;
  }
  return machineCores - serverShare - (loadCpuPerGbit ?? 0) * (gbitPerSecond ?? 0);
}
