/**
 * SIGHUP and fstream.ini, on the real program: what changes at once, and that nobody is disconnected.
 */
import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { newStage, TEST_MS } from "../support/program.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(1_000));
const BEFORE = "[server]\nlog-level = debug\n[channel]\nlinger = 1h\n";

test(
  "settings change under a stream that goes on; a broken file and a lost one change nothing",
  async () => {
    await using stage = await newStage();
    const file = await stage.file("fstream.ini", BEFORE);
    const relay = await stage.serve({ users: { open: null } });
    const where = [relay.address, "-u", "open"];
    const watcher = stage.fstream(["watch", ...where]);
    await relay.said.line(/is watched/);
    const broadcaster = stage.fstream(["broadcast", ...where]);
    const reader = watcher.stdout.getReader();
    const flows = async (): Promise<void> => {
      await broadcaster.write(BYTES);
      expect((await reader.read()).value).toEqual(BYTES);
    };
    await flows();

    await stage.file("fstream.ini", "[server]\nlog-format = jsno\nlingr = 1s\nport = 99999\n");
    relay.kill("SIGHUP");
    await relay.said.line(/error lingr \(from fstream\.ini, \[server\]\) is no setting/);
    await relay.said.line(/error log-format is "jsno" .*it takes text or json/);
    await relay.said.line(/error port is "99999"/);
    await relay.said.line(/error fstream\.ini was not taken over: all settings stay as they are/);
    await flows();
    await rm(file);
    relay.kill("SIGHUP");
    await relay.said.line(/error fstream\.ini is gone/);
    await flows();

    const after = "[server]\nlog-format = json\nunix = x.sock\n[channel]\nlinger = 0\n";
    await stage.file("fstream.ini", after);
    relay.kill("SIGHUP");
    await relay.said.line(/warn {2}unix changed in fstream\.ini: takes effect at the next start/);
    const line = await relay.said.line(/"event":"reloaded"/);
    expect(JSON.parse(line)).toMatchObject({
      level: "info",
      message: "fstream.ini was read again; changed: log-level, log-format, linger",
    });
    await flows();
    // The broadcast was begun when linger was an hour.
    await broadcaster.end();
    expect(await broadcaster.exited()).toBe(0);
    expect(await watcher.exited()).toBe(0);
    const closed = JSON.parse(await relay.said.line(/"event":"closed".*"verb":"watch"/));
    expect(closed).toMatchObject({ user: "open", channel: "", code: "ended", bytes: 4_000 });
  },
  TEST_MS,
);
