/**
 * Which name a misspelt one is taken for.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { nearest } from "../../src/core/nearest.ts";

const NAMES = ["port", "host", "coalesce", "max-connections", "handshake-timeout"];

test.each([
  ["prot", "port"],
  ["colaesce", "coalesce"],
  ["max-conections", "max-connections"],
  ["maxconnections", "max-connections"],
  ["handshake", undefined],
  ["HOST", "host"],
  ["port", "port"],
])("%p is taken for %p", (word, meant) => {
  expect(nearest(word, NAMES)).toBe(meant);
});

test("a word that is near nothing is taken for nothing", () => {
  expect(nearest("bitrate", NAMES)).toBeUndefined();
  expect(nearest("", NAMES)).toBeUndefined();
  expect(nearest("port", [])).toBeUndefined();
});

test("two edits are forgiven in a short word, three are not", () => {
  expect(nearest("pxxt", ["port"])).toBe("port");
  expect(nearest("pxxx", ["port"])).toBeUndefined();
});

test("a third of a long word is forgiven, no more", () => {
  expect(nearest("abcdefghixxx", ["abcdefghiyyy"])).toBe("abcdefghiyyy");
  expect(nearest("abcdefghxxxx", ["abcdefghyyyy"])).toBe("abcdefghyyyy");
  expect(nearest("abcdefgxxxxx", ["abcdefgyyyyy"])).toBeUndefined();
});

test("a short candidate that shares no letter is not near, though few edits lead to it", () => {
  expect(nearest("xy", ["ab"])).toBeUndefined();
  expect(nearest("x", ["ab"])).toBeUndefined();
});

test("the nearest wins, and the first of equals", () => {
  expect(nearest("slaw", ["sliw", "slow", "slaws"])).toBe("sliw");
  expect(nearest("linger", ["finger", "linger"])).toBe("linger");
});

test("a very long word is near nothing short, and costs no long search", () => {
  expect(nearest("port".repeat(1_000_000), NAMES)).toBeUndefined();
});

test("one swap of neighbours in a name still finds it, whatever other words there are", () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.nat(), (name, seed) => {
      const at = seed % (name.length - 1);
      const swapped = [name.slice(0, at), name[at + 1], name[at], name.slice(at + 2)].join("");
      expect(nearest(swapped, NAMES)).toBe(name);
    }),
  );
});

test("the answer is always a candidate or nothing", () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string()), (word, candidates) => {
      const found = nearest(word, candidates);
      expect(found === undefined || candidates.includes(found)).toBe(true);
    }),
  );
});
