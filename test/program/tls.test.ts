/**
 * The program over TLS: whom it trusts, what it says of everybody else, and that nothing is lost at
 * the end.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { newAuthority, type Authority, type Issued } from "../support/certificates.ts";
import { newStage, TEST_MS, type Relay, type Stage } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(3_000_000));

setDefaultTimeout(TEST_MS);

/** A server with that certificate, and its TLS port. */
async function serveWith(stage: Stage, { cert, key }: Issued): Promise<Relay & { tls: number }> {
  const flags = ["--tls-cert", cert, "--tls-key", key, "--tls-port", "0", "--linger", "0"];
  const relay = await stage.serve({ users: { fier: null }, flags });
  const line = await relay.said.line(/fstreams:/);
  return { ...relay, tls: Number(/fstreams:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]) };
}

/** What becomes of one who would broadcast with `words`. */
async function attempt(
  stage: Stage,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; said: string }> {
  const program = stage.fstream(["broadcast", ...words], { stdin: "ignore", env });
  const { code, stderr, stdout } = await program.ending();
  expect(stdout).toBe("");
  expect(stderr.split("\n").length).toBeLessThanOrEqual(2);
  return { code, said: stderr.trimEnd() };
}

function at({ tls }: { tls: number }, host: string = "127.0.0.1"): string {
  return `fstreams://${host}:${tls}/fier`;
}

async function scene(): Promise<AsyncDisposable & { stage: Stage; authority: Authority }> {
  const stage = await newStage();
  const authority = await newAuthority();
  return {
    stage,
    authority,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await authority[Symbol.asyncDispose]();
    },
  };
}

describeWith("openssl", "the program over TLS", () => {
  test("broadcasts and watches exactly, by URL and by flag", async () => {
    await using on = await scene();
    const { stage, authority } = on;
    const relay = await serveWith(stage, await authority.issue("good"));
    const ca = ["--ca", authority.path];
    const url = `fstreams://localhost:${relay.tls}/fier`;
    const watchers = [
      stage.fstream(["watch", url, ...ca]),
      stage.fstream(["watch", "--tls", `127.0.0.1:${relay.tls}`, "-u", "fier", ...ca]),
      stage.fstream(["watch", url], { env: { FSTREAM_CA: authority.path } }),
      stage.fstream(["watch", relay.address, "-u", "fier"]),
    ];
    const received = watchers.map(({ stdout }) => stdout.bytes());
    await relay.said.line(/is watched/, watchers.length);
    const broadcaster = stage.fstream(["broadcast", url, ...ca]);
    await broadcaster.write(BYTES);
    await broadcaster.end();
    expect(await broadcaster.exited()).toBe(0);
    const digests = (await Promise.all(received)).map((bytes) => Bun.hash(bytes));
    expect(digests).toEqual(watchers.map(() => Bun.hash(BYTES)));
    expect(await Promise.all(watchers.map((watcher) => watcher.exited()))).toEqual([0, 0, 0, 0]);
  });

  test("a broadcast of a few bytes that ends at once arrives, every time", async () => {
    await using on = await scene();
    const { stage, authority } = on;
    const relay = await serveWith(stage, await authority.issue("good"));
    const url = `fstreams://127.0.0.1:${relay.tls}/fier`;
    for (let round = 1; round <= 5; round++) {
      const watcher = stage.fstream(["watch", url, "--ca", authority.path]);
      const text = watcher.stdout.text();
      await relay.said.line(/is watched/, round);
      const broadcaster = stage.fstream(["broadcast", url, "--ca", authority.path]);
      await broadcaster.write(`round ${round}`);
      await broadcaster.end();
      expect(await broadcaster.exited()).toBe(0);
      expect(await text).toBe(`round ${round}`);
    }
  });

  test("trusts nobody without reason: exit code 5, and one line that says why", async () => {
    await using on = await scene();
    const { stage, authority } = on;
    await using stranger = await newAuthority();
    const [good, named, expired] = [
      await serveWith(stage, await authority.issue("good")),
      await serveWith(stage, await authority.issue("named", { names: "DNS:media.example" })),
      await serveWith(stage, await authority.issue("expired", { days: -1 })),
    ];
    const ca = ["--ca", authority.path];
    const cases: [string[], RegExp][] = [
      [[at(good)], /certificate of fstreams:\/\/127\.0\.0\.1:\d+ is from nobody that is trusted/],
      [[at(good), "--ca", stranger.path], /from nobody that is trusted here.*--ca FILE/],
      [[at(named), ...ca], /is for another name than that$/],
      [[at(named, "localhost"), ...ca], /is for another name than that: media\.example$/],
      [[at(expired), ...ca], /has expired$/],
      [[at(named)], /from nobody that is trusted/],
    ];
    for (const [words, pattern] of cases) {
      const { code, said } = await attempt(stage, words);
      expect(said).toMatch(pattern);
      expect([words, code]).toEqual([words, 5]);
      // No variable of the environment makes an untrusted server a trusted one.
      expect((await attempt(stage, words, { NODE_TLS_REJECT_UNAUTHORIZED: "0" })).code).toBe(5);
      expect(await attempt(stage, [...words, "--insecure"])).toEqual({ code: 0, said: "" });
    }
  });

  test("the wrong port is told apart from either side", async () => {
    await using on = await scene();
    const { stage, authority } = on;
    const relay = await serveWith(stage, await authority.issue("good"));
    const secret = await attempt(stage, [`fstreams://127.0.0.1:${relay.port}/fier`]);
    expect(secret.said).toContain("before TLS was agreed on: is that the TLS port?");
    expect(secret.code).toBe(5);
    const plain = stage.fstream(["watch", `fstream://127.0.0.1:${relay.tls}/fier`]);
    const { code, stdout, stderr } = await plain.ending();
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("TLS is spoken there: write --tls or fstreams://");
  });

  test("a refusal is told over TLS, in mid-stream too", async () => {
    await using on = await scene();
    const { stage, authority } = on;
    const relay = await serveWith(stage, await authority.issue("good"));
    const eve = stage.fstream([
      "broadcast",
      `fstreams://127.0.0.1:${relay.tls}/eve`,
      "--ca",
      authority.path,
    ]);
    await eve.write(BYTES).catch(() => {});
    const { code, stderr } = await eve.ending();
    expect(code).toBe(3);
    expect(stderr).toContain("refused (unauthorized)");
  });

  test("what is a mistake on the command line is exit code 2", async () => {
    await using on = await scene();
    const { stage, authority } = on;
    const key = authority.path.replace("ca.pem", "ca.key");
    const cases: [string[], RegExp][] = [
      [
        ["fstreams://h/fier", "--ca", "/none"],
        /--ca: no certificate in PEM can be read from \/none/,
      ],
      [["fstreams://h/fier", "--ca", key], /--ca: no certificate in PEM/],
      [["h:1", "-u", "fier", "--insecure"], /--insecure is of use with TLS alone/],
      [["h:1", "-u", "fier", "--ca", authority.path], /--ca is of use with TLS alone/],
      [["unix:/x", "-u", "fier", "--tls"], /a unix socket speaks no TLS/],
    ];
    for (const [words, pattern] of cases) {
      const { code, said } = await attempt(stage, words);
      expect(said).toMatch(pattern);
      expect([words, code]).toEqual([words, 2]);
    }
  });
});
