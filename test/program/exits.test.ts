/**
 * How the program ends, what it says then, and where.
 */
import { expect, test } from "bun:test";
import { newStage, PROGRAM, TEST_MS, type Ending, type Stage } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(100_000));

/** One line, by the program, and nothing on stdout. */
function expectOneLine({ stdout, stderr }: Ending, pattern: RegExp): void {
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(/^fstream: /);
  expect(stderr).toMatch(pattern);
}

test(
  "a mistake on the command line is one line that says what to type, and exit code 2",
  async () => {
    await using stage = await newStage();
    const mistakes: [string[], RegExp][] = [
      [["watch", "--usr", "fier"], /no flag --usr; did you mean --user\?/],
      [["watch", "--user"], /--user needs a value/],
      [["watch"], /--user NAME/],
      [["watch", "--user", "../../x"], /no user's name/],
      [["watch", "h:o:s", "--user", "x"], /no address/],
      [["watch", "http://x/y", "--user", "x"], /http:\/\/ is not spoken here/],
      [["broadcast", "--user", "x", "--user-password", "a,b"], /user-password holds a comma/],
      [["broadcast", "--user", "x", "--user-password-file", "/none"], /cannot be read/],
      [["wach"], /no command wach; did you mean watch\?/],
      [["serve", "--colaesce", "5ms"], /did you mean --coalesce\?/],
      [["serve", "--port", "eighty"], /port is "eighty" \(from --port\)/],
      [["users", "add", ".x"], /no user's name/],
      [["demo", "--seconds", "soon"], /--seconds is "soon"/],
    ];
    for (const [args, pattern] of mistakes) {
      const ending = await stage.fstream(args, { stdin: "ignore" }).ending();
      expectOneLine(ending, pattern);
      expect([args, ending.code]).toEqual([args, 2]);
    }
  },
  TEST_MS,
);

test(
  "a refusal is told with its reason, and is exit code 3",
  async () => {
    await using stage = await newStage();
    const { address } = await stage.serve({
      users: { fier: "123", open: null },
      flags: ["--takeover", "refuse"],
    });
    const wrong = stage.fstream(["broadcast", address, "-u", "fier", "--user-password", "321"]);
    await wrong.write(BYTES).catch(() => {});
    const refused = await wrong.ending();
    expectOneLine(refused, /refused \(unauthorized\): wrong user or password/);
    expect(refused.code).toBe(3);

    const nobody = await stage.fstream(["watch", address, "-u", "nobody"]).ending();
    expectOneLine(nobody, /refused \(not-found\): no such user/);
    expect(nobody.code).toBe(3);

    const early = await stage.fstream(["watch", address, "-u", "open", "--no-wait"]).ending();
    expectOneLine(early, /refused \(not-live\)/);
    expect(early.code).toBe(3);

    const first = stage.fstream(["broadcast", address, "-u", "open", "--channel-password", "7"]);
    const watcher = stage.fstream(["watch", address, "-u", "open", "--channel-password", "7"]);
    await first.write(BYTES);
    const chunk = await firstChunk(watcher.stdout, () => first.write(BYTES));
    expect(chunk).toBeGreaterThan(0);
    const second = await stage.fstream(["broadcast", address, "-u", "open"]).ending();
    expectOneLine(second, /refused \(busy\): the channel has a broadcaster/);
    expect(second.code).toBe(3);

    const outsider = await stage.fstream(["watch", address, "-u", "open"]).ending();
    expectOneLine(outsider, /refused \(unauthorized\): the channel has another password/);
    expect(outsider.code).toBe(3);
  },
  TEST_MS,
);

/** The length of the first chunk, while `nudge` makes more of them come. */
async function firstChunk(
  stream: ReadableStream<Uint8Array>,
  nudge: () => Promise<void>,
): Promise<number> {
  const first = stream.getReader().read();
  await nudgeUntil(first, nudge);
  return (await first).value?.length ?? 0;
}

/** Calls `nudge` now and then until `end` has come. */
async function nudgeUntil(end: Promise<unknown>, nudge: () => Promise<void>): Promise<void> {
  const over = end.then(() => true);
  do {
    await nudge();
  } while (!(await Promise.race([over, Bun.sleep(50).then(() => false)])));
}

test(
  "without a server it says so, and exits with 5",
  async () => {
    await using stage = await newStage();
    const nobody = await stage.fstream(["watch", "127.0.0.1:1", "-u", "x"]).ending();
    expectOneLine(nobody, /nobody listens on 127\.0\.0\.1:1/);
    expect(nobody.code).toBe(5);
    const nowhere = await stage.fstream(["watch", stage.path("none.sock"), "-u", "x"]).ending();
    expectOneLine(nowhere, /no socket at/);
    expect(nowhere.code).toBe(5);
  },
  TEST_MS,
);

/** A broadcast with one watcher in the middle of it. */
async function midStream(stage: Stage): Promise<{
  readonly relay: Awaited<ReturnType<Stage["serve"]>>;
  readonly broadcaster: ReturnType<Stage["fstream"]>;
  readonly watcher: ReturnType<Stage["fstream"]>;
}> {
  const relay = await stage.serve({ users: { open: null }, flags: ["--linger", "0"] });
  const watcher = stage.fstream(["watch", relay.address, "-u", "open"]);
  await relay.said.line(/is watched/);
  const broadcaster = stage.fstream(["broadcast", relay.address, "-u", "open"]);
  await broadcaster.write(BYTES);
  await relay.said.line(/is live/);
  return { relay, broadcaster, watcher };
}

test(
  "a server that dies is a lost connection, exit code 4",
  async () => {
    await using stage = await newStage();
    const { relay, broadcaster, watcher } = await midStream(stage);
    relay.kill("SIGKILL");
    const [sent, seen] = await Promise.all([broadcaster.ending(), watcher.ending()]);
    expect(sent.code).toBe(4);
    expectOneLine(sent, /closed the connection/);
    expect([0, 4]).toContain(seen.code);
  },
  TEST_MS,
);

test(
  "the end of the stream is exit code 0, and nothing is said in a pipe",
  async () => {
    await using stage = await newStage();
    const { broadcaster, watcher } = await midStream(stage);
    const seen = watcher.stdout.bytes();
    await broadcaster.end();
    expect(await broadcaster.ending()).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await watcher.exited()).toBe(0);
    expect(watcher.said.text()).toBe("");
    expect(Buffer.from(BYTES).equals(await seen)).toBe(true);
  },
  TEST_MS,
);

describeWith("bash", "in a shell's pipe", () => {
  test(
    "a reader that has enough is a normal and quiet end",
    async () => {
      await using stage = await newStage();
      const relay = await stage.serve({ users: { open: null } });
      const line = `"${process.execPath}" "${PROGRAM}" watch ${relay.address} -u open | { read -rn 1; }; echo \${PIPESTATUS[0]}`;
      const watcher = stage.run(["bash", "-c", line], { stdin: "ignore" });
      await relay.said.line(/is watched/);
      const broadcaster = stage.fstream(["broadcast", relay.address, "-u", "open"]);
      const ending = watcher.ending();
      await nudgeUntil(ending, () => broadcaster.write(BYTES));
      const { stdout, stderr } = await ending;
      expect(stdout.trim()).toBe("0");
      expect(stderr).toBe("");
    },
    TEST_MS,
  );
});

test(
  "an interrupted client has exit code 130, and a broadcaster has sent what it took",
  async () => {
    await using stage = await newStage();
    const { broadcaster, watcher } = await midStream(stage);
    const seen: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of watcher.stdout) {
      seen.push(chunk);
      length += chunk.length;
      // What is still in the pipe to the broadcaster has not been taken.
      if (length === BYTES.length) {
        broadcaster.kill("SIGINT");
      }
    }
    expect(await broadcaster.exited()).toBe(130);
    expect(await watcher.exited()).toBe(0);
    expect(Buffer.from(BYTES).equals(Buffer.concat(seen))).toBe(true);

    const waiting = await midStream(stage);
    waiting.watcher.kill("SIGINT");
    expect(await waiting.watcher.exited()).toBe(130);
  },
  TEST_MS,
);
