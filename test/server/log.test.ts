/**
 * What reaches the log: by level, and of a flood only its beginning and a count.
 */
import { describe, expect, spyOn, test } from "bun:test";
import { LOG_BURST } from "../../src/core/limits.ts";
import { stderrWriter } from "../../src/server/log-writer.ts";
import { newLog, type LogLevel } from "../../src/server/log.ts";
import { handClock } from "../support/clock.ts";

/** A log at `level`, and what it has written. */
function recordedLog(level: LogLevel) {
  const clock = handClock();
  const lines: string[] = [];
  const log = newLog(clock, level, (lineLevel, line) => lines.push(`${lineLevel}: ${line}`));
  return { clock, lines, log };
}

describe("a log", () => {
  test("writes what weighs as much as its level or more", () => {
    const levels = ["error", "warn", "info", "debug"] as const;
    for (const [i, level] of levels.entries()) {
      const { lines, log } = recordedLog(level);
      log.error("a");
      log.warn("b");
      log.info("c");
      log.debug("d");
      expect(lines).toEqual(["error: a", "warn: b", "info: c", "debug: d"].slice(0, i + 1));
    }
  });

  test("never counts lines that are no events", () => {
    const { clock, lines, log } = recordedLog("info");
    for (let i = 0; i < 100; i++) {
      log.info("the same");
    }
    expect(lines.length).toBe(100);
    expect(clock.pending()).toBe(0);
  });
});

describe("a flood of events", () => {
  test("becomes a few lines and, when its second is over, a count", () => {
    const { clock, lines, log } = recordedLog("info");
    for (let i = 0; i < 1_000; i++) {
      log.event("warn", "closed, reset", `peer ${i}`);
    }
    const first = Array.from({ length: LOG_BURST }, (_, i) => `warn: peer ${i}`);
    expect(lines).toEqual(first);
    clock.advance(999);
    expect(lines).toEqual(first);
    clock.advance(1);
    const count = `warn: closed, reset: ${1_000 - LOG_BURST} more in the last second`;
    expect(lines).toEqual([...first, count]);
    expect(clock.pending()).toBe(0);
  });

  test("of exactly as many as may be written is no flood", () => {
    const { clock, lines, log } = recordedLog("info");
    for (let i = 0; i < LOG_BURST; i++) {
      log.event("info", "started", "x");
    }
    clock.advance(5_000);
    expect(lines.length).toBe(LOG_BURST);
    log.event("info", "started", "y");
    expect(lines.at(-1)).toBe("info: y");
  });

  test("of one kind hides no event of another", () => {
    const { clock, lines, log } = recordedLog("info");
    for (let i = 0; i < 100; i++) {
      log.event("info", "started", "noise");
    }
    log.event("error", "internal error", "the one that matters");
    expect(lines.at(-1)).toBe("error: the one that matters");
    clock.advance(1_000);
    expect(lines.filter((line) => line.includes("more in the last second"))).toEqual([
      `info: started: ${100 - LOG_BURST} more in the last second`,
    ]);
  });

  test("that goes on writes the same few lines and a count every second", () => {
    const { clock, lines, log } = recordedLog("info");
    for (let ms = 0; ms < 10_000; ms++) {
      log.event("info", "started", "x");
      clock.advance(1);
    }
    clock.advance(1_000);
    expect(lines.length).toBe(10 * (LOG_BURST + 1));
    const counts = lines.map((line) => Number(/: (\d+) more/.exec(line)?.[1] ?? 1));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10_000);
    expect(clock.pending()).toBe(0);
  });

  test("below the log's level is neither written nor counted in it", () => {
    const { clock, lines, log } = recordedLog("warn");
    for (let i = 0; i < 100; i++) {
      log.event("info", "started", "x");
    }
    clock.advance(1_000);
    expect(lines).toEqual([]);
  });
});

test("lines go to stderr alone, each with its time and level, however many are the same", () => {
  const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
  const stdout = spyOn(process.stdout, "write").mockImplementation(() => true);
  const written: string[] = [];
  try {
    const log = newLog(handClock(), "debug", stderrWriter("text"));
    for (let i = 0; i < 20; i++) {
      log.info("the same");
    }
    log.warn("100% %s of it");
    log.error("oh");
    log.debug("ah");
    written.push(...stderr.mock.calls.map(([text]) => String(text)));
    expect(stdout).not.toHaveBeenCalled();
  } finally {
    stderr.mockRestore();
    stdout.mockRestore();
  }
  const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /;
  expect(written.every((line) => time.test(line))).toBe(true);
  expect(written.map((line) => line.replace(time, ""))).toEqual([
    ...Array.from({ length: 20 }, () => "info  the same\n"),
    "warn  100% %s of it\n",
    "error oh\n",
    "debug ah\n",
  ]);
});
