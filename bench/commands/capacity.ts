/** `bun run bench capacity`: the most watchers with nothing lost and latency within a bound. */
import { command, type Command } from "../../src/cli/command.ts";
import { formatBitrate } from "../../src/core/units.ts";
import {
  connectionsMost,
  LOAD_ARGS,
  loadOf,
  NODES_ARGS,
  oursOf,
  serveFlags,
  textOf,
  timeOf,
  wholeOf,
} from "../flags.ts";
import { limitOf, type Limit } from "../measure/limit.ts";
import { newPlacement, type Placement } from "../measure/placement.ts";
import { machineName, memoryLeft } from "../measure/proc.ts";
import { runRound, type Load } from "../measure/round.ts";
import { search } from "../measure/search.ts";
import type { Subject } from "../peers/peer.ts";
import { figuresOf, otherFaults, type Figures } from "../report/figures.ts";
import { newProgress, type Progress } from "../report/progress.ts";
import { save } from "../report/publish.ts";
import { fixed, ms, percent } from "../report/table.ts";

/** Watchers beyond which nobody looks where descriptors are not bounded. */
const WATCHERS_MOST = 500_000;

export interface Trial {
  readonly watchers: number;
  readonly figures: Figures;
  /** Undefined where it passed. */
  readonly why: string | undefined;
  readonly limit: Limit;
}

export const capacity: Command = command({
  meta: {
    name: "bun run bench capacity",
    description: "Find the most watchers that are served well",
  },
  args: {
    p99: { type: "string", default: "100ms", description: "Latency that 99 of 100 frames keep" },
    from: { type: "string", default: "200", description: "Watchers to begin with" },
    most: { type: "string", default: String(WATCHERS_MOST), description: "Watchers to end with" },
    precision: { type: "string", default: "4", description: "Per cent to which it is found" },
    seconds: { type: "string", default: "4s", description: "Measured time of a trial" },
    ...NODES_ARGS,
    ...LOAD_ARGS,
  },
  async run({ args }) {
    const bound = timeOf(args, "p99", "ms");
    const load = loadOf(args, 0, timeOf(args, "seconds", "s") / 1_000);
    const peer = oursOf(args);
    const placement = newPlacement(args["pin"] !== false, peer.processes);
    const allowed = connectionsMost() - load.channels;
    const most = Math.min(allowed, wholeOf(args, "most", 1, WATCHERS_MOST));
    const trials: Trial[] = [];
    const progress = newProgress();
    const found = await search(
      {
        first: wholeOf(args, "from", 1, WATCHERS_MOST),
        most,
        precision: wholeOf(args, "precision", 1, 50) / 100,
      },
      async (watchers) => {
        const subject = await peer.start({ prefix: placement.server, flags: serveFlags(args) });
        const trial = await attempt(subject, { ...load, watchers }, bound, placement, progress);
        trials.push(trial);
        progress.say(line(cellsOf(trial)));
        return { ok: trial.why === undefined, seen: trial };
      },
    );
    progress.clear();
    const verdict = verdictOf(found, load, bound, most < allowed);
    process.stdout.write(
      `${[...headOf(load, placement), "", line(HEADING), ...trials.map((trial) => line(cellsOf(trial))), "", ...verdict].join("\n")}\n`,
    );
    const record = { machine: machineName(), bun: Bun.version, load, bound, trials, verdict };
    if (textOf(args, "json") !== "") {
      save(textOf(args, "json"), `${JSON.stringify(record, null, 2)}\n`);
    }
    if (textOf(args, "report") !== "") {
      const [{ pageOf }, { capacityCharts }] = await Promise.all([
        import("../report/page.ts"),
        import("../report/charts.ts"),
      ]);
      const head = headOf(load, placement);
      const charts = capacityCharts(trials);
      const table = [HEADING, ...trials.map(cellsOf)];
      const title = "fstream: capacity";
      save(textOf(args, "report"), pageOf({ title, head, table, notes: verdict, charts }));
    }
  },
});

/** Puts a server under load, and ends it. */
async function attempt(
  subject: Subject,
  load: Load,
  bound: number,
  placement: Placement,
  progress: Progress,
): Promise<Trial> {
  try {
    const watching = progress.round(`${load.watchers} watchers`);
    const figures = figuresOf(await runRound(subject, load, placement, watching));
    const why = complaint(figures, bound);
    return { watchers: load.watchers, figures, why, limit: limitOf(figures, memoryLeft()) };
  } finally {
    await subject.stop();
  }
}

/** Why a trial does not pass. */
function complaint({ faults, closed, failed, p99 }: Figures, bound: number): string | undefined {
  if (failed > 0) {
    return `${failed} connections failed`;
  }
  if (closed > 0) {
    return `${closed} were closed`;
  }
  if (faults.torn + otherFaults(faults) > 0) {
    return `${faults.torn + otherFaults(faults)} bad frames`;
  }
  if (faults.lost > 0) {
    return `${faults.lost} frames lost`;
  }
  // With --sink there is no latency to be known, and nothing that could be lost.
  return p99 !== undefined && p99 > bound ? `p99 ${ms(p99)} ms` : undefined;
}

function headOf(load: Load, placement: Placement): readonly string[] {
  const { plan, channels, seconds } = load;
  return [
    `watchers × ${formatBitrate(plan.bitsPerSecond)}, ${plan.fps} fps, a keyframe in ${plan.gop}, ` +
      `${channels === 1 ? "one channel" : `${channels} channels`}; trials of ${seconds} s`,
    `${machineName()}; Bun ${Bun.version}; ${placement.text}`,
  ];
}

const HEADING = [
  "watchers",
  "Gbit/s",
  "p50 ms",
  "p99 ms",
  "server",
  "load",
  "s/Gbit",
  "MiB",
  "outcome",
] as const;

/** Characters of a column. The last one has no end. */
const COLUMN_CHARS = 10;

function cellsOf({ watchers, figures, why }: Trial): readonly string[] {
  return [
    String(watchers),
    fixed(figures.gbitPerSecond, 2),
    ms(figures.p50),
    ms(figures.p99),
    percent(figures.serverShare),
    percent(figures.busiestLoadShare),
    fixed(figures.serverCpuPerGbit, 3),
    fixed(figures.serverMib, 0),
    why ?? "good",
  ];
}

function line(cells: readonly string[]): string {
  const row = cells.slice(0, -1).map((cell) => cell.padStart(COLUMN_CHARS));
  return `${row.join("")}  ${cells.at(-1) ?? ""}`;
}

/** What was found, what the limit was, and how far it may be believed. */
function verdictOf(
  found: { number: number; passed: Trial | undefined; failed: Trial | undefined },
  load: Load,
  bound: number,
  byChoice: boolean,
): readonly string[] {
  const { number, passed, failed } = found;
  const rate = formatBitrate(number * load.plan.bitsPerSecond);
  const what = `${number} watchers (${rate}) with nothing lost and p99 within ${bound} ms`;
  if (failed === undefined) {
    const limit = byChoice ? "none was met up to there" : "descriptors, which allow no more";
    return [`at least ${what}`, `limit: ${limit}`, ...extrapolated(passed)];
  }
  const { text, ofServer } = failed.limit;
  return [
    `${ofServer ? "" : "at least "}${what}`,
    `limit: ${text}, at ${failed.watchers} watchers: ${failed.why ?? ""}`,
    ...(ofServer ? [] : ["the server was not the limit, so its capacity is not known"]),
    ...(ofServer ? [] : extrapolated(passed)),
  ];
}

/** What a core would carry if CPU were all that counts. It says that nobody has seen that. */
function extrapolated(trial: Trial | undefined): readonly string[] {
  const share = trial?.figures.serverShare;
  if (trial === undefined || share === undefined || share <= 0) {
    return [];
  }
  const whole = Math.floor(trial.watchers / share);
  return [
    `extrapolated and not measured: at ${percent(share)} of a core for ${trial.watchers} watchers, ` +
      `a whole core would carry some ${whole}`,
  ];
}
