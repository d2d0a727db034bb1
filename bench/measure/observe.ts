/**
 * What a server and the machine use within the window. A server may be several processes: each is
 * looked at by itself, and all of them together are the server.
 */
import { nowUs, sleepUntil } from "../load/clock.ts";
import type { Part } from "../peers/peer.ts";
import type { Window } from "../verify/tally.ts";
import { cpuSeconds, descriptors, machineBusySeconds, residentMib } from "./proc.ts";

/** What was seen to be used at one moment. */
export interface Sample {
  /** Seconds since the window began. */
  readonly at: number;
  readonly mib: number;
  /** Of one core, since the last sample. */
  readonly cpu: number;
}

/** What one process of a server used. */
export interface PartUse {
  readonly name: string;
  readonly cpu: number | undefined;
  readonly mib: number | undefined;
  readonly samples: readonly Sample[];
}

export interface Usage {
  readonly serverCpu: number | undefined;
  readonly serverMib: number | undefined;
  readonly serverDescriptors: number | undefined;
  readonly samples: readonly Sample[];
  /** Each process by itself. */
  readonly parts: readonly PartUse[];
  readonly machineCpu: number | undefined;
}

/** Milliseconds between two looks at the server: fifty of the ticks in which its CPU is counted. */
const SAMPLE_MS = 500;

/** Bounds of the samples that are kept, for a soak may take days. */
const SAMPLES_MAX = 2_000;

/** Looks at the server's processes and the machine from the window's beginning to its end. */
export async function observe(parts: readonly Part[], { from, to }: Window): Promise<Usage> {
  const step = Math.max(SAMPLE_MS * 1_000, (to - from) / SAMPLES_MAX);
  const machine = machineBusySeconds();
  const began = nowUs();
  const meters = parts.map((part) => newMeter(part, began));
  const looks = Math.max(Math.round((to - from) / step), 1);
  for (let i = 1; i <= looks; i++) {
    await sleepUntil(from + ((to - from) * i) / looks);
    const now = nowUs();
    meters.forEach((meter) => meter.look(now));
  }
  const busy = machineBusySeconds();
  const uses = meters.map((meter) => meter.use());
  const samples = together(uses.map((use) => use.samples));
  return {
    serverCpu: sum(uses.map(({ cpu }) => cpu)),
    serverMib: peak(samples),
    serverDescriptors: sum(parts.map(({ pid }) => descriptors(pid))),
    samples,
    parts: uses,
    machineCpu: busy === undefined || machine === undefined ? undefined : busy - machine,
  };
}

interface Meter {
  /** Takes a sample at that time. */
  look(us: number): void;
  use(): PartUse;
}

function newMeter({ name, pid }: Part, began: number): Meter {
  const samples: Sample[] = [];
  const first = cpuSeconds(pid);
  let last = { at: began, cpu: first ?? 0 };
  return {
    look(us) {
      const [cpu, mib] = [cpuSeconds(pid), residentMib(pid)];
      if (cpu !== undefined && mib !== undefined) {
        const share = ((cpu - last.cpu) * 1e6) / (us - last.at);
        samples.push({ at: (us - began) / 1e6, mib, cpu: share });
        last = { at: us, cpu };
      }
    },
    use: () => ({
      name,
      cpu: samples.length === 0 || first === undefined ? undefined : last.cpu - first,
      mib: peak(samples),
      samples,
    }),
  };
}

/** The samples of several processes added up, as long as all of them were there. */
export function together(parts: readonly (readonly Sample[])[]): readonly Sample[] {
  const [first = [], ...others] = parts;
  return first
    .filter((_, i) => others.every((samples) => i < samples.length))
    .map(({ at, cpu, mib }, i) => ({
      at,
      cpu: others.reduce((all, samples) => all + (samples[i]?.cpu ?? 0), cpu),
      mib: others.reduce((all, samples) => all + (samples[i]?.mib ?? 0), mib),
    }));
}

function peak(samples: readonly Sample[]): number | undefined {
  return samples.length === 0 ? undefined : Math.max(...samples.map(({ mib }) => mib));
}

/** Undefined where there is nothing, or something of it is not known. */
function sum(values: readonly (number | undefined)[]): number | undefined {
  let total: number | undefined;
  for (const value of values) {
    if (value === undefined) {
      return undefined;
    }
    total = (total ?? 0) + value;
  }
  return total;
}
