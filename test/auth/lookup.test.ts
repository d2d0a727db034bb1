/**
 * How a user's file is found and remembered: how often the disk is asked, and that no answer is older than its question.
 */
import { describe, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { realFiles, type FileSystem } from "../../src/auth/files.ts";
import { userLookup, type Found } from "../../src/auth/lookup.ts";
import {
  caseBlind,
  countingFiles,
  settle,
  temporaryFolder,
  type TemporaryFolder,
} from "./helpers.ts";

/** An hour from now every file is old: nothing about it is in doubt any more. */
const later = (): number => Date.now() + 3_600_000;

/** The moment at which bob's file was last changed, so that it always was just now. */
function whenChanged(folder: TemporaryFolder): () => number {
  return () => statSync(join(folder.path, "bob.ini")).ctimeMs;
}

function noPause(): Promise<void> {
  return Promise.resolve();
}

function withPassword(password: string): Found {
  return { kind: "user", file: { password, passwordHash: undefined } };
}

const OPEN: Found = {
  kind: "user",
  file: { password: undefined, passwordHash: undefined },
};

/** Files of which each `stat` of bob.ini, once it has looked, waits until it is let go. */
function heldFiles(folder: TemporaryFolder) {
  const waiting: (() => void)[] = [];
  const files = countingFiles({
    ...realFiles,
    async stat(path) {
      const seen = await realFiles.stat(path);
      if (path === join(folder.path, "bob.ini")) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      return seen;
    },
  });
  /** Waits until a stat has looked and not yet ended. */
  const looked = async (): Promise<void> => {
    while (waiting.length === 0) {
      await settle();
    }
  };
  const letOneEnd = async (): Promise<void> => {
    await looked();
    waiting.shift()?.();
  };
  return {
    files,
    looked,
    letOneEnd,
    statsOfBob: () => files.stats.filter((n) => n === "bob.ini").length,
  };
}

describe("the cost of looking", () => {
  test("5,000 connections at once cost two looks and one read", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    const files = countingFiles();
    const lookup = userLookup({ folder: folder.path, files, now: later });
    const find = (): Promise<Found> => lookup.find("bob");
    const found = await Promise.all(Array.from({ length: 5000 }, find));
    expect(new Set(found)).toEqual(new Set([withPassword("x")]));
    expect(files.stats.filter((name) => name === "bob.ini").length).toBe(2);
    expect(files.reads).toEqual(["bob.ini"]);
    await Promise.all(Array.from({ length: 5000 }, find));
    expect(files.stats.filter((name) => name === "bob.ini").length).toBe(4);
    expect(files.reads).toEqual(["bob.ini"]);
  });

  test("5,000 questions for a user who does not exist cost two looks and no read", async () => {
    await using folder = await temporaryFolder();
    const files = countingFiles();
    const lookup = userLookup({ folder: folder.path, files });
    const found = await Promise.all(Array.from({ length: 5000 }, () => lookup.find("bob")));
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(["unknown"]));
    expect([files.stats, files.reads]).toEqual([["bob.ini", "bob.ini"], []]);
  });

  test("users are looked up beside each other, not one after the other", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    await folder.write("eve", "[DEFAULT]\npassword=y\n");
    const { files, letOneEnd } = heldFiles(folder);
    const lookup = userLookup({ folder: folder.path, files });
    const bob = lookup.find("bob");
    expect(await lookup.find("eve")).toEqual(withPassword("y"));
    await letOneEnd();
    expect(await bob).toEqual(withPassword("x"));
  });

  test("the folder is not listed where its file system tells cases apart", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    const files = countingFiles();
    expect(await userLookup({ folder: folder.path, files }).find("bob")).toEqual(withPassword("x"));
    expect([files.stats, files.lists]).toEqual([["bob.ini", "bob.INI"], []]);
  });

  test("a file that was changed just now is read again, and once it is old no more", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    const files = countingFiles();
    let now = whenChanged(folder);
    const lookup = userLookup({ folder: folder.path, files, now: () => now() });
    await lookup.find("bob");
    await lookup.find("bob");
    expect(files.reads.length).toBe(2);
    now = later;
    for (let i = 0; i < 5; i++) {
      await lookup.find("bob");
    }
    expect(files.reads.length).toBe(3);
  });

  test("the least recently used files are forgotten", async () => {
    await using folder = await temporaryFolder();
    for (const name of ["a", "b", "c"]) {
      await folder.write(name, `[DEFAULT]\npassword=${name}\n`);
    }
    const files = countingFiles();
    const lookup = userLookup({ folder: folder.path, files, now: later, cacheMax: 2 });
    for (const name of ["a", "b", "a", "c", "a", "b"]) {
      expect(await lookup.find(name)).toEqual(withPassword(name));
    }
    expect(files.reads).toEqual(["a.ini", "b.ini", "c.ini", "b.ini"]);
  });
});

describe("the age of an answer", () => {
  test("a connection never shares a look that began before it came", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=old\n");
    const { files, looked, letOneEnd, statsOfBob } = heldFiles(folder);
    const lookup = userLookup({ folder: folder.path, files, now: later });
    const before = lookup.find("bob");
    await letOneEnd();
    expect(await before).toEqual(withPassword("old"));

    const early = lookup.find("bob");
    await looked();
    await rename(await elsewhere(folder, "new"), join(folder.path, "bob.ini"));
    const late = [lookup.find("bob"), lookup.find("bob"), lookup.find("bob")];
    await letOneEnd();
    expect(await early).toEqual(withPassword("old"));
    await letOneEnd();
    expect(await Promise.all(late)).toEqual([0, 1, 2].map(() => withPassword("new")));
    expect(statsOfBob()).toBe(3);
  });

  test("a connection that comes when a look has just ended gets a new one", async () => {
    await using folder = await temporaryFolder();
    const lookup = userLookup({ folder: folder.path, now: later });
    const answers: Found[] = [];
    for (let i = 0; i < 50; i++) {
      // Written in the same step as the question, so that an older look cannot know of it.
      writeFileSync(join(folder.path, "bob.ini"), `[DEFAULT]\npassword=${i}\n`);
      const waiting = lookup.find("bob");
      void lookup.find("bob");
      answers.push(await waiting);
    }
    expect(answers).toEqual(answers.map((_, i) => withPassword(String(i))));
  });

  test("a removed file is unknown, a new one known, a replaced one replaced", async () => {
    await using folder = await temporaryFolder();
    const lookup = userLookup({ folder: folder.path, now: later });
    expect(await lookup.find("bob")).toEqual({ kind: "unknown" });
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    expect(await lookup.find("bob")).toEqual(withPassword("x"));
    await rename(await elsewhere(folder, "y"), join(folder.path, "bob.ini"));
    expect(await lookup.find("bob")).toEqual(withPassword("y"));
    await rm(join(folder.path, "bob.ini"));
    expect(await lookup.find("bob")).toEqual({ kind: "unknown" });
  });

  test("a disk that fails makes the user unusable, until it works again", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\n");
    let broken = true;
    const failure = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    const files: FileSystem = {
      ...realFiles,
      read: (path, max) => (broken ? Promise.reject(failure) : realFiles.read(path, max)),
    };
    const lookup = userLookup({ folder: folder.path, files, now: later });
    const first = [lookup.find("bob"), lookup.find("bob")];
    const unusable: Found = { kind: "unusable", problem: "EIO" };
    expect(await Promise.all(first)).toEqual([unusable, unusable]);
    broken = false;
    expect(await lookup.find("bob")).toEqual(OPEN);
  });
});

describe("a file without a password that was changed just now", () => {
  test("is looked at again, so a half-written one opens nothing", async () => {
    await using folder = await temporaryFolder();
    for (const half of ["", "[DEFAULT]\n", "[DEFAULT]\n# The password is\n"]) {
      await folder.write("bob", half);
      const pause = (): Promise<void> => folder.write("bob", half + "\n[DEFAULT]\npassword=x\n");
      const lookup = userLookup({ folder: folder.path, pause, now: whenChanged(folder) });
      expect(await lookup.find("bob")).toEqual(withPassword("x"));
    }
  });

  test("is open once it has rested", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "");
    let offset = 0;
    const pauses: number[] = [];
    const lookup = userLookup({
      folder: folder.path,
      now: () => whenChanged(folder)() + offset,
      pause: (ms) => {
        pauses.push(ms);
        offset += ms;
        return Promise.resolve();
      },
    });
    expect(await lookup.find("bob")).toEqual(OPEN);
    expect(await lookup.find("bob")).toEqual(OPEN);
    expect(pauses).toEqual([100]);
  });

  test("is open when it did not change meanwhile, whatever the clock says", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\n");
    const lookup = userLookup({ folder: folder.path, pause: noPause, now: whenChanged(folder) });
    expect(await lookup.find("bob")).toEqual(OPEN);
  });

  test("is unusable while it does not come to rest", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "");
    const pause = (): Promise<void> => folder.write("bob", "[DEFAULT]\n");
    const lookup = userLookup({ folder: folder.path, pause, now: whenChanged(folder) });
    expect(await lookup.find("bob")).toHaveProperty("kind", "unusable");
  });
});

describe("the case of a name", () => {
  test("counts where the file system tells cases apart", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    const lookup = userLookup({ folder: folder.path });
    expect(await lookup.find("Bob")).toEqual({ kind: "unknown" });
    expect(await lookup.find("bob")).toEqual(withPassword("x"));
  });

  test("counts where the file system does not", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    const lookup = userLookup({ folder: folder.path, files: caseBlind(folder.path), now: later });
    for (let i = 0; i < 2; i++) {
      expect(await lookup.find("Bob")).toEqual({ kind: "unknown" });
      expect(await lookup.find("BOB")).toEqual({ kind: "unknown" });
      expect(await lookup.find("bob")).toEqual(withPassword("x"));
    }
    await rename(join(folder.path, "bob.ini"), join(folder.path, "Bob.ini"));
    expect(await lookup.find("bob")).toEqual({ kind: "unknown" });
    expect(await lookup.find("Bob")).toEqual(withPassword("x"));
  });

  test("counts where two files differ in it only", async () => {
    await using folder = await temporaryFolder();
    await folder.write("bob", "[DEFAULT]\npassword=x\n");
    await Bun.write(join(folder.path, "bob.INI"), "[DEFAULT]\npassword=y\n");
    expect(await userLookup({ folder: folder.path }).find("bob")).toEqual(withPassword("x"));
  });
});

/** A file beside the users' own, to be moved into place. */
async function elsewhere(folder: TemporaryFolder, password: string): Promise<string> {
  const path = join(folder.path, "draft");
  await Bun.write(path, `[DEFAULT]\npassword=${password}\n`);
  return path;
}
