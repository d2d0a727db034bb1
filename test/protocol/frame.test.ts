/**
 * The frame's bytes, as Python's own struct lays them out.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { writeFrame } from "../../src/protocol/frame.ts";
import { describeWith } from "../support/tools.ts";
import { askPython, frameOf } from "./helpers.ts";

const anyText = fc.string({ unit: "binary", maxLength: 300 });

test("a frame is the length of the text in bytes, a NUL, and the text", () => {
  expect([...writeFrame("ok")]).toEqual([0, 0, 0, 2, 0, 0x6f, 0x6b]);
  expect([...writeFrame("é")]).toEqual([0, 0, 0, 2, 0, 0xc3, 0xa9]);
  expect([...writeFrame("")]).toEqual([0, 0, 0, 0, 0]);
  expect([...writeFrame("x".repeat(0x1234)).subarray(0, 6)]).toEqual([0, 0, 0x12, 0x34, 0, 0x78]);
});

test("the frames that these tests make by hand are the same", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(Buffer.from(writeFrame(text)).equals(frameOf(text))).toBe(true);
    }),
  );
});

describeWith("python3", "compared with Python's struct", () => {
  test("any text is framed in the same bytes", () => {
    const texts = ["", "x".repeat(70_000), ...fc.sample(anyText, 500)];
    const script = `answer = []
for text in given:
    raw = text.encode("utf-8")
    answer.append((struct.pack(">IB", len(raw), 0) + raw).hex())`;
    const frames = texts.map((text) => Buffer.from(writeFrame(text)).toString("hex"));
    expect(askPython(`import struct\n${script}`, texts)).toEqual(frames);
  });
});
