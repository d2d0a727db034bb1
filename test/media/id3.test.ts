/**
 * The length of an ID3v2 tag.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { id3Bytes } from "../../src/media/id3.ts";
import { id3Tag } from "./sound.ts";

describe("id3Bytes", () => {
  test("counts head, body and footer", () => {
    for (const body of [0, 1, 127, 128, 20_000, 3_000_000]) {
      expect(id3Bytes(id3Tag(body), 0)).toBe(10 + body);
      expect(id3Bytes(id3Tag(body, true), 0)).toBe(20 + body);
    }
    const largest = Uint8Array.from([0x49, 0x44, 0x33, 4, 0, 0, 127, 127, 127, 127]);
    expect(id3Bytes(largest, 0)).toBe(10 + 2 ** 28 - 1);
  });

  test("finds a tag at any place, and none where there is none", () => {
    const late = concatBytes(new Uint8Array(5), id3Tag(200));
    expect(id3Bytes(late, 5)).toBe(210);
    expect(id3Bytes(late, 4)).toBe(0);
    expect(id3Bytes(id3Tag(200).subarray(0, 9), 0)).toBe(0);
    expect(id3Bytes(id3Tag(200).with(7, 0x80), 0)).toBe(0);
  });
});
