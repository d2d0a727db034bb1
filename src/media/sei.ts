/**
 * Supplemental enhancement information (ITU-T H.264, section 7.3.2.3.1; H.265, section 7.3.5):
 *
 *     ┌────────────────────┬────────────────────┬─────────┬──────────────
 *     │ type: ff … ff, n   │ size: ff … ff, n   │ payload │ next message …
 *     └────────────────────┴────────────────────┴─────────┴──────────────
 *
 * Type and size are sums of their bytes, of which all but the last are 255.
 */
import { newBits, readBits, skipBits, type Bits } from "./bits.ts";

/**
 * Bytes of a unit within which a message is looked for. What encoders put before a recovery point is
 * the buffering period and the picture's timing, at times captions of a hundred bytes.
 */
export const SEI_HEAD_BYTES = 1024;

const RECOVERY_POINT = 6;

/** Whether a unit, whose messages begin at `from`, tells of a recovery point. */
export function hasRecoveryPoint(unit: Uint8Array, from: number): boolean {
  const bits = newBits(unit, from);
  while (!bits.isSpent) {
    const type = readSum(bits);
    const size = readSum(bits);
    if (type === RECOVERY_POINT && !bits.isSpent) {
      return true;
    }
    skipBits(bits, size * 8);
  }
  return false;
}

function readSum(bits: Bits): number {
  let sum = 0;
  let byte = 255;
  while (byte === 255) {
    byte = readBits(bits, 8);
    sum += byte;
  }
  return sum;
}
