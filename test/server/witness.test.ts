/**
 * What the log says of a connection's beginning and of its end.
 */
import { expect, test } from "bun:test";
import { CODES, refusal } from "../../src/core/errors.ts";
import { LOG_BURST } from "../../src/core/limits.ts";
import type { Connection, Reason } from "../../src/server/model.ts";
import { newLog } from "../../src/server/log.ts";
import { newWitness, type Closes } from "../../src/server/witness.ts";
import { request } from "../hub/fakes.ts";
import { handClock } from "../support/clock.ts";

/** A witness, its clock, what it logged and what it counted. */
function newScene() {
  const clock = handClock();
  const lines: string[] = [];
  const log = newLog(clock, "info", (level, line) => lines.push(`${level}: ${line}`));
  const closes: Closes = new Map();
  const witness = newWitness(clock, log, closes);
  /** As much of a connection as a witness looks at: a real one needs a socket. */
  const connection = (changes: Partial<Connection> = {}): Connection =>
    Object.assign(Object.create(null), {
      peer: "192.0.2.1:4711",
      openedAt: clock.now(),
      http: null,
      request: null,
      bytes: 0,
      ...changes,
    });
  return { clock, lines, closes, witness, connection };
}

const LEFT: Reason = { code: "left", message: "the peer closed the connection" };
const RESET: Reason = { code: "reset", message: "the peer reset the connection" };
const ENDED: Reason = { code: "ended", message: "the broadcast ended" };

test("a beginning is one line that says who, what and from where", () => {
  const { lines, witness, connection } = newScene();
  witness.started(connection({ request: request("broadcast", { channel: "cam" }) }));
  witness.started(connection({ request: request("watch") }));
  expect(lines).toEqual([
    "info: bob/cam is live from 192.0.2.1:4711",
    "info: bob/ is watched from 192.0.2.1:4711",
  ]);
});

test("an end is one line that says who, after how long and how much, and why", () => {
  const { clock, lines, witness, connection } = newScene();
  const broadcaster = connection({ request: request("broadcast", { channel: "cam" }) });
  const watcher = connection({ request: request("watch", { channel: "cam" }) });
  clock.advance(83_000);
  broadcaster.bytes = 12_300_000;
  watcher.bytes = 999;
  witness.closed(broadcaster, LEFT);
  witness.closed(watcher, refusal("too-slow", "fell behind the stream"));
  expect(lines).toEqual([
    "info: bob/cam: broadcaster 192.0.2.1:4711 closed after 1:23 and 12.3 MB, " +
      "left: the peer closed the connection",
    "warn: bob/cam: watcher 192.0.2.1:4711 closed after 1:23 and 999 B, " +
      "too-slow: fell behind the stream",
  ]);
});

test("an end before any request says from where and why", () => {
  const { lines, witness, connection } = newScene();
  witness.closed(connection(), refusal("timeout", "the request was not complete in time"));
  expect(lines).toEqual([
    "warn: closed 192.0.2.1:4711, timeout: the request was not complete in time",
  ]);
});

test("an end that is nobody's fault is no warning, and every other one is", () => {
  const { lines, witness, connection } = newScene();
  const reasons = [...CODES.map((code) => refusal(code, "x")), LEFT, RESET, ENDED];
  reasons.forEach((reason) => witness.closed(connection(), reason));
  const ordinary = lines.filter((line) => line.startsWith("info: "));
  expect(ordinary.map((line) => line.replace(/^.*, (.*):.*$/, "$1"))).toEqual([
    "shutting-down",
    "left",
    "ended",
  ]);
  expect(lines.filter((line) => line.startsWith("warn: ")).length).toBe(reasons.length - 3);
});

test("ends are counted by their reason, also those that the log only counts", () => {
  const { clock, lines, closes, witness, connection } = newScene();
  for (let i = 0; i < 100; i++) {
    witness.closed(connection(), RESET);
  }
  witness.closed(connection(), LEFT);
  expect(Object.fromEntries(closes)).toEqual({ reset: 100, left: 1 });
  expect(lines.length).toBe(LOG_BURST + 1);
  clock.advance(1_000);
  expect(lines.at(-1)).toBe(`warn: closed, reset: ${100 - LOG_BURST} more in the last second`);
});

test("no line shows a password", () => {
  const { lines, witness, connection } = newScene();
  const secrets = { userPassword: "s3cret", channelPassword: "s3cret" };
  for (const verb of ["broadcast", "watch"] as const) {
    const peer = connection({ request: request(verb, secrets) });
    witness.started(peer);
    witness.closed(peer, LEFT);
  }
  expect(lines.length).toBe(4);
  expect(lines.join()).not.toContain("s3cret");
});
