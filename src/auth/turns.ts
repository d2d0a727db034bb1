/**
 * Takes turns: a few tasks at once, the others in line.
 *
 *     take ──► running (atOnce) ──► done
 *        │         ▲ first come, first served
 *        └──► waiting
 *
 * Invariant: nobody waits while fewer than the allowed number are running.
 */
export interface Turns {
  /** How many would wait before a newcomer; undefined where it would not wait. */
  readonly line: () => number | undefined;
  readonly take: <T>(task: () => Promise<T>) => Promise<T>;
}

/** Turns for `atOnce` tasks at a time. How many may wait is for the caller to bound. */
export function turns(atOnce: number): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;

  /**
   * Hands the finished one's place to the first in line, so that a newcomer cannot slip in between.
   */
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) {
      running--;
    } else {
      next();
    }
  };

  return {
    line: () => (running < atOnce ? undefined : waiting.length),
    take: async (task) => {
      if (running < atOnce) {
        running++;
      } else {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      try {
        return await task();
      } finally {
        leave();
      }
    },
  };
}
