/** `bun run bench soak`: a mixed crowd for a long time, and what must hold all the while. */
import { command, type Command } from "../../src/cli/command.ts";
import {
  LOAD_ARGS,
  loadOf,
  NODES_ARGS,
  oursOf,
  serveFlags,
  TARGET_ARGS,
  targetOf,
  textOf,
  timeOf,
  wholeOf,
} from "../flags.ts";
import { memoryTrend, type MemoryTrend } from "../measure/memory.ts";
import { newPlacement } from "../measure/placement.ts";
import { runRound, type Load, type Round } from "../measure/round.ts";
import { otherFaults } from "../report/figures.ts";
import { newProgress } from "../report/progress.ts";
import { publish } from "../report/publish.ts";
import { fixed } from "../report/table.ts";

/** Descriptors of a process that are no watchers: its files, listeners and epoll. */
const DESCRIPTORS_OWN = 64;

const CROWD_ARGS = {
  watchers: { type: "string", default: "100", description: "Steady ones, who must lose nothing" },
  slow: { type: "string", default: "10", description: "Who read at a tenth" },
  frozen: { type: "string", default: "5", description: "Who stop reading" },
  resetting: { type: "string", default: "10", description: "Who break off and come again" },
  visiting: { type: "string", default: "20", description: "Who join and leave" },
} as const;

const MANY = 100_000;

export const soak: Command = command({
  meta: { name: "bun run bench soak", description: "Watch a mixed crowd for a long time" },
  args: {
    minutes: { type: "string", default: "10", valueHint: "n", description: "How long" },
    restart: { type: "string", default: "20s", description: "How often broadcasters begin anew" },
    ...CROWD_ARGS,
    ...NODES_ARGS,
    ...LOAD_ARGS,
    ...TARGET_ARGS,
  },
  async run({ args }) {
    const seconds = timeOf(args, "minutes", "m") / 1_000;
    const steady = wholeOf(args, "watchers", 1, MANY);
    const count = (name: keyof typeof CROWD_ARGS): number => wholeOf(args, name, 0, MANY);
    const load: Load = {
      ...loadOf(args, steady, seconds),
      others: {
        slow: count("slow"),
        frozen: count("frozen"),
        resetting: count("resetting"),
        visiting: count("visiting"),
        probing: 1,
      },
      restartMs: timeOf(args, "restart", "s"),
    };
    const target = targetOf(args, "target");
    const ours = oursOf(args);
    const peer = target ?? ours;
    const placement = newPlacement(args["pin"] !== false && target === undefined, ours.processes);
    const progress = newProgress();
    const subject = await peer.start({ prefix: placement.server, flags: serveFlags(args) });
    let round: Round;
    try {
      round = await runRound(subject, load, placement, progress.round("soak"));
    } finally {
      await subject.stop();
      progress.clear();
    }
    const trend = memoryTrend(round.samples, round.parts.length);
    await publish(
      { title: "soak", load, placement, entries: [{ name: peer.name, rounds: [round] }] },
      { json: textOf(args, "json"), page: textOf(args, "report") },
    );
    process.stdout.write(`${sayTrend(trend)}\n`);
    const failure = failureOf(load, round, trend);
    if (failure === undefined) {
      process.stdout.write(
        "passed: nothing torn, nothing lost by steady watchers, nothing leaked\n",
      );
    } else {
      process.stdout.write(`FAILED: ${failure}\n`);
      process.exitCode = 1;
    }
  },
});

function sayTrend(trend: MemoryTrend | undefined): string {
  return trend === undefined
    ? "· memory: unknown here"
    : `· memory: ${fixed(trend.slope * 60, 3)} MiB a minute by least squares, ` +
        `${fixed(trend.growth, 1)} MiB over the judged time`;
}

/** The first thing that does not hold. */
export function failureOf(
  load: Load,
  round: Round,
  trend: MemoryTrend | undefined,
): string | undefined {
  const { faults, othersFaults } = round;
  const torn = faults.torn + othersFaults.torn;
  const wrong = otherFaults(faults) + otherFaults(othersFaults);
  const connected = load.channels + sum([load.watchers, ...Object.values(load.others)]);
  const open = round.serverDescriptors;
  const checks: readonly (readonly [boolean, string])[] = [
    [torn > 0, `${torn} torn frames`],
    [wrong > 0, `${wrong} frames were corrupt, repeated, out of order or of another channel`],
    [faults.lost > 0, `steady watchers lost ${faults.lost} of ${round.expected} frames`],
    [round.expected === 0 && !load.sink, "no frame was sent"],
    [round.closed > 0, `${round.closed} steady watchers were closed`],
    [round.broadcastersClosed > 0, `${round.broadcastersClosed} broadcasters were closed`],
    [round.failed > 0, `${round.failed} connections could not be made`],
    [trend?.leaks === true, `memory grew by ${fixed(trend?.growth, 1)} MiB`],
    [
      open !== undefined && open > connected + DESCRIPTORS_OWN * Math.max(round.parts.length, 1),
      `${open} descriptors are open for ${connected} connections`,
    ],
  ];
  return checks.find(([broken]) => broken)?.[1];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
