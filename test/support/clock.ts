/**
 * A clock that tests move by hand. Nothing here is asynchronous: what is due runs inside `advance`.
 */
import type { Clock } from "../../src/core/clock.ts";

export interface HandClock extends Clock {
  /** Moves on by `ms` and runs what is due, in its order, each task at its own time. */
  advance(ms: number): void;
  /** How many tasks have still to run: what is left over at the end is a leak. */
  pending(): number;
}

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that does not begin at zero, so that a forgotten time does not pass for a real one. */
export function handClock(): HandClock {
  let time = 1_000;
  const tasks = new Set<Task>();
  return {
    now: () => time,
    after(ms, run) {
      const task = { at: time + ms, run };
      tasks.add(task);
      return () => void tasks.delete(task);
    },
    pending: () => tasks.size,
    advance(ms) {
      const end = time + ms;
      for (;;) {
        const task = firstDue(tasks, end);
        if (task === undefined) {
          break;
        }
        tasks.delete(task);
        time = Math.max(time, task.at);
        task.run();
      }
      time = end;
    },
  };
}

/** Of tasks that are due at the same time, the one that was asked for first. */
function firstDue(tasks: Iterable<Task>, end: number): Task | undefined {
  let first: Task | undefined;
  for (const task of tasks) {
    if (task.at <= end && (first === undefined || task.at < first.at)) {
      first = task;
    }
  }
  return first;
}
