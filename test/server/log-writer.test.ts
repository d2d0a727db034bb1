/**
 * The two looks of the log, and that no name acts on a terminal in either.
 */
import { expect, spyOn, test } from "bun:test";
import { jsonLine, stderrWriter } from "../../src/server/log-writer.ts";
import { newLog } from "../../src/server/log.ts";
import { newWitness } from "../../src/server/witness.ts";
import type { Connection } from "../../src/server/model.ts";
import { LOG_BURST } from "../../src/core/limits.ts";
import { refusal } from "../../src/core/errors.ts";
import { request } from "../hub/fakes.ts";
import { handClock } from "../support/clock.ts";

/** Colours, a cleared screen in 7 and in 8 bits, a forged line, text that runs backwards. */
const EVIL = "\u001b[31m\u001b[2J\u009b2J\r\nforged\u0007\u2028\u202e\u{e0001}\u007f";
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** What is written to stderr while `work` runs, line by line. */
function written(work: () => void): string[] {
  const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    work();
    return stderr.mock.calls.map(([text]) => String(text));
  } finally {
    stderr.mockRestore();
  }
}

/** As much of a connection as a witness looks at. */
function connection(changes: Partial<Connection> = {}): Connection {
  const plain = { peer: "192.0.2.1:4711", openedAt: 0, request: null, bytes: 99 };
  return Object.assign(Object.create(null), plain, changes);
}

test("in lines, what a peer calls itself is shown and does not act", () => {
  const [line = ""] = written(() => {
    const log = newLog(handClock(), "info", stderrWriter("text"));
    const evil = connection({ request: request("watch", { channel: EVIL }), peer: EVIL });
    newWitness(handClock(), log, new Map()).started(evil);
  });
  expect(line).toEndWith("\n");
  expect(line.slice(0, -1)).not.toMatch(ACTIVE);
  expect(line).toContain("info  bob/\\u{1b}[31m\\u{1b}[2J\\u{9b}2J\\u{d}\\u{a}forged\\u{7}");
});

test("in JSON, an entry is one object with stable names, and no character in it acts", () => {
  const [first = "", second = "", third = ""] = written(() => {
    const clock = handClock();
    const log = newLog(clock, "info", stderrWriter("json"));
    const witness = newWitness(clock, log, new Map());
    const watcher = connection({ request: request("watch", { channel: EVIL }), openedAt: 0 });
    witness.started(watcher);
    witness.closed(watcher, refusal("too-slow", "fell behind the stream"));
    log.info("listening on ::1", "listening");
  });
  expect([first, second, third].every((line) => line.endsWith("}\n"))).toBe(true);
  expect(first.slice(0, -1)).not.toMatch(ACTIVE);
  expect(JSON.parse(first)).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    level: "info",
    event: "watch-started",
    message: expect.stringContaining(EVIL),
    user: "bob",
    channel: EVIL,
    verb: "watch",
    address: "192.0.2.1:4711",
  });
  expect(JSON.parse(second)).toMatchObject({
    level: "warn",
    event: "closed",
    code: "too-slow",
    bytes: 99,
    duration_ms: 1_000,
  });
  expect(JSON.parse(third)).toMatchObject({ event: "listening", message: "listening on ::1" });
});

test("in JSON, what was held back is a number", () => {
  const lines = written(() => {
    const clock = handClock();
    const log = newLog(clock, "info", stderrWriter("json"));
    for (let i = 0; i < 100; i++) {
      log.event("warn", "closed, reset", "x", { code: "reset" });
    }
    clock.advance(1_000);
  });
  expect(lines.length).toBe(LOG_BURST + 1);
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ event: "closed", count: 95 });
});

function name(kind: string): unknown {
  return JSON.parse(jsonLine(new Date(0), "info", "", kind, {})).event;
}

test("an event's name is made of lower-case words and dashes", () => {
  expect(["internal error", "closed, left", "no ipv6", "message"].map(name)).toEqual([
    "internal-error",
    "closed",
    "no-ipv6",
    "message",
  ]);
});

test("a level and looks that change count from the next line on", () => {
  const lines = written(() => {
    const log = newLog(handClock(), "warn", stderrWriter("text"));
    log.info("one");
    log.configure("info", stderrWriter("json"));
    log.info("two");
  });
  expect(lines.length).toBe(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", message: "two" });
});
