/**
 * NAL units for tests: taking streams apart, and writing units by hand, bit by bit.
 */
import { concatBytes } from "../../src/core/bytes.ts";

const START_CODE = Buffer.of(0, 0, 1);

/**
 * The stream cut before each start code, together with the zero bytes that stand before it. A search
 * of its own, so that a scanner is not judged by itself.
 */
export function cutUnits(stream: Uint8Array): readonly Uint8Array[] {
  const bytes = Buffer.from(stream);
  const cuts: number[] = [];
  for (let at = bytes.indexOf(START_CODE); at !== -1; at = bytes.indexOf(START_CODE, at + 3)) {
    cuts.push(at > 0 && bytes[at - 1] === 0 ? at - 1 : at);
  }
  return cuts.map((cut, index) => bytes.subarray(cut, cuts[index + 1]));
}

/** The byte behind the start code of a cut unit. */
export function firstByte(unit: Uint8Array): number {
  return unit[unit.indexOf(1) + 1] ?? 0;
}

/** The stream without the units that `isLeftOut` names by their first byte, but for the first `kept`. */
export function leaveOut(
  stream: Uint8Array,
  isLeftOut: (first: number) => boolean,
  kept: number,
): Uint8Array {
  let seen = 0;
  return concatBytes(
    ...cutUnits(stream).filter((unit) => !isLeftOut(firstByte(unit)) || seen++ < kept),
  );
}

/** Bits as they are written: "0" and "1". */
export function u(width: number, value: number): string {
  return value.toString(2).padStart(width, "0");
}

export function ue(value: number): string {
  const code = (value + 1).toString(2);
  return "0".repeat(code.length - 1) + code;
}

export function se(value: number): string {
  return ue(value > 0 ? value * 2 - 1 : value * -2);
}

/** Zero bits up to the next byte. */
export function aligned(bits: string): string {
  return bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
}

/** A unit with its start code: the header's bytes, then the bits and the stop bit, with emulation prevented. */
export function unitOf(header: readonly number[], bits: string): Uint8Array {
  const rbsp = aligned(`${bits}1`).match(/.{8}/g) ?? [];
  const bytes = [...header];
  for (const byte of rbsp.map((text) => Number.parseInt(text, 2))) {
    if (byte <= 3 && bytes.at(-1) === 0 && bytes.at(-2) === 0) {
      bytes.push(3);
    }
    bytes.push(byte);
  }
  return Uint8Array.of(0, 0, 0, 1, ...bytes);
}
