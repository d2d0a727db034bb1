/**
 * The reports of all load processes of a round, added up.
 */
import type { CastResult, WatchResult } from "../load/messages.ts";
import { merge, newHistogram, pack } from "../verify/histogram.ts";
import { addFaults, SLICES } from "../verify/tally.ts";
import type { Usage } from "./observe.ts";
import type { Load, Round } from "./round.ts";

type Sum = Omit<Round, "failed" | keyof Usage>;

export function addUp(load: Load, cast: CastResult, seen: readonly WatchResult[]): Sum {
  const steady = seen.filter(({ habit }) => habit === "steady");
  const others = seen.filter(({ habit }) => habit !== "steady");
  const slices = Array.from({ length: SLICES }, newHistogram);
  steady.forEach((result) => {
    result.slices.forEach((packed, i) => merge(slices[i] ?? newHistogram(), packed));
  });
  const latency = newHistogram();
  slices.forEach((slice) => merge(latency, pack(slice)));
  const lateness = newHistogram();
  merge(lateness, cast.lateness);
  const expected = load.sink ? 0 : sum(steady.map(({ present }) => owed(present, cast.frames)));
  const delivered = sum(steady.map((result) => result.delivered));
  const faults = addFaults(steady.map((result) => result.faults));
  const cpus = [cast.cpuSeconds, ...seen.map(({ cpuSeconds }) => cpuSeconds)];
  return {
    watchers: load.watchers,
    seconds: load.seconds,
    // Each process measures its own time; what it received is brought to that of the window.
    gbit: (sum(seen.map(({ bytes, seconds }) => bytes / seconds)) * load.seconds * 8) / 1e9,
    expected,
    delivered,
    // Counted by what was owed, what never came at the end is among the lost.
    faults: { ...faults, lost: Math.max(expected - delivered - faults.torn - faults.corrupt, 0) },
    othersFaults: addFaults(others.map((result) => result.faults)),
    latency,
    slices,
    firstByteMs: others.flatMap(({ firstByteMs }) => firstByteMs),
    firstKeyMs: others.flatMap(({ firstKeyMs }) => firstKeyMs),
    lateness,
    closed: sum(steady.map(({ closed }) => closed)),
    broadcastersClosed: cast.closed,
    loadCpu: sum(cpus),
    busiestLoadCpu: Math.max(...cpus),
  };
}

function owed(present: readonly number[], frames: readonly number[]): number {
  return sum(present.map((watchers, channel) => watchers * (frames[channel] ?? 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
