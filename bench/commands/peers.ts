/** `bun run bench peers`: the same load for the relay and for what one might pick instead. */
import { command, type Command } from "../../src/cli/command.ts";
import {
  LOAD_ARGS,
  loadOf,
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
import { PEERS } from "../peers/table.ts";
import { newProgress } from "../report/progress.ts";
import { publish } from "../report/publish.ts";

const { target: _, ...USER_ARGS } = TARGET_ARGS;

export const peers: Command = command({
  meta: {
    name: "bun run bench peers",
    description: "Compare the relay with what else is installed",
  },
  args: {
    watchers: { type: "string", default: "200", description: "How many watch" },
    seconds: { type: "string", default: "6s", description: "Measured time of a round" },
    rounds: { type: "string", default: "3", description: "Rounds; the medians are shown" },
    peer: {
      type: "string",
      valueHint: "host:port",
      description: "One more: any relay that takes our protocol",
    },
    ...LOAD_ARGS,
    ...USER_ARGS,
  },
  async run({ args }) {
    const load = loadOf(args, watchersOf(args), timeOf(args, "seconds", "s") / 1_000);
    const named = targetOf(args, "peer");
    const placement = newPlacement(args["pin"] !== false);
    const all = named === undefined ? PEERS : [...PEERS, named];
    const rounds = await alternate({
      peers: all.filter((peer) => peer.missing() === undefined),
      load,
      rounds: wholeOf(args, "rounds", 1, 1_000),
      placement,
      flags: serveFlags(args),
      progress: newProgress(),
    });
    const entries = all.map((peer) => ({
      name: peer.name,
      rounds: rounds.get(peer) ?? peer.missing() ?? "not measured",
    }));
    await publish(
      { title: "peers", load, placement, entries },
      { json: textOf(args, "json"), page: textOf(args, "report") },
    );
  },
});
