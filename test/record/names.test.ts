import { describe, expect, test } from "bun:test";
import {
  fitsPatterns,
  folderName,
  isComplete,
  newMoments,
  unfinished,
} from "../../src/record/names.ts";

describe("the folder of a channel", () => {
  const EVIL = [
    "..",
    ".",
    "/",
    "../../etc",
    "a/b",
    "a\0b",
    "%2F",
    "_",
    ".hidden",
    "ü".repeat(120),
    "~",
  ];

  test.each(EVIL)("is one safe name for %p", (name) => {
    const folder = folderName(name);
    expect(folder).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9._%-]*$/);
    expect(folder.length).toBeLessThanOrEqual(200);
  });

  test("is another one for each name", () => {
    const all = [...EVIL, "", `${"ü".repeat(119)}x`].map(folderName);
    expect(new Set(all).size).toBe(all.length);
  });
});

test("two files of one millisecond have different names", () => {
  const name = newMoments();
  const names = [name(1_000), name(1_000), name(2_000)];
  expect(new Set(names).size).toBe(3);
  expect(names.every((each) => isComplete(`${each}.ts`) && isComplete(`${each}.cut.bin`))).toBe(
    true,
  );
  expect(unfinished(`${names[1]}.17.part`)).toEqual({ moment: names[1] ?? "", pid: 17 });
  expect(isComplete(`${names[0]}.17.part`)).toBe(false);
});

test("patterns have stars for any characters", () => {
  expect(fitsPatterns("bob", "*")).toBe(true);
  expect(fitsPatterns("bob", "al*, b*b")).toBe(true);
  expect(fitsPatterns("bob", "bo")).toBe(false);
  expect(fitsPatterns("b.b", "b?b")).toBe(false);
});
