/**
 * Bits as H.264 writes them: fixed lengths, Exp-Golomb codes (ITU-T H.264, section 9.1) and NAL units
 * (sections 7.3.1 and B.1).
 *
 *     ┌─────────────┬────────┬───────────────────────────────┐
 *     │ 00 00 00 01 │ header │ payload, with 03 in between:  │
 *     │ start code  │ 1 byte │ 00 00 (00…03) ► 00 00 03 (…)  │
 *     └─────────────┴────────┴───────────────────────────────┘
 */

/** What stands before every NAL unit. */
export const START_CODE: Uint8Array = Uint8Array.of(0, 0, 0, 1);

/** Bits under way to become bytes. */
export interface Bits {
  readonly bytes: number[];
  /** How many bits of the last byte are taken; 8 when it is full. */
  filled: number;
}

export function newBits(): Bits {
  return { bytes: [], filled: 8 };
}

/** Appends the lowest `count` bits of `value`: u(n) in the standard. */
export function put(bits: Bits, value: number, count: number): void {
  for (let i = count - 1; i >= 0; i--) {
    if (bits.filled === 8) {
      bits.bytes.push(0);
      bits.filled = 0;
    }
    const bit = Math.floor(value / 2 ** i) % 2;
    bits.bytes[bits.bytes.length - 1]! |= bit << (7 - bits.filled);
    bits.filled++;
  }
}

/** Appends an unsigned Exp-Golomb code: ue(v). */
export function putUe(bits: Bits, value: number): void {
  const length = Math.floor(Math.log2(value + 1)) + 1;
  put(bits, 0, length - 1);
  put(bits, value + 1, length);
}

/** Fills up the last byte with zeros. */
export function align(bits: Bits): void {
  bits.filled = 8;
}

/** Appends the bit that ends a payload, and fills up: rbsp_trailing_bits. */
export function trail(bits: Bits): void {
  put(bits, 1, 1);
  align(bits);
}

/** The NAL unit of a payload, with its start code and whatever bytes must prevent emulating one. */
export function nalUnit(header: number, payload: readonly number[]): Buffer {
  return Buffer.from([...START_CODE, header, ...escape(payload)]);
}

/** Puts a 03 wherever a payload would look like a start code. */
export function escape(payload: readonly number[]): number[] {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out;
}
