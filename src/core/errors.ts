/**
 * The codes by which a peer learns what went wrong, and the one error type that carries them.
 */

/** Every code that a reply frame may carry. The order is that of the protocol's own list. */
export const CODES = [
  "bad-request",
  "unauthorized",
  "forbidden",
  "not-found",
  "not-live",
  "busy",
  "limit",
  "timeout",
  "too-slow",
  "shutting-down",
] as const;

export type Code = (typeof CODES)[number];

/** Says whether `text` is one of the protocol's codes. */
export function isCode(text: string): text is Code {
  return (CODES as readonly string[]).includes(text);
}

/** Why a peer is refused or sent away: a code for its program, a sentence for its person. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
}

/** Builds a {@link Refusal}. */
export function refusal(code: Code, message: string): Refusal {
  return { code, message };
}

/** What was thrown, in its own words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
