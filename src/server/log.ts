/**
 * What the server says, on stderr. A flood of one kind of event becomes a few lines and a count, so
 * that whoever floods the server does not flood its disk.
 */
import { createConsola } from "consola";
import type { Clock } from "../core/clock.ts";
import { LOG_BURST } from "../core/limits.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

/** By consola's numbers. */
const LEVELS: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4 };

export interface Log {
  error(line: string): void;
  warn(line: string): void;
  info(line: string): void;
  debug(line: string): void;
  /**
   * Writes the line unless events of its `kind` have written enough this second; then it is
   * counted.
   */
  event(level: LogLevel, kind: string, line: string): void;
}

/** Lines that were held back, by kind. */
interface Tally {
  readonly level: LogLevel;
  written: number;
  held: number;
}

/** A log that writes by `write`, for the clock's seconds. */
export function newLog(
  clock: Clock,
  level: LogLevel,
  write: (level: LogLevel, line: string) => void = consolaWriter(),
): Log {
  const tallies = new Map<string, Tally>();
  const say = (lineLevel: LogLevel, line: string): void => {
    if (LEVELS[lineLevel] <= LEVELS[level]) {
      write(lineLevel, line);
    }
  };
  const settle = (): void => {
    for (const [kind, tally] of tallies) {
      if (tally.held > 0) {
        say(tally.level, `${kind}: ${tally.held} more in the last second`);
      }
    }
    tallies.clear();
  };
  return {
    error: (line) => say("error", line),
    warn: (line) => say("warn", line),
    info: (line) => say("info", line),
    debug: (line) => say("debug", line),
    event(eventLevel, kind, line) {
      if (tallies.size === 0) {
        clock.after(1_000, settle);
      }
      const tally = tallies.get(kind) ?? { level: eventLevel, written: 0, held: 0 };
      tallies.set(kind, tally);
      if (tally.written < LOG_BURST) {
        tally.written++;
        say(eventLevel, line);
      } else {
        tally.held++;
      }
    },
  };
}

/** One event, one line: time, level, text. Everything goes to stderr: stdout is data alone. */
function consolaWriter(): (level: LogLevel, line: string) => void {
  const consola = createConsola({
    level: LEVELS.debug,
    reporters: [
      {
        log({ date, type, args }) {
          const time = date.toISOString().replace("T", " ").slice(0, 19);
          process.stderr.write(`${time} ${type.padEnd(5)} ${args.join(" ")}\n`);
        },
      },
    ],
  });
  // consola joins equal lines that follow each other; ours are held back by kind, and each stands
  // for an event.
  consola.options.throttle = 0;
  return (level, line) => consola[level](line);
}
