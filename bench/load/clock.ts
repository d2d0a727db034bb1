/**
 * One clock for all processes of a run. Bun counts time from a process's start, which it knows in the
 * system's own terms: processes agree to a few microseconds.
 */

const ORIGIN_MS = performance.timeOrigin;

/** Microseconds since the epoch. */
export function nowUs(): number {
  return (ORIGIN_MS + performance.now()) * 1_000;
}

/** Resolves at `us`, give or take a millisecond. */
export async function sleepUntil(us: number): Promise<void> {
  await Bun.sleep(Math.max((us - nowUs()) / 1_000, 0));
}
