/**
 * Integers and UTF-8 as Python reads them, and secrets as `===` compares them.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  decodeUtf8,
  encodeUtf8,
  readUint32,
  sameSecret,
  writeUint32,
} from "../../src/core/bytes.ts";
import { askPython } from "../protocol/helpers.ts";
import { describeWith } from "../support/tools.ts";

const anyText = fc.string({ unit: "binary", maxLength: 60 });

/** Bytes that are nearly UTF-8: cut characters, surrogates, overlong forms, and plain noise. */
const nearlyUtf8 = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 3 }).map((text) => encodeUtf8(text)),
      fc.constantFrom(
        [0xed, 0xa0, 0x80],
        [0xc0, 0x80],
        [0xf4, 0x90, 0x80, 0x80],
        [0xef, 0xbb, 0xbf],
      ),
      fc.uint8Array({ maxLength: 3 }),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => Buffer.concat(pieces.map((piece) => Uint8Array.from(piece))));

describe("an unsigned 32-bit integer", () => {
  test("lies in the bytes as a DataView writes and reads it, at any offset", () => {
    const edges = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x12345678);
    const value = fc.oneof(edges, fc.nat(0xffffffff));
    fc.assert(
      fc.property(value, fc.nat(20), (number, offset) => {
        const bytes = new Uint8Array(24).fill(0xaa);
        const expected = new Uint8Array(24).fill(0xaa);
        new DataView(expected.buffer).setUint32(offset, number);
        writeUint32(bytes, offset, number);
        expect(bytes).toEqual(expected);
        expect(readUint32(expected, offset)).toBe(number);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("UTF-8", () => {
  test("gives any text back, byte order marks and NULs included", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0, 0x61))).toBe("\ufeff\0a");
  });
});

describeWith("python3", "compared with Python's UTF-8", () => {
  test("the same bytes are text, and the same text", () => {
    const samples = fc.sample(nearlyUtf8, 3000).map((bytes) => bytes.toString("hex"));
    const script = `answer = []
for sample in given:
    try:
        answer.append(bytes.fromhex(sample).decode("utf-8"))
    except UnicodeDecodeError:
        answer.append(None)`;
    const ours = samples.map((sample) => decodeUtf8(Buffer.from(sample, "hex")));
    expect(askPython(script, samples)).toEqual(ours);
    expect(ours.filter((text) => text === null).length).toBeGreaterThan(300);
    expect(ours.filter((text) => text !== null).length).toBeGreaterThan(300);
  });
});

describe("two secrets", () => {
  const few = fc.array(fc.constantFrom("a", "b", "é", "\0"), { maxLength: 6 });
  const secret = fc.oneof(
    anyText,
    few.map((letters) => letters.join("")),
  );

  test("are the same exactly where === says so", () => {
    fc.assert(
      fc.property(secret, secret, (a, b) => {
        expect(sameSecret(a, b)).toBe(a === b);
        expect(sameSecret(a, a)).toBe(true);
        expect(sameSecret(a + b, a)).toBe(b === "");
        expect(sameSecret(a, a + b)).toBe(b === "");
        expect(sameSecret(a + a, a)).toBe(a === "");
      }),
      { numRuns: 2000 },
    );
  });

  test("are the same where both are empty, and not where one is", () => {
    expect(sameSecret("", "")).toBe(true);
    expect(sameSecret("a", "")).toBe(false);
    expect(sameSecret("", "a")).toBe(false);
    expect(sameSecret("\0", "")).toBe(false);
    expect(sameSecret("", "\0")).toBe(false);
  });

  test("differ by one letter anywhere, by their case, and by how an accent is written", () => {
    const whole = "correct horse";
    for (let i = 0; i < whole.length; i++) {
      expect(sameSecret(`${whole.slice(0, i)}*${whole.slice(i + 1)}`, whole)).toBe(false);
    }
    expect(sameSecret("Secret", "secret")).toBe(false);
    expect(sameSecret("\u00e9", "e\u0301")).toBe(false);
  });
});
