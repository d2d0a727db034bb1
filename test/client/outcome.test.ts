/**
 * What an end means: whether to try again, what the person reads, and what the shell sees.
 */
import { describe, expect, test } from "bun:test";
import {
  describe as describeOutcome,
  EXIT_CODES,
  mayRetry,
  noneReached,
} from "../../src/client/outcome.ts";
import type { Outcome } from "../../src/client/outcome.ts";
import { CODES, refusal, type Code } from "../../src/core/errors.ts";

function refused(code: Code, wasLive = false): Outcome {
  return { kind: "refused", why: refusal(code, "no"), wasLive };
}

describe("another attempt", () => {
  test("makes sense where the connection was lost or there was none", () => {
    expect(mayRetry({ kind: "lost", message: "gone" })).toBe(true);
    expect(mayRetry({ kind: "unreachable", message: "nobody" })).toBe(true);
  });

  test("makes no sense after an end that was wanted", () => {
    expect(mayRetry({ kind: "over" })).toBe(false);
    expect(mayRetry({ kind: "ended" })).toBe(false);
    expect(mayRetry({ kind: "broken-pipe" })).toBe(false);
    expect(mayRetry({ kind: "interrupted" })).toBe(false);
  });

  test("makes sense after the refusals that pass, and after no others", () => {
    const passing = ["not-live", "busy", "limit", "timeout", "too-slow", "shutting-down"];
    for (const code of CODES) {
      expect([code, mayRetry(refused(code))]).toEqual([code, passing.includes(code)]);
    }
  });

  test("is not made by a broadcaster that another one replaced", () => {
    for (const code of CODES) {
      const before = mayRetry(refused(code));
      expect([code, mayRetry(refused(code, true))]).toEqual([code, before && code !== "busy"]);
    }
  });
});

describe("an exit code", () => {
  test("tells every trouble from every other, and from mistakes of ours or in a command", () => {
    const troubles = [EXIT_CODES.refused, EXIT_CODES.lost, EXIT_CODES.unreachable];
    const codes = [0, 1, 2, ...troubles, EXIT_CODES.interrupted];
    expect(new Set(codes).size).toBe(codes.length);
    expect(EXIT_CODES.interrupted).toBe(130);
  });

  test("is 0 after the stream's end and after the reader's", () => {
    expect(EXIT_CODES.ended).toBe(0);
    expect(EXIT_CODES["broken-pipe"]).toBe(0);
    expect(EXIT_CODES.over).toBe(0);
  });
});

describe("the person", () => {
  test("reads nothing where there is nothing to say", () => {
    for (const kind of ["ended", "broken-pipe", "interrupted"] as const) {
      expect(describeOutcome({ kind })).toBeUndefined();
    }
  });

  test("reads what happened to the connection", () => {
    expect(describeOutcome({ kind: "lost", message: "it is gone" })).toBe("it is gone");
    expect(describeOutcome({ kind: "unreachable", message: "nobody" })).toBe("nobody");
  });

  test("reads of each server that could not be reached, in one line", () => {
    expect(noneReached(["nobody on a"])).toEqual({ kind: "unreachable", message: "nobody on a" });
    expect(noneReached(["nobody on a?", "no host b"])).toEqual({
      kind: "unreachable",
      message: "none of 2 servers can be reached: (1) nobody on a? (2) no host b",
    });
  });

  test("reads a refusal's code and message, in one line", () => {
    for (const code of CODES) {
      const line = describeOutcome(refused(code)) ?? "";
      expect(line).toStartWith(`refused (${code}): no`);
      expect(line).not.toContain("\n");
    }
  });

  test("reads what to do about it where something can be done", () => {
    expect(describeOutcome(refused("unauthorized"))).toContain("--user-password");
    expect(describeOutcome(refused("not-live"))).toContain("--no-wait");
    expect(describeOutcome(refused("limit"))).toContain("--retry");
    expect(describeOutcome(refused("shutting-down"))).toContain("--retry");
  });
});
