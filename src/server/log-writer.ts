/**
 * How a line of the log looks, for people or for programs, and its way to stderr. What peers call
 * themselves stands in it: no character of that may act on a terminal or begin a line of its own.
 *
 *     2026-01-02 03:04:05 info  bob/cam is live from 192.0.2.1:4711
 *
 *     {"time":"2026-01-02T03:04:05.678Z","level":"info","event":"broadcast-started",
 *      "message":"bob/cam is live from 192.0.2.1:4711","user":"bob","channel":"cam",…}
 */
import { createConsola } from "consola";
import { LEVELS, type LogFields, type LogLevel, type LogWriter } from "./log.ts";
import { visible } from "./settings-value.ts";

export type LogFormat = "text" | "json";

/** Writes to stderr: stdout is data alone. */
export function stderrWriter(format: LogFormat): LogWriter {
  return format === "json" ? writeJson : consolaWriter();
}

function writeJson(level: LogLevel, line: string, kind: string, fields: LogFields): void {
  process.stderr.write(`${jsonLine(new Date(), level, line, kind, fields)}\n`);
}

/** One entry as one object. Its text is ASCII where a terminal might act on it. */
export function jsonLine(
  time: Date,
  level: LogLevel,
  line: string,
  kind: string,
  fields: LogFields,
): string {
  const entry = { time: time.toISOString(), level, event: eventName(kind), message: line };
  return JSON.stringify({ ...entry, ...fields }).replaceAll(
    /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu,
    unicodeEscapes,
  );
}

/** The name of a kind: "internal error" is "internal-error", and "closed, left" is "closed". */
function eventName(kind: string): string {
  const [name = ""] = kind.split(",");
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

/** What JSON would let through, in JSON's own escapes. */
function unicodeEscapes(char: string): string {
  return char
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** One event, one line: time, level, text. */
function consolaWriter(): LogWriter {
  const consola = createConsola({
    level: LEVELS.debug,
    reporters: [
      {
        log({ date, type, args }) {
          const time = date.toISOString().replace("T", " ").slice(0, 19);
          process.stderr.write(`${time} ${type.padEnd(5)} ${visible(args.join(" "))}\n`);
        },
      },
    ],
  });
  // consola joins equal lines that follow each other; ours are held back by kind, and each stands
  // for an event.
  consola.options.throttle = 0;
  return (level, line) => consola[level](line);
}
