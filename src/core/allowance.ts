/**
 * How many bytes a source may send: so many a second on average, and a store of them for bursts.
 *
 *     rate, bytes a second ──► │▒▒▒▒▒▒▒▒      │ ──► bytes that come
 *                              └ left ┘       └ BITRATE_WINDOW_MS of the rate, full at first
 *
 * Invariant: in any time of `ms` no more than `rate` times `ms` and the whole store get through.
 */
import { BITRATE_WINDOW_MS } from "./limits.ts";

/** Only {@link spend} writes to it. */
export interface Allowance {
  left: number;
  at: number;
}

export function newAllowance(rate: number, now: number): Allowance {
  return { left: storeOf(rate), at: now };
}

/** Takes `bytes` off, and says whether they were there. The rate may be another than before. */
export function spend(allowance: Allowance, rate: number, bytes: number, now: number): boolean {
  const gained = ((now - allowance.at) * rate) / 1000;
  allowance.left = Math.min(allowance.left + gained, storeOf(rate)) - bytes;
  allowance.at = now;
  return allowance.left >= 0;
}

function storeOf(rate: number): number {
  return (rate * BITRATE_WINDOW_MS) / 1000;
}
