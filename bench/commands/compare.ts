/** `bun run bench`: what the relay does here, beside the smallest possible fan-out. */
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
  watchersOf,
  wholeOf,
} from "../flags.ts";
import { alternate } from "../measure/alternate.ts";
import { newPlacement } from "../measure/placement.ts";
import { control } from "../peers/control.ts";
import { newProgress } from "../report/progress.ts";
import { publish } from "../report/publish.ts";

export const compare: Command = command({
  meta: {
    name: "bun run bench",
    description: "Measure the relay beside the smallest possible fan-out",
  },
  args: {
    watchers: { type: "string", default: "500", description: "How many watch" },
    slow: { type: "string", default: "0", description: "Watchers more, who read at a tenth" },
    seconds: { type: "string", default: "5s", description: "Measured time of a round" },
    rounds: { type: "string", default: "3", description: "Rounds; the medians are shown" },
    ...NODES_ARGS,
    ...LOAD_ARGS,
    ...TARGET_ARGS,
  },
  async run({ args }) {
    const load = loadOf(args, watchersOf(args), timeOf(args, "seconds", "s") / 1_000);
    const target = targetOf(args, "target");
    const ours = oursOf(args);
    const placement = newPlacement(args["pin"] !== false && target === undefined, ours.processes);
    const slow = wholeOf(args, "slow", 0, 1_000_000);
    const contest = {
      peers: target === undefined ? [ours, control] : [target],
      load: { ...load, others: { ...load.others, slow } },
      rounds: wholeOf(args, "rounds", 1, 1_000),
      placement,
      flags: serveFlags(args),
      progress: newProgress(),
    };
    const rounds = await alternate(contest);
    const entries = [...rounds].map(([peer, some]) => ({ name: peer.name, rounds: some }));
    await publish(
      { title: "bench", load: contest.load, placement, entries },
      { json: textOf(args, "json"), page: textOf(args, "report") },
    );
  },
});
