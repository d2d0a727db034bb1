/**
 * What does not end the server: mistakes in timers and promises, and signals that ask for nothing.
 */
import { expect, test } from "bun:test";
import { newStage, TEST_MS } from "../support/program.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(1_000));

/** A module of an operator's that makes every mistake there is. */
const PLUGIN = `
export function authenticate({ channel, userPassword }) {
  if (channel === "timer") setTimeout(() => { throw new Error("planted in a timer"); });
  if (channel === "promise") void Promise.reject(new Error("planted in a promise"));
  if (channel === "words") void Promise.reject("planted\\nwords\\u001b[2J");
  if (channel === "throw") throw new Error("planted for " + userPassword);
  return true;
}
`;

test(
  "neither mistakes nor signals end it or disturb a stream, and each mistake is one line",
  async () => {
    await using stage = await newStage();
    const auth = await stage.file("auth.ts", PLUGIN);
    const relay = await stage.serve({ flags: ["--auth", auth, "--log-level", "debug"] });
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
    for (const channel of ["timer", "promise", "words"]) {
      const planted = stage.fstream(["watch", ...where, "-c", channel]);
      await relay.said.line(new RegExp(`open/${channel} is watched`));
      planted.kill("SIGKILL");
      await flows();
    }
    await relay.said.line(/error internal error: Error: planted in a timer \| at .*auth\.ts/);
    await relay.said.line(/error internal error: Error: planted in a promise \| at .*auth\.ts/);
    await relay.said.line(/error internal error: planted \| words\\u\{1b\}\[2J$/);
    const args = ["-c", "throw", "--user-password", "hunter2"];
    const thrown = await stage.fstream(["broadcast", ...where, ...args]).ending();
    expect(thrown.stderr).toContain("refused (forbidden)");
    await relay.said.line(/the authenticator failed: what it says holds a password/);
    await flows();

    for (const signal of ["SIGPIPE", "SIGUSR1", "SIGUSR2"] as const) {
      relay.kill(signal);
      await relay.said.line(new RegExp(`${signal}: nothing to do`));
      await flows();
    }
    relay.kill("SIGHUP");
    await relay.said.line(/was read again; changed: nothing/);
    await flows();
    relay.kill("SIGTERM");
    expect(await relay.exited()).toBe(0);
    expect(await broadcaster.exited()).toBe(3);
  },
  TEST_MS,
);
