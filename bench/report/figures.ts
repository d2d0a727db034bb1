/**
 * The figures of a round as people compare them, and of several rounds by their medians.
 */
import type { Round } from "../measure/round.ts";
import { percentile } from "../verify/histogram.ts";
import { addFaults, type Faults } from "../verify/tally.ts";

/** Undefined is what could not be measured here. */
type Figure = number | undefined;

/** One of the processes that are a server. */
export interface PartFigures {
  readonly name: string;
  /** CPU seconds within the window, and those a gigabit of all that was delivered. */
  readonly cpu: Figure;
  readonly cpuPerGbit: Figure;
  /** Of one core. */
  readonly share: Figure;
  readonly mib: Figure;
}

export interface Figures {
  readonly watchers: number;
  readonly gbitPerSecond: Figure;
  readonly faults: Faults;
  /** What watchers with habits saw, who are owed nothing: only torn frames count. */
  readonly othersFaults: Faults;
  readonly closed: number;
  readonly failed: number;
  /** Milliseconds from when a frame was due to its last byte. */
  readonly p50: Figure;
  readonly p90: Figure;
  readonly p99: Figure;
  readonly p999: Figure;
  readonly max: Figure;
  /** Milliseconds from connecting to the first byte, and to the first one of a keyframe. */
  readonly joinByteP50: Figure;
  readonly joinByteP99: Figure;
  readonly joinKeyP50: Figure;
  readonly joinKeyP99: Figure;
  /** CPU seconds a gigabit that was delivered, of all processes of the server. */
  readonly serverCpuPerGbit: Figure;
  readonly loadCpuPerGbit: Figure;
  /** Of one core. */
  readonly serverShare: Figure;
  readonly busiestLoadShare: Figure;
  /** Of the whole machine, in cores. */
  readonly machineCores: Figure;
  readonly serverMib: Figure;
  readonly serverDescriptors: Figure;
  readonly parts: readonly PartFigures[];
  /** Milliseconds by which the load itself was late, at the 99th percentile. */
  readonly latenessP99: Figure;
}

export function figuresOf(round: Round): Figures {
  const { latency, firstByteMs, firstKeyMs, seconds, gbit, serverCpu } = round;
  const perGbit = (cpu: Figure): Figure =>
    cpu === undefined || gbit === 0 ? undefined : cpu / gbit;
  return {
    watchers: round.watchers,
    gbitPerSecond: gbit / seconds,
    faults: round.faults,
    othersFaults: round.othersFaults,
    closed: round.closed + round.broadcastersClosed,
    failed: round.failed,
    p50: percentile(latency, 0.5),
    p90: percentile(latency, 0.9),
    p99: percentile(latency, 0.99),
    p999: percentile(latency, 0.999),
    max: percentile(latency, 1),
    joinByteP50: quantile(firstByteMs, 0.5),
    joinByteP99: quantile(firstByteMs, 0.99),
    joinKeyP50: quantile(firstKeyMs, 0.5),
    joinKeyP99: quantile(firstKeyMs, 0.99),
    serverCpuPerGbit: perGbit(serverCpu),
    loadCpuPerGbit: perGbit(round.loadCpu),
    serverShare: serverCpu === undefined ? undefined : serverCpu / seconds,
    busiestLoadShare: round.busiestLoadCpu / seconds,
    machineCores: round.machineCpu === undefined ? undefined : round.machineCpu / seconds,
    serverMib: round.serverMib,
    serverDescriptors: round.serverDescriptors,
    parts: round.parts.map(({ cpu, mib, name }) => ({
      name,
      cpu,
      cpuPerGbit: perGbit(cpu),
      share: cpu === undefined ? undefined : cpu / seconds,
      mib,
    })),
    latenessP99: percentile(round.lateness, 0.99),
  };
}

/** The medians of several rounds. Faults add up: one torn frame in ten rounds is one too many. */
export function medians(rounds: readonly Figures[]): Figures {
  const median = (pick: (figures: Figures) => Figure): Figure =>
    quantile(
      rounds.map(pick).filter((value) => value !== undefined),
      0.5,
    );
  return {
    watchers: rounds[0]?.watchers ?? 0,
    gbitPerSecond: median((one) => one.gbitPerSecond),
    faults: addFaults(rounds.map(({ faults }) => faults)),
    othersFaults: addFaults(rounds.map(({ othersFaults }) => othersFaults)),
    closed: rounds.reduce((sum, { closed }) => sum + closed, 0),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
    p50: median((one) => one.p50),
    p90: median((one) => one.p90),
    p99: median((one) => one.p99),
    p999: median((one) => one.p999),
    max: median((one) => one.max),
    joinByteP50: median((one) => one.joinByteP50),
    joinByteP99: median((one) => one.joinByteP99),
    joinKeyP50: median((one) => one.joinKeyP50),
    joinKeyP99: median((one) => one.joinKeyP99),
    serverCpuPerGbit: median((one) => one.serverCpuPerGbit),
    loadCpuPerGbit: median((one) => one.loadCpuPerGbit),
    serverShare: median((one) => one.serverShare),
    busiestLoadShare: median((one) => one.busiestLoadShare),
    machineCores: median((one) => one.machineCores),
    serverMib: median((one) => one.serverMib),
    serverDescriptors: median((one) => one.serverDescriptors),
    parts: (rounds[0]?.parts ?? []).map(({ name }, i) => ({
      name,
      cpu: median(({ parts }) => parts[i]?.cpu),
      cpuPerGbit: median(({ parts }) => parts[i]?.cpuPerGbit),
      share: median(({ parts }) => parts[i]?.share),
      mib: median(({ parts }) => parts[i]?.mib),
    })),
    latenessP99: median((one) => one.latenessP99),
  };
}

/** Faults that have no column of their own. */
export function otherFaults({ corrupt, repeated, reordered, foreign }: Faults): number {
  return corrupt + repeated + reordered + foreign;
}

/** The value that `part` of all values do not exceed; of an even number the lower middle one. */
export function quantile(values: readonly number[], part: number): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(part * sorted.length), 1) - 1];
}
