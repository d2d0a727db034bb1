/**
 * Users, settings and addresses by the real command line.
 */
import { expect, test } from "bun:test";
import { SETTING_NAMES } from "../../src/server/settings-table.ts";
import { newStage, TEST_MS, type Options, type Program } from "../support/program.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(300_000));

/** Sends BYTES through a watcher that waits, and expects them back. */
async function expectRelayed(
  waiting: Promise<unknown>,
  watch: Program,
  broadcast: () => Program,
): Promise<void> {
  const received = watch.stdout.bytes();
  await waiting;
  const broadcaster = broadcast();
  await broadcaster.write(BYTES);
  await broadcaster.end();
  expect((await broadcaster.ending()).stderr).toBe("");
  expect(await watch.exited()).toBe(0);
  expect(Buffer.from(BYTES).equals(await received)).toBe(true);
}

test(
  "a user that was just added may broadcast at once, and one that was removed may not",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: {}, flags: ["--linger", "0"] });
    await relay.said.line(/users add NAME/);
    const password = await stage.file("password", "s;e#cret\r\n");
    const folder = ["--users", stage.path("users")];
    const add = ["users", "add", "eve", "--password-file", password, ...folder];
    const added = await stage.fstream(add).ending();
    expect([added.code, added.stderr]).toEqual([0, "fstream: eve may broadcast\n"]);
    const again = await stage.fstream(add).ending();
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("--replace");
    expect((await stage.fstream([...add, "--replace"]).ending()).code).toBe(0);
    expect((await stage.fstream(["users", "list", ...folder]).ending()).stdout).toBe("eve\thash\n");

    const where = [relay.address, "-u", "eve", "-c", "a b/ü"];
    await expectRelayed(relay.said.line(/is watched/), stage.fstream(["watch", ...where]), () =>
      stage.fstream(["broadcast", ...where, "--user-password-file", password]),
    );
    const removed = await stage.fstream(["users", "remove", "eve", ...folder]).ending();
    expect(removed.code).toBe(0);
    const refused = stage.fstream(["broadcast", ...where, "--user-password-file", password]);
    expect((await refused.ending()).code).toBe(3);
  },
  TEST_MS,
);

test(
  "one URL, the environment and a unix socket say the same as flags",
  async () => {
    await using stage = await newStage();
    const socket = stage.path("relay.sock");
    const relay = await stage.serve({ flags: ["--linger", "0", "--unix", socket] });
    const url = `fstream://fier:123@${relay.address}/fier/screen`;
    const unix = `fstream://${encodeURIComponent(socket)}/fier/screen`;
    const env = { FSTREAM_USER: "fier", FSTREAM_USER_PASSWORD: "123", FSTREAM_CHANNEL: "screen" };
    const ways: readonly (readonly [string[], string[], Options])[] = [
      [["watch", url], ["broadcast", url], {}],
      [["watch", unix], ["broadcast", socket], { env }],
      [["watch"], ["broadcast"], { env: { ...env, FSTREAM_ADDRESS: relay.address } }],
    ];
    let nth = 1;
    for (const [watch, broadcast, options] of ways) {
      await expectRelayed(relay.said.line(/is watched/, nth++), stage.fstream(watch, options), () =>
        stage.fstream(broadcast, options),
      );
    }
  },
  TEST_MS,
);

test(
  "a channel's password comes from a file or the environment, and keeps others out",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { open: null }, flags: ["--linger", "0"] });
    const file = await stage.file("channel-password", "4=5;6\n");
    const where = [relay.address, "-u", "open", "-c", "x"];
    const outsider = stage.fstream(["watch", ...where, "--channel-password", "4=5"]);
    await relay.said.line(/is watched/);
    const insider = stage.fstream(["watch", ...where], {
      env: { FSTREAM_CHANNEL_PASSWORD: "4=5;6" },
    });
    await expectRelayed(relay.said.line(/is watched/, 2), insider, () =>
      stage.fstream(["broadcast", ...where, "--channel-password-file", file]),
    );
    const { code, stdout, stderr } = await outsider.ending();
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("unauthorized");
  },
  TEST_MS,
);

test(
  "settings come from flags, then the environment, then the file, and are all in the help",
  async () => {
    await using stage = await newStage();
    const help = await stage.fstream(["serve", "--help"]).ending();
    expect(help.code).toBe(0);
    for (const name of SETTING_NAMES) {
      expect(help.stdout).toContain(`--${name} `);
    }
    const printed = await stage.fstream(["serve", "--print-config"]).ending();
    const config = await stage.file(
      "mine.ini",
      printed.stdout.replace(";coalesce = 5ms", "coalesce = x"),
    );
    const refused = await stage.fstream(["serve", "--config", config]).ending();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('coalesce is "x" (from');
    const good = await stage.file(
      "good.ini",
      "[server]\nlog-level = error\n[channel]\nlinger = 1\n",
    );
    const flags = ["--config", good, "--log-level", "info"];
    const relay = await stage.serve({ flags, env: { FSTREAM_LOG_LEVEL: "error" } });
    expect(relay.port).toBeGreaterThan(0);
  },
  TEST_MS,
);

test(
  "the demo runs its time, says that all came back, and exits with 0",
  async () => {
    await using stage = await newStage();
    const demo = await stage.fstream(["demo", "--seconds", "1", "--port", "0"]).ending();
    expect(demo.stderr).toContain("what came back is what was sent");
    expect(demo.stdout).toMatch(/received +\d+ frames/);
    expect(demo.code).toBe(0);
  },
  TEST_MS,
);

test("help goes to stdout, plain in a pipe; the version is the package's", async () => {
  await using stage = await newStage();
  for (const command of ["watch", "broadcast", "users", "demo"]) {
    const { code, stdout, stderr } = await stage.fstream([command, "--help"]).ending();
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith(Bun.stripANSI(stdout).slice(0, 40));
    expect(stdout).toContain(`fstream ${command}`);
  }
  const { version } = await Bun.file(new URL("../../package.json", import.meta.url)).json();
  expect((await stage.fstream(["--version"]).ending()).stdout).toBe(`${version}\n`);
});
