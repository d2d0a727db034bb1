/**
 * The bench as a program: what it writes, what it says of mistakes, and that it leaves nothing behind.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT, newStage, TEST_MS, type Ending } from "../support/program.ts";
import { clusterOf } from "../../bench/peers/cluster.ts";
import type { PartFigures } from "../../bench/report/figures.ts";
import { eventually, hasProc } from "../support/server.ts";
import { describeWith } from "../support/tools.ts";
import { GOP, wrongRelay } from "./wrong-relay.ts";

const BENCH = join(CHECKOUT, "bench/main.ts");
const QUICK = "--rounds 1 --seconds 400ms --warmup 100ms --no-pin".split(" ");

async function bench(...words: string[]): Promise<Ending> {
  await using stage = await newStage();
  return await stage.run([process.execPath, BENCH, ...words]).ending();
}

describe("a mistake is one line that says what to type instead", () => {
  const mistakes: [words: string[], said: string][] = [
    [["capcity"], "bench: there is no command capcity; did you mean capacity?"],
    [["--watcher", "5"], "bench: there is no flag --watcher; did you mean --watchers?"],
    [["soak", "--minute=1"], "bench: there is no flag --minute; did you mean --minutes?"],
    [
      ["--bitrate", "fast"],
      'bench: --bitrate is "fast": it takes bits a second, such as 600k or 2M',
    ],
    [["--watchers", "0"], 'bench: --watchers is "0": it takes a number from 1 to 1000000'],
    [["--nodes", "0"], 'bench: --nodes is "0": it takes a number from 1 to 64'],
    [["soak", "--nodes=many"], 'bench: --nodes is "many": it takes a number from 1 to 64'],
    [
      ["--nodes", "3", "--target", "127.0.0.1:1"],
      "bench: --target loads what runs already, and --nodes starts it: leave one out",
    ],
    [["peers", "--nodes", "3"], "bench: there is no flag --nodes; see --help"],
    [["--target", "x:y"], 'bench: --target is "x:y": it takes HOST:PORT'],
    [
      ["capacity", "--p99=soon"],
      'bench: --p99 is "soon": it takes a time, such as 500ms, 10s or 2m',
    ],
  ];
  test.concurrent.each(mistakes)("%p", async (words, said) => {
    expect(await bench(...words)).toEqual({ code: 2, stdout: "", stderr: `${said}\n` });
  });
});

test(
  "a run prints a table, and writes its figures and a page",
  async () => {
    await using stage = await newStage();
    const files = ["--json", stage.path("out.json"), "--report", stage.path("out.html")];
    const words = ["--watchers", "5", "--channels", "2", "--slow", "1", ...QUICK, ...files];
    const { code, stdout, stderr } = await stage.run([process.execPath, BENCH, ...words]).ending();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^fstream +5 +\d+\.\d\d +0 +0 +0 /m);
    expect(stdout).toMatch(/^control +5 +\d+\.\d\d +0 +0 +0 /m);
    const { rows } = JSON.parse(readFileSync(stage.path("out.json"), "utf8"));
    expect(rows.map(({ name }: { name: string }) => name)).toEqual(["fstream", "control"]);
    expect(rows[0].figures).toMatchObject({ watchers: 5, closed: 0, failed: 0 });
    const page = readFileSync(stage.path("out.html"), "utf8");
    expect(page).toContain("Latency by percentile");
    expect(page).not.toMatch(/(?:src|href)=/);
  },
  TEST_MS,
);

test(
  "a relay that runs already is loaded by its address",
  async () => {
    await using stage = await newStage();
    const relay = await stage.serve({ users: { carol: "se cret" } });
    const whom = ["--target", relay.address, "--user", "carol", "--user-password", "se cret"];
    const words = [...whom, "--watchers", "3", ...QUICK];
    const { code, stdout } = await stage.run([process.execPath, BENCH, ...words]).ending();
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${relay.address} +3 .* 0 +0 +0 .* - +-$`, "m"));
  },
  TEST_MS,
);

test(
  "a relay that refuses, or is not there, is one line",
  async () => {
    await using stage = await newStage();
    const { address } = await stage.serve({ users: { carol: "se cret" } });
    const saidAt = async (where: string): Promise<string> => {
      const words = ["--target", where, "--user", "carol", ...QUICK];
      const { code, stderr } = await stage.run([process.execPath, BENCH, ...words]).ending();
      expect(code).toBe(1);
      return stderr;
    };
    expect(await saidAt("127.0.0.1:1")).toBe("bench: nothing takes connections at 127.0.0.1:1\n");
    expect(await saidAt(address)).toBe(
      `bench: ${address} turned our broadcaster away; may carol broadcast there with that password?\n`,
    );
  },
  TEST_MS,
);

test("a cluster is not measured without NATS, and what is missing is said", () => {
  expect(clusterOf(3, "/nowhere").missing()).toBe(
    "nats-server is not installed (Debian: apt install nats-server)",
  );
});

describeWith("nats-server", "a cluster", () => {
  test(
    "is loaded as one server, and its processes have figures of their own",
    async () => {
      await using stage = await newStage();
      const files = ["--json", stage.path("out.json"), "--report", stage.path("out.html")];
      const words = ["--nodes", "3", "--watchers", "12", "--channels", "2", ...QUICK, ...files];
      const { code, stdout, stderr } = await stage
        .run([process.execPath, BENCH, ...words])
        .ending();
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^3 nodes +12 +\d+\.\d\d +0 +0 +0 /m);
      expect(stdout).toMatch(/^control +12 /m);
      const names = ["n1", "n2", "n3", "nats-server"];
      const { rows } = JSON.parse(readFileSync(stage.path("out.json"), "utf8"));
      const [{ figures }] = rows;
      expect(figures).toMatchObject({ watchers: 12, closed: 0, failed: 0 });
      expect(figures.parts.map(({ name }: PartFigures) => name)).toEqual(names);
      const page = readFileSync(stage.path("out.html"), "utf8");
      for (const name of names) {
        expect(stdout).toMatch(new RegExp(`^· 3 nodes: ${name} took .* s/Gbit, `, "m"));
        expect(page).toContain(`3 nodes: ${name} took `);
      }
    },
    TEST_MS,
  );

  test(
    "passes a soak",
    async () => {
      const crowd = "--watchers 4 --slow 1 --frozen 1 --resetting 2 --visiting 2 --restart 700ms";
      const load = "--nodes 2 --minutes 0.025 --gop 12 --warmup 500ms --no-pin";
      const { code, stdout } = await bench("soak", ...crowd.split(" "), ...load.split(" "));
      expect(stdout).toContain("\npassed: ");
      expect(stdout).toMatch(/^2 nodes +4 /m);
      expect(code).toBe(0);
    },
    TEST_MS,
  );
});

test.if(hasProc)(
  "an interrupted run takes all its processes with it",
  async () => {
    await using stage = await newStage();
    const program = stage.run([process.execPath, BENCH, "--seconds", "60s", "--watchers", "2"]);
    const children = (): number[] =>
      readdirSync(`/proc/${program.pid}/task`).flatMap((task) =>
        readFileSync(`/proc/${program.pid}/task/${task}/children`, "utf8")
          .split(" ")
          .filter(Boolean)
          .map(Number),
      );
    // A server, a broadcaster, a watcher, a prober.
    await eventually(() => children().length >= 4, "all processes of a round");
    const started = children();
    program.kill("SIGINT");
    expect(await program.exited()).toBe(130);
    await eventually(
      () => !started.some((pid) => existsSync(`/proc/${pid}`)),
      "the children's end",
    );
  },
  TEST_MS,
);

test(
  "a soak passes on our server and fails on one that tears, each with one line and its code",
  async () => {
    await using stage = await newStage();
    const crowd = "--watchers 3 --slow 1 --frozen 1 --resetting 2 --visiting 2 --restart 700ms";
    const load = "--minutes 0.025 --gop 12 --warmup 100ms --no-pin";
    const words = ["soak", ...crowd.split(" "), ...load.split(" ")];
    const good = await stage.run([process.execPath, BENCH, ...words]).ending();
    expect(good.stdout).toContain("\npassed: ");
    expect(good.code).toBe(0);

    const plan = { bitsPerSecond: 2_000_000, fps: 30, gop: GOP };
    const relay = wrongRelay(plan, (first, second) => [first.subarray(100), second]);
    const target = ["--target", `127.0.0.1:${relay.target.port}`];
    const bad = await stage.run([process.execPath, BENCH, ...words, ...target]).ending();
    await relay.stop();
    expect(bad.stdout).toMatch(/^FAILED: \d+ torn frames$/m);
    expect(bad.code).toBe(1);
  },
  TEST_MS,
);

test(
  "a search for the capacity says what it found and what the limit was",
  async () => {
    const words = "capacity --bitrate 200k --from 4 --most 8 --p99 10s --warmup 100ms --no-pin";
    const { code, stdout } = await bench(...words.split(" "), "--seconds", "300ms");
    expect(stdout).toMatch(/^ +4 .* good\n +8 .* good\n\nat least 8 watchers \(1\.60 Mbit\/s\) /m);
    expect(stdout).toContain("\nlimit: none was met up to there\n");
    expect(code).toBe(0);
  },
  TEST_MS,
);
