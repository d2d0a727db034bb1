/** `fstream watch`: from a channel to stdout. */
import { isJoin, JOINS } from "../protocol/request.ts";
import { askFrom, CLIENT_ARGS, runClient } from "./client.ts";
import { command, type Command } from "./command.ts";

const JOIN_OPTIONS: string[] = [...JOINS];

export const watch: Command = command({
  meta: { name: "fstream watch", description: "Watch a channel: its stream goes to stdout" },
  args: {
    ...CLIENT_ARGS,
    join: {
      type: "enum",
      options: JOIN_OPTIONS,
      description: "Where to begin: the newest keyframe, the next one, or the next byte",
    },
    wait: {
      type: "boolean",
      default: true,
      description: "Wait for a channel that is not live",
      negativeDescription: "Fail at once where the channel is not live",
    },
  },
  async run({ args }) {
    const join = args.join !== undefined && isJoin(args.join) ? args.join : undefined;
    const { address, ask } = await askFrom("watch", args, { join, wait: args.wait });
    await runClient(address, ask, { retry: args.retry ?? false, quiet: args.quiet ?? false });
  },
});
