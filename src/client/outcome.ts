/**
 * How a client's connection can end, what the person is told, and with which exit code.
 */
import type { Code, Refusal } from "../core/errors.ts";

export type Outcome =
  /** A broadcaster has sent everything, or a watcher has received everything. */
  | { readonly kind: "ended" }
  /** A watcher that came back after the end has found nobody who broadcasts. */
  | { readonly kind: "over" }
  | { readonly kind: "refused"; readonly why: Refusal; readonly wasLive: boolean }
  | { readonly kind: "lost"; readonly message: string }
  | { readonly kind: "unreachable"; readonly message: string }
  /** Whoever read our stdout has gone, as `head` does. A normal end. */
  | { readonly kind: "broken-pipe" }
  | { readonly kind: "interrupted" };

/** Exit codes: 1 is for our own mistakes, 2 for mistakes on the command line. */
export const EXIT_CODES: Record<Outcome["kind"], number> = {
  ended: 0,
  over: 0,
  "broken-pipe": 0,
  refused: 3,
  lost: 4,
  unreachable: 5,
  interrupted: 130,
};

/** Codes that another attempt may not meet again. */
const PASSING: ReadonlySet<Code> = new Set([
  "not-live",
  "busy",
  "limit",
  "timeout",
  "too-slow",
  "shutting-down",
]);

/**
 * Says whether trying again makes sense. A broadcaster that was replaced must not: two that take
 * the channel from each other for ever would be worse than one that stops.
 */
export function mayRetry(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case "lost":
    case "unreachable":
      return true;
    case "refused":
      return PASSING.has(outcome.why.code) && !(outcome.wasLive && outcome.why.code === "busy");
    case "ended":
    case "over":
    case "broken-pipe":
    case "interrupted":
      return false;
  }
}

/** What it comes to when no server could be reached, by what was said of each. */
export function noneReached(messages: readonly string[]): Outcome {
  const [only = ""] = messages;
  const all = messages.map((message, i) => `(${i + 1}) ${message}`).join(" ");
  return {
    kind: "unreachable",
    message:
      messages.length > 1 ? `none of ${messages.length} servers can be reached: ${all}` : only,
  };
}

/** One line for the person; undefined where there is nothing to say. */
export function describe(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case "refused":
      return `refused (${outcome.why.code}): ${outcome.why.message}${hint(outcome.why.code, outcome.wasLive)}`;
    case "lost":
    case "unreachable":
      return outcome.message;
    case "ended":
    case "over":
    case "broken-pipe":
    case "interrupted":
      return undefined;
  }
}

function hint(code: Code, wasLive: boolean): string {
  switch (code) {
    case "unauthorized":
      return "; see --user-password and --channel-password";
    case "not-live":
      return "; without --no-wait the watcher waits for it";
    case "not-found":
      return "; see --user";
    case "busy":
      return wasLive ? "" : "; with --retry it is tried again";
    case "limit":
    case "shutting-down":
      return "; with --retry it is tried again";
    case "bad-request":
    case "forbidden":
    case "timeout":
    case "too-slow":
      return "";
  }
}
