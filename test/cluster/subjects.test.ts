import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { allMedia, isNodeId, mediaSubject, token } from "../../src/cluster/subjects.ts";

const ID = "0123456789abcdef";

describe("a token of a subject", () => {
  test("is any text, without what means something in a subject", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(token(text)).toMatch(/^[A-Za-z0-9_=-]+$/);
      }),
    );
  });

  test("is that of no other text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 4 }),
        fc.string({ unit: "grapheme", maxLength: 4 }),
        (a, b) => {
          expect(token(a) === token(b)).toBe(a === b);
        },
      ),
    );
  });

  test.each([
    ["main", "main"],
    ["", "="],
    ["a.b", "a=2eb"],
    ["*", "=2a"],
    [">", "=3e"],
    ["two words", "two=20words"],
    ["=", "=3d"],
    ["ü", "=c3=bc"],
  ])("%j is %s", (text, wanted) => {
    expect(token(text)).toBe(wanted);
  });
});

describe("the subject of a channel", () => {
  test("has a token for its user, its name and the node that it goes to", () => {
    expect(mediaSubject("a.b", "", ID)).toBe(`fstream.1.media.a=2eb.=.${ID}`);
  });

  test("is one of those that the node hears, however the channel is called", () => {
    const pattern = allMedia(ID).split(".");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (channel) => {
        const parts = mediaSubject("bob", channel, ID).split(".");
        expect(parts.length).toBe(pattern.length);
        expect(pattern.every((part, i) => part === "*" || part === parts[i])).toBe(true);
      }),
    );
  });
});

test.each(["", "0123456789abcde", "0123456789ABCDEF", "0123456789abcde.", 7, null])(
  "%j is the number of no node",
  (value) => {
    expect(isNodeId(value)).toBe(false);
  },
);
