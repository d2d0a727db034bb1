/**
 * What a report shows: charts of series over one axis.
 */
import type { Round } from "../measure/round.ts";
import type { Trial } from "../commands/capacity.ts";
import { memoryTrend } from "../measure/memory.ts";
import { merge, newHistogram, pack, percentile, type Histogram } from "../verify/histogram.ts";
import type { Entry } from "./publish.ts";

export interface Chart {
  readonly title: string;
  readonly x: {
    readonly label: string;
    readonly values: readonly number[];
    /** What stands at some of the values instead of a number. */
    readonly ticks?: readonly (readonly [number, string])[];
  };
  readonly y: { readonly label: string; readonly logarithmic?: boolean };
  readonly series: readonly { readonly name: string; readonly values: readonly Value[] }[];
}

type Value = number | null;

/** Per cents of a latency chart, by how many nines they have: each is as far from the next one. */
const PERCENTILES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999];

/** Those that are written below the axis. */
const WRITTEN: readonly number[] = [0, 0.5, 0.9, 0.99, 0.999, 0.9999];

/** The charts of a comparison or a soak. */
export function contestCharts(entries: readonly Entry[], seconds: number): readonly Chart[] {
  const measured = entries.flatMap(({ name, rounds }) =>
    typeof rounds === "string" || rounds.length === 0 ? [] : [{ name, rounds }],
  );
  const charts = [
    latencyOverTime(measured, seconds),
    latencyByPercentile(measured),
    serverOverTime(measured, "Memory of the server", "MiB", ({ mib }) => mib),
    serverOverTime(measured, "CPU of the server", "% of a core", ({ cpu }) => cpu * 100),
    ...measured.flatMap(cpuOfParts),
  ];
  return charts.filter(({ series }) =>
    series.some(({ values }) => values.some((value) => value !== null)),
  );
}

interface Measured {
  readonly name: string;
  readonly rounds: readonly Round[];
}

interface Sampled {
  readonly name: string;
  readonly rounds: readonly Pick<Round, "samples">[];
}

function ofAllRounds(entries: readonly Measured[]): string {
  return entries.some(({ rounds }) => rounds.length > 1) ? ", all rounds together" : "";
}

function latencyOverTime(entries: readonly Measured[], seconds: number): Chart {
  const slices = entries[0]?.rounds[0]?.slices.length ?? 0;
  return {
    title: `Latency over time${ofAllRounds(entries)}`,
    x: {
      label: "seconds",
      values: Array.from({ length: slices }, (_, i) => (i * seconds) / slices),
    },
    y: { label: "ms", logarithmic: true },
    series: entries.flatMap(({ name, rounds }) => {
      const merged = Array.from({ length: slices }, (_, i) =>
        together(rounds.map((round) => round.slices[i])),
      );
      return [0.5, 0.99].map((part) => ({
        name: `${name} p${part * 100}`,
        values: merged.map((slice) => percentile(slice, part) ?? null),
      }));
    }),
  };
}

/** Where a part of all frames stands: each nine takes as much room. */
function place(part: number): number {
  return -Math.log10(1 - part);
}

function latencyByPercentile(entries: readonly Measured[]): Chart {
  return {
    title: `Latency by percentile${ofAllRounds(entries)}`,
    x: {
      label: "per cent of all frames",
      values: PERCENTILES.map(place),
      ticks: WRITTEN.map((part) => [place(part), `${+(part * 100).toFixed(2)}`] as const),
    },
    y: { label: "ms", logarithmic: true },
    series: entries.map(({ name, rounds }) => {
      const all = together(rounds.map(({ latency }) => latency));
      return { name, values: PERCENTILES.map((part) => percentile(all, part) ?? null) };
    }),
  };
}

function together(histograms: readonly (Histogram | undefined)[]): Histogram {
  const all = newHistogram();
  for (const histogram of histograms) {
    if (histogram !== undefined) {
      merge(all, pack(histogram));
    }
  }
  return all;
}

function serverOverTime(
  entries: readonly Sampled[],
  title: string,
  label: string,
  of: (sample: Round["samples"][number]) => number,
): Chart {
  // The longest round has the axis; the last one of each is shown, for medians of curves are none.
  const last = entries.map(({ name, rounds }) => ({ name, samples: rounds.at(-1)?.samples ?? [] }));
  const axis = last.reduce(
    (best, { samples }) => (samples.length > best.length ? samples : best),
    last[0]?.samples ?? [],
  );
  const series = last.map(({ name, samples }) => ({
    name,
    values: axis.map((_, i): Value => {
      const sample = samples[i];
      return sample === undefined ? null : of(sample);
    }),
  }));
  const trend = entries.length === 1 && label === "MiB" ? memoryTrend(axis) : undefined;
  return {
    title,
    x: { label: "seconds", values: axis.map(({ at }) => at) },
    y: { label },
    series:
      trend === undefined
        ? series
        : [
            ...series,
            { name: "trend", values: axis.map(({ at }) => trend.at0 + trend.slope * at) },
          ],
  };
}

/** Of a server of several processes, each by itself, in the last round. */
function cpuOfParts({ name, rounds }: Measured): readonly Chart[] {
  const parts = rounds.at(-1)?.parts ?? [];
  if (parts.length < 2) {
    return [];
  }
  const used = parts.map((part) => ({ name: part.name, rounds: [{ samples: part.samples }] }));
  const title = `CPU of each process of ${name}`;
  return [serverOverTime(used, title, "% of a core", ({ cpu }) => cpu * 100)];
}

function share(part: number | undefined): number | undefined {
  return part === undefined ? undefined : part * 100;
}

/** The charts of a search for the capacity. */
export function capacityCharts(trials: readonly Trial[]): readonly Chart[] {
  // A trial that was made twice is shown as it came out the second time.
  const latest = new Map(trials.map((trial) => [trial.watchers, trial]));
  const sorted = [...latest.values()].toSorted((a, b) => a.watchers - b.watchers);
  const values = sorted.map(({ watchers }) => watchers);
  const curve = (name: string, of: (trial: Trial) => number | undefined) => ({
    name,
    values: sorted.map((trial) => of(trial) ?? null),
  });
  return [
    {
      title: "CPU by watchers",
      x: { label: "watchers", values },
      y: { label: "% of a core" },
      series: [
        curve("server", ({ figures }) => share(figures.serverShare)),
        curve("load", ({ figures }) => share(figures.busiestLoadShare)),
      ],
    },
    {
      title: "Latency by watchers",
      x: { label: "watchers", values },
      y: { label: "ms", logarithmic: true },
      series: [
        curve("p50", ({ figures }) => figures.p50),
        curve("p99", ({ figures }) => figures.p99),
        curve("max", ({ figures }) => figures.max),
      ],
    },
    {
      title: "Memory by watchers",
      x: { label: "watchers", values },
      y: { label: "MiB" },
      series: [curve("server", ({ figures }) => figures.serverMib)],
    },
  ];
}
