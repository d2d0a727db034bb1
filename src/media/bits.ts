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

/** A reader, which never throws: behind the end it reads zeros. */
export interface Bits {
  readonly rbsp: Uint8Array;
  /** The position, in bits. */
  at: number;
  /** Whether more was read than there is, or a number of more than 32 bits: nothing read counts. */
  isSpent: boolean;
}

/** A reader of what `unit` says from its byte `from` on. */
export function newBits(unit: Uint8Array, from: number): Bits {
  return { rbsp: withoutEmulation(unit, from), at: 0, isSpent: false };
}

/** What `unit` says from its byte `from` on: the bytes 03 behind two zero bytes are left out. */
export function withoutEmulation(unit: Uint8Array, from: number): Uint8Array {
  const rbsp = new Uint8Array(Math.max(unit.length - from, 0));
  let length = 0;
  let zeros = 0;
  for (let i = from; i < unit.length; i++) {
    const byte = unit[i]!;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    rbsp[length++] = byte;
  }
  return rbsp.subarray(0, length);
}

/** Passes over `count` bits, where it does not matter what they say. */
export function skipBits(bits: Bits, count: number): void {
  bits.at += count;
  bits.isSpent ||= bits.at > bits.rbsp.length * 8;
}

/** u(n): an unsigned integer of up to 32 bits. */
export function readBits(bits: Bits, count: number): number {
  const from = bits.at;
  skipBits(bits, count);
  if (bits.isSpent) {
    return 0;
  }
  let value = 0;
  for (let at = from; at < bits.at; at++) {
    value = value * 2 + ((bits.rbsp[at >> 3]! >> (7 - (at & 7))) & 1);
  }
  return value;
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
