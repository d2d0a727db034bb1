/**
 * What SIGHUP changes, and what it says of the rest.
 */
import { expect, test } from "bun:test";
import { newReload } from "../../src/server/reload.ts";
import { loadSettings, type Settings } from "../../src/server/settings.ts";
import { SETTING_NAMES, rowOf } from "../../src/server/settings-table.ts";
import { handClock } from "../support/clock.ts";
import { newLog } from "../../src/server/log.ts";
import { settingsOf } from "../support/server.ts";

const PATH = "fstream.ini";

/** A reload of a file that changes, what it says, and what its appliers are given. */
function scene(flags: Readonly<Record<string, string>> = {}) {
  const lines: string[] = [];
  const applied: Settings[] = [];
  let text = "";
  const log = newLog(handClock(), "info", (level, line) => lines.push(`${level}: ${line}`));
  const reload = newReload({
    read: () => loadSettings({ flags, env: {}, file: { path: PATH, text } }),
    started: settingsOf(flags),
    path: PATH,
    log,
    appliers: [
      () => {
        throw new Error("the certificate is broken");
      },
      (settings) => void applied.push(settings),
    ],
  });
  return {
    lines,
    applied,
    read: (changed: string): void => {
      text = changed;
      lines.length = 0;
      reload();
    },
  };
}

test("what is live changes; of what is not, a line each says so, at every reload", () => {
  const { lines, applied, read } = scene();
  read("[server]\nport = 1\nusers = other\n[channel]\ncoalesce = 300\nlinger = 1m\n");
  const deferred = [
    "warn: port changed in fstream.ini: takes effect at the next start",
    "warn: users changed in fstream.ini: takes effect at the next start",
  ];
  expect(lines.slice(0, 2)).toEqual(deferred);
  expect(lines.at(-1)).toBe("info: fstream.ini was read again; changed: coalesce, linger");
  const [settings] = applied;
  expect(settings).toEqual({ ...settingsOf({}), coalesce: 300, linger: 60_000 });
  read("[server]\nport = 1\nusers = other\n");
  expect(lines.slice(0, 2)).toEqual(deferred);
  expect(applied[1]).toEqual(settingsOf({}));
});

test("a flag counts before the file still", () => {
  const { lines, applied, read } = scene({ linger: "3s" });
  read("[channel]\nlinger = 1m\nstall = 20s\n");
  expect(lines.at(-1)).toBe("info: fstream.ini was read again; changed: stall");
  expect(applied[0]?.linger).toBe(3_000);
});

test("a file with mistakes changes nothing, and each mistake is a line", () => {
  const { lines, applied, read } = scene();
  read("[channel]\ncoalesce = fast\nlingre = 1m\nstall = 20s\n");
  expect(lines).toEqual([
    expect.stringContaining("error: lingre (from fstream.ini, [channel]) is no setting"),
    expect.stringContaining('error: coalesce is "fast" (from fstream.ini, [channel])'),
    "error: fstream.ini was not taken over: all settings stay as they are",
  ]);
  expect(applied).toEqual([]);
});

test("an applier that fails says why and holds no other one up, and all are called every time", () => {
  const { lines, applied, read } = scene();
  read("");
  read("");
  expect(lines[0]).toBe("error: the certificate is broken");
  expect(lines.at(-1)).toBe(
    "info: fstream.ini was read again; changed: nothing that can change now",
  );
  expect(applied.length).toBe(2);
});

test("every setting of a channel is live, and no address is", () => {
  for (const name of SETTING_NAMES) {
    const { live, section } = rowOf(name);
    expect([name, section === "channel" && live !== true]).toEqual([name, false]);
  }
  expect(rowOf("port").live).toBeUndefined();
  expect(rowOf("host").live).toBeUndefined();
  expect(rowOf("unix").live).toBeUndefined();
});
