/**
 * What the server says. A flood of one kind of event becomes a few lines and a count, so that
 * whoever floods the server does not flood its disk.
 *
 * No password, no hash and no text of a request is ever handed to it.
 */
import type { Clock } from "../core/clock.ts";
import { LOG_BURST } from "../core/limits.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

/** By consola's numbers. */
export const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 3, debug: 4 };

/** What programs read of an entry besides its line. The names are promised not to change. */
export interface LogFields {
  readonly user?: string;
  readonly channel?: string;
  readonly verb?: "broadcast" | "watch";
  /** The peer, with its port. */
  readonly address?: string;
  /** Why a connection ended. */
  readonly code?: string;
  /** Bytes that were received of a broadcaster or sent to a watcher. */
  readonly bytes?: number;
  readonly duration_ms?: number;
  /** How many entries of the kind were not written. */
  readonly count?: number;
}

/** Says one thing. Its kind is what programs know it by: a few plain words that do not change. */
type Say = (line: string, kind?: string, fields?: LogFields) => void;

export interface Log {
  readonly error: Say;
  readonly warn: Say;
  readonly info: Say;
  readonly debug: Say;
  /**
   * Writes the line unless events of its `kind` have written enough this second; then it is
   * counted.
   */
  event(level: LogLevel, kind: string, line: string, fields?: LogFields): void;
}

export type LogWriter = (level: LogLevel, line: string, kind: string, fields: LogFields) => void;

/** A log whose level and looks may be changed while it is in use. */
export interface LiveLog extends Log {
  configure(level: LogLevel, write: LogWriter): void;
}

/** Lines that were held back, by kind. */
interface Tally {
  readonly level: LogLevel;
  written: number;
  held: number;
}

const NO_FIELDS: LogFields = {};

/** A log that writes by `write`, for the clock's seconds. */
export function newLog(clock: Clock, level: LogLevel, write: LogWriter): LiveLog {
  const tallies = new Map<string, Tally>();
  let least = level;
  let writer = write;
  const say = (
    lineLevel: LogLevel,
    line: string,
    kind = "message",
    fields: LogFields = NO_FIELDS,
  ): void => {
    if (LEVELS[lineLevel] <= LEVELS[least]) {
      writer(lineLevel, line, kind, fields);
    }
  };
  const settle = (): void => {
    for (const [kind, { held, level: tallied }] of tallies) {
      if (held > 0) {
        say(tallied, `${kind}: ${held} more in the last second`, kind, { count: held });
      }
    }
    tallies.clear();
  };
  return {
    error: (line, kind, fields) => say("error", line, kind, fields),
    warn: (line, kind, fields) => say("warn", line, kind, fields),
    info: (line, kind, fields) => say("info", line, kind, fields),
    debug: (line, kind, fields) => say("debug", line, kind, fields),
    event(eventLevel, kind, line, fields) {
      if (tallies.size === 0) {
        clock.after(1_000, settle);
      }
      const tally = tallies.get(kind) ?? { level: eventLevel, written: 0, held: 0 };
      tallies.set(kind, tally);
      if (tally.written < LOG_BURST) {
        tally.written++;
        say(eventLevel, line, kind, fields);
      } else {
        tally.held++;
      }
    },
    configure(newLevel, newWriter) {
      least = newLevel;
      writer = newWriter;
    },
  };
}
