/**
 * The reader of bits, against a writer that knows only the standard's tables.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { newBits, readBits, readFlag, readSe, readUe, skipBits } from "../../src/media/bits.ts";
import { hasRecoveryPoint } from "../../src/media/sei.ts";
import { se, u, ue, unitOf } from "./units.ts";

/** The first byte behind a start code of four bytes. */
const HEAD = 4;

describe("bits", () => {
  test("the codes of the standard's table 9-2", () => {
    const bits = newBits(
      unitOf([], ["1", "010", "011", "00100", "00101", "0001000"].join("")),
      HEAD,
    );
    expect(Array.from({ length: 6 }, () => readUe(bits))).toEqual([0, 1, 2, 3, 4, 7]);
    const signed = newBits(unitOf([], ["1", "010", "011", "00100", "00101"].join("")), HEAD);
    expect(Array.from({ length: 5 }, () => readSe(signed) + 0)).toEqual([0, 1, -1, 2, -2]);
  });

  test("numbers of every kind come back, whatever emulation prevention does to them", () => {
    const unsigned = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** 32 - 2 }));
    const signed = fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.array(unsigned), fc.array(signed), fc.nat({ max: 40 }), (a, b, zeros) => {
        const text = [...a.map(ue), u(zeros + 1, 0), ...b.map(se), ...a.map((v) => u(32, v)), "1"];
        const bits = newBits(unitOf([0x67], text.join("")), HEAD + 1);
        expect(a.map(() => readUe(bits))).toEqual(a);
        skipBits(bits, zeros + 1);
        expect(b.map(() => readSe(bits) + 0)).toEqual(b.map((value) => value + 0));
        expect(a.map(() => readBits(bits, 32))).toEqual(a);
        expect(readFlag(bits)).toBeTrue();
        expect(bits.isSpent).toBeFalse();
      }),
    );
  });

  test("emulation prevention is taken out, and a 03 elsewhere is not", () => {
    const unit = Uint8Array.of(0, 0, 3, 1, 3, 0, 3, 0, 0, 3, 0, 0, 3);
    const bits = newBits(unit, 0);
    const bytes = Array.from({ length: 10 }, () => readBits(bits, 8));
    expect(bytes).toEqual([0, 0, 1, 3, 0, 3, 0, 0, 0, 0]);
    expect(bits.isSpent).toBeFalse();
    expect(readBits(bits, 8)).toBe(0);
    expect(bits.isSpent).toBeTrue();
  });

  test("behind the end everything is zero, and the reader says that it is spent", () => {
    const bits = newBits(Uint8Array.of(0x80), 0);
    expect(readBits(bits, 8)).toBe(0x80);
    expect(bits.isSpent).toBeFalse();
    expect([readBits(bits, 1), readUe(bits), readSe(bits) + 0]).toEqual([0, 0, 0]);
    expect(bits.isSpent).toBeTrue();
  });

  test("a number of more than 32 bits spends the reader", () => {
    const bits = newBits(new Uint8Array(20).fill(1, 8), 0);
    expect(readUe(bits)).toBe(0);
    expect(bits.isSpent).toBeTrue();
  });

  test("a unit that is nothing but a header says nothing", () => {
    for (const unit of [Uint8Array.of(0x67), Uint8Array.of()]) {
      const bits = newBits(unit, 1);
      expect([bits.isSpent, readFlag(bits), bits.isSpent]).toEqual([false, false, true]);
    }
  });
});

describe("supplemental enhancement information", () => {
  test("a recovery point is found wherever it stands", () => {
    expect(hasRecoveryPoint(sei(message(6, 1)), 1)).toBeTrue();
    expect(hasRecoveryPoint(sei(message(0, 9), message(4, 300), message(6, 2)), 1)).toBeTrue();
    expect(hasRecoveryPoint(sei(message(256, 0), message(6, 2)), 1)).toBeTrue();
  });

  test("what is none is not taken for one", () => {
    expect(hasRecoveryPoint(sei(message(1, 6)), 1)).toBeFalse();
    expect(hasRecoveryPoint(sei(message(261, 1)), 1)).toBeFalse();
    expect(hasRecoveryPoint(sei(u(8, 5) + u(8, 4) + u(8, 6).repeat(4)), 1)).toBeFalse();
  });

  test("what is cut off is not looked for", () => {
    expect(hasRecoveryPoint(Uint8Array.of(6, 5, 255), 1)).toBeFalse();
    expect(hasRecoveryPoint(Uint8Array.of(6, 255, 255), 1)).toBeFalse();
    expect(hasRecoveryPoint(Uint8Array.of(6, 6), 1)).toBeFalse();
    expect(hasRecoveryPoint(Uint8Array.of(6), 1)).toBeFalse();
  });
});

/** A message of this type, whose payload says nothing. */
function message(type: number, size: number): string {
  return sum(type) + sum(size) + u(8, 0x55).repeat(size);
}

function sei(...messages: readonly string[]): Uint8Array {
  return unitOf([6], messages.join("")).subarray(HEAD);
}

function sum(value: number): string {
  return u(8, 255).repeat(Math.floor(value / 255)) + u(8, value % 255);
}
