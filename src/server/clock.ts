/**
 * The real clock.
 */
import type { Clock } from "../core/clock.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
