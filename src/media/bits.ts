/**
 * Reads the bits of a NAL unit, for H.264 and H.265 alike:
 *
 *     unit   67 42 00 00 03 01 ab …        as it is sent: no start code within, by 03 after 00 00
 *     RBSP   67 42 00 00    01 ab …        what it says
 *
 *     ue(v)  1 → 0   010 → 1   011 → 2   00100 → 3   …     as many zeros as bits behind the one
 *
 * Emulation prevention is ITU-T H.264, section 7.4.1.1, and H.265, section 7.4.2.3; the Exp-Golomb
 * code is section 9.1 and 9.2.
 */

/**
 * A reader, which never throws: behind the end it reads zeros.
 *
 * Invariant: the lowest `left` bits of `byte` are the next ones, and `at` is where the byte behind
 * it stands, before which `zeros` zero bytes stand.
 */
export interface Bits {
  readonly unit: Uint8Array;
  at: number;
  byte: number;
  left: number;
  zeros: number;
  /** Whether more was read than there is, or a number of more than 32 bits: nothing read counts. */
  isSpent: boolean;
}

/** A reader of what `unit` says from its byte `from` on. */
export function newBits(unit: Uint8Array, from: number): Bits {
  return { unit, at: from, byte: 0, left: 0, zeros: 0, isSpent: false };
}

/** Goes on to the next byte, and passes over one that only prevents a start code. */
function nextByte(bits: Bits): void {
  if (bits.zeros >= 2 && bits.unit[bits.at] === 3) {
    bits.zeros = 0;
    bits.at++;
  }
  bits.isSpent ||= bits.at >= bits.unit.length;
  bits.byte = bits.isSpent ? 0 : bits.unit[bits.at]!;
  bits.left = 8;
  bits.zeros = bits.byte === 0 ? bits.zeros + 1 : 0;
  bits.at++;
}

/** u(n): an unsigned integer of up to 32 bits. */
export function readBits(bits: Bits, count: number): number {
  let value = 0;
  for (let more = count; more > 0;) {
    if (bits.left === 0) {
      nextByte(bits);
    }
    const step = Math.min(more, bits.left);
    more -= step;
    bits.left -= step;
    value = value * 2 ** step + ((bits.byte >> bits.left) & (2 ** step - 1));
  }
  return bits.isSpent ? 0 : value;
}

/** Passes over `count` bits, where it does not matter what they say. */
export function skipBits(bits: Bits, count: number): void {
  for (let more = count; more > 0 && !bits.isSpent;) {
    const step = Math.min(more, 32);
    readBits(bits, step);
    more -= step;
  }
}

/** u(1). */
export function readFlag(bits: Bits): boolean {
  return readBits(bits, 1) === 1;
}

/** ue(v): an unsigned integer that is short where it is small. */
export function readUe(bits: Bits): number {
  let zeros = 0;
  while (!readFlag(bits)) {
    zeros++;
    bits.isSpent ||= zeros > 32;
    if (bits.isSpent) {
      return 0;
    }
  }
  return 2 ** zeros - 1 + readBits(bits, zeros);
}

/** se(v): a signed one. The values go 0, 1, -1, 2, -2, … */
export function readSe(bits: Bits): number {
  const code = readUe(bits);
  return code % 2 === 1 ? (code + 1) / 2 : code / -2;
}
