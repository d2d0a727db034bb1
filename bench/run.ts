/**
 * `bun run bench`: what the relay costs beside the smallest possible fan-out, in alternating rounds of one run.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineCommand, runMain } from "citty";
import { cpuSeconds, residentMib, start, type Subject } from "./process.ts";

interface Figures {
  readonly gbit: number;
  readonly frames: number;
  readonly lost: number;
  readonly torn: number;
  readonly gone: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

type Round = Figures & {
  readonly cpuPerGbit: number | undefined;
  readonly mib: number | undefined;
};

const root = join(import.meta.dir, "..");

const bench = defineCommand({
  meta: { name: "bench", description: "Measure the relay beside the smallest possible fan-out" },
  args: {
    watchers: { type: "string", default: "500", description: "How many watch" },
    bitrate: { type: "string", default: "2", description: "Mbit/s of the broadcast" },
    fps: { type: "string", default: "30", description: "Frames a second" },
    seconds: { type: "string", default: "6", description: "Measured time of a round" },
    rounds: { type: "string", default: "3", description: "Rounds of each; the medians are shown" },
  },
  async run({ args }) {
    const users = mkdtempSync(join(tmpdir(), "fstream-bench-"));
    writeFileSync(join(users, "bench.ini"), "[DEFAULT]\n");
    const main = join(root, "src/cli/main.ts");
    const flags = ["--host=127.0.0.1", "--port=0", `--users=${users}`];
    const subjects = [
      await start("control", [process.execPath, join(root, "bench/control.ts")]),
      await start("fstream", [process.execPath, main, "serve", ...flags]),
    ];
    try {
      const load = [args.watchers, args.bitrate, args.fps, args.seconds, "2"];
      process.stdout.write(`${args.watchers} watchers × ${args.bitrate} Mbit/s, ${args.fps} fps\n`);
      process.stdout.write(`${heading()}\n`);
      const rows = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]));
      for (let round = 0; round < Number(args.rounds); round++) {
        for (const subject of subjects) {
          rows.get(subject)?.push(await measure(subject, load, Number(args.seconds)));
        }
      }
      for (const [subject, rounds] of rows) {
        process.stdout.write(`${row(subject.name, rounds)}\n`);
      }
    } finally {
      await Promise.all(subjects.map((subject) => subject.stop()));
      rmSync(users, { recursive: true });
    }
  },
});

await runMain(bench);

async function measure(subject: Subject, load: readonly string[], seconds: number): Promise<Round> {
  const command = [process.execPath, join(root, "bench/load.ts"), String(subject.port), ...load];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", stdin: "ignore" });
  let said = "";
  let before: number | undefined;
  let used: number | undefined;
  for await (const chunk of child.stdout) {
    said += new TextDecoder().decode(chunk);
    if (said.startsWith("measuring") && before === undefined) {
      before = cpuSeconds(subject.pid);
      await Bun.sleep(seconds * 1_000);
      used = (cpuSeconds(subject.pid) ?? Number.NaN) - (before ?? Number.NaN);
    }
  }
  await child.exited;
  const figures: Figures = JSON.parse(said.slice(said.indexOf("{")));
  const cpuPerGbit = used === undefined || Number.isNaN(used) ? undefined : used / figures.gbit;
  return { ...figures, cpuPerGbit, mib: residentMib(subject.pid) };
}

function heading(): string {
  const names = ["CPU s/Gbit", "p50 ms", "p99 ms", "max ms", "lost", "torn", "gone", "MiB"];
  return ["          ", ...names.map((name) => name.padStart(10))].join("");
}

function row(name: string, rounds: readonly Round[]): string {
  const median = (pick: (round: Round) => number | undefined): number | undefined =>
    rounds.map(pick).toSorted((a, b) => (a ?? 0) - (b ?? 0))[Math.floor(rounds.length / 2)];
  const cells = [
    median((round) => round.cpuPerGbit)?.toFixed(4),
    median((round) => round.p50)?.toFixed(2),
    median((round) => round.p99)?.toFixed(2),
    median((round) => round.max)?.toFixed(1),
    ...(["lost", "torn", "gone"] as const).map((key) =>
      String(rounds.reduce((sum, round) => sum + round[key], 0)),
    ),
    median((round) => round.mib)?.toFixed(0),
  ];
  return [name.padEnd(10), ...cells.map((cell) => (cell ?? "-").padStart(10))].join("");
}
