import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { encodeUtf8 } from "../../src/core/bytes.ts";
import { readWord, writeWord, type Stream, type Word } from "../../src/cluster/words.ts";

const from = "0123456789abcdef";

const stream: Stream = {
  seq: 3,
  epoch: 1_700_000_000_000,
  user: "bob",
  channel: "main, really",
  lock: "",
  silent: false,
  format: "h264",
};

const WORDS: readonly Word[] = [
  { k: "beat", from, v: 3, name: "n1", again: true },
  { k: "live", from, v: 4, stream },
  { k: "silent", from, v: 5, seq: 3, replaced: false },
  { k: "over", from, v: 6, seq: 3, replaced: true },
  { k: "bye", from },
  { k: "ask", from },
  { k: "list", from, v: 6, name: "n1", part: 0, parts: 1, streams: [stream] },
  { k: "follow", from, seq: 3, session: 9, at: -1, whole: true },
  { k: "taken", from, session: 9, at: 2 ** 40 },
  { k: "leave", from, session: 9 },
  { k: "gone", from, session: 9 },
  { k: "lapsed", from, session: 9 },
  { k: "claim", from, number: 2, seq: 3 },
  { k: "gave", from, number: 2 },
  { k: "kept", from, number: 2 },
  { k: "end", from, seq: 3, code: "forbidden", message: "ended by the operator" },
];

const read = (value: unknown): Word | undefined => readWord(encodeUtf8(JSON.stringify(value)));

describe("a word", () => {
  test.each(WORDS.map((word) => [word.k, word] as const))(
    "%s reads as it was written",
    (_, word) => {
      expect(readWord(writeWord(word))).toEqual(word);
    },
  );

  test("may have fields that a later version adds", () => {
    for (const word of WORDS) {
      expect(read({ ...word, hue: "blue" })).toEqual(word);
    }
  });

  test("without one of its fields is none, or does not need it", () => {
    for (const word of WORDS) {
      for (const name of Object.keys(word)) {
        const got = read({ ...word, [name]: undefined });
        const isOptional = ["again", "replaced", "whole"].includes(name);
        expect(got).toEqual(isOptional ? { ...word, [name]: false } : undefined);
      }
    }
  });

  test.each([
    ["a kind of a later version", { k: "sing", from }],
    ["one from nobody", { k: "ask" }],
    ["one from a subject's wildcard", { k: "ask", from: ">" }],
    ["a number that is none", { k: "leave", from, session: "9" }],
    ["a number that is not exact", { k: "leave", from, session: 2 ** 60 }],
    ["a user who cannot be one", { k: "live", from, v: 1, stream: { ...stream, user: "../etc" } }],
    ["a channel of many lines", { k: "live", from, v: 1, stream: { ...stream, channel: "a\nb" } }],
    ["an end for a reason that there is not", { k: "end", from, seq: 3, code: "x", message: "" }],
    ["a node whose name would forge a line", { k: "beat", from, v: 1, name: "n1\nn2" }],
    ["an array", []],
    ["null", null],
  ])("is not %s", (_, value) => {
    expect(read(value)).toBeUndefined();
  });

  test("leaves out of a list what it cannot understand", () => {
    const list = { k: "list", from, v: 1, name: "n", part: 0, parts: 1, streams: [stream, 7, {}] };
    expect(read(list)).toMatchObject({ streams: [stream] });
  });

  test("is never an error, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(readWord(bytes)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...WORDS), fc.json(), fc.nat(20), (word, json, place) => {
        const names = Object.keys(word);
        const name = names[place % names.length] ?? "k";
        read({ ...word, [name]: JSON.parse(json) as unknown });
      }),
    );
  });
});
