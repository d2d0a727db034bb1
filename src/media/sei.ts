/**
 * Supplemental enhancement information (ITU-T H.264, section 7.3.2.3.1; H.265, section 7.3.5):
 *
 *     ┌────────────────────┬────────────────────┬─────────┬──────────────
 *     │ type: ff … ff, n   │ size: ff … ff, n   │ payload │ next message …
 *     └────────────────────┴────────────────────┴─────────┴──────────────
 *
 * Type and size are sums of their bytes, of which all but the last are 255.
 */
import { withoutEmulation } from "./bits.ts";

/**
 * Bytes of a unit within which a message is looked for. What encoders put before a recovery point is
 * the buffering period and the picture's timing, at times captions of a hundred bytes.
 */
export const SEI_HEAD_BYTES = 1024;

const RECOVERY_POINT = 6;

/** Whether a unit, whose messages begin at `from`, tells of a recovery point. */
export function hasRecoveryPoint(unit: Uint8Array, from: number): boolean {
  const rbsp = withoutEmulation(unit, from);
  let at = 0;
  // Two bytes at least make a message; a single one is the stop bit that ends them.
  while (at + 2 <= rbsp.length) {
    const type = readSum(rbsp, at);
    const size = readSum(rbsp, type.end);
    if (type.value === RECOVERY_POINT) {
      return true;
    }
    at = size.end + size.value;
  }
  return false;
}

function readSum(rbsp: Uint8Array, from: number): { value: number; end: number } {
  let at = from;
  while (rbsp[at] === 255) {
    at++;
  }
  return { value: (at - from) * 255 + (rbsp[at] ?? 0), end: at + 1 };
}
