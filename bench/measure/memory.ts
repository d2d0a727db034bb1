/**
 * Whether a server's memory grows. What a garbage collector does makes a saw-tooth of it; so the
 * minima of short spans are looked at, once the server is warm.
 */
import type { Sample } from "./observe.ts";
import { trendOf, type Trend } from "./trend.ts";

/** The part of a run in which a server takes what it needs, and is not judged. */
const WARMING = 0.3;

/** Spans of which each counts by its least memory. */
const SPANS = 20;

/** MiB by which a process may seem to grow over a run: what an allocator keeps for itself. */
const TOLERANCE_MIB = 8;

/** And what it may grow by besides, as a part of the whole. */
const TOLERANCE = 0.05;

export interface MemoryTrend extends Trend {
  /** MiB that the trend comes to over the judged time. */
  readonly growth: number;
  readonly leaks: boolean;
}

/** Of the memory of so many processes together. Undefined where nothing could be seen. */
export function memoryTrend(
  samples: readonly Sample[],
  processes: number = 1,
): MemoryTrend | undefined {
  const warm = samples.slice(Math.floor(samples.length * WARMING));
  const size = Math.max(Math.floor(warm.length / SPANS), 1);
  const minima: [x: number, y: number][] = [];
  for (let i = 0; i + size <= warm.length; i += size) {
    const span = warm.slice(i, i + size);
    minima.push([span[0]?.at ?? 0, Math.min(...span.map(({ mib }) => mib))]);
  }
  const [first, last] = [minima[0], minima.at(-1)];
  if (first === undefined || last === undefined) {
    return undefined;
  }
  const trend = trendOf(minima);
  const growth = trend.slope * (last[0] - first[0]);
  return { ...trend, growth, leaks: growth > TOLERANCE_MIB * processes + first[1] * TOLERANCE };
}
