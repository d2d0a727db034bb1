/** `fstream watch`: from a channel to stdout. */
import { isJoin, JOINS } from "../protocol/request.ts";
import { askFrom, CLIENT_ARGS, MORE_CLIENT_ARGS, runClient } from "./client.ts";
import { command, type Command } from "./command.ts";
import { UsageError } from "./talk.ts";

export const watch: Command = command({
  meta: { name: "fstream watch", description: "Watch a channel: its stream goes to stdout" },
  args: {
    ...CLIENT_ARGS,
    ...MORE_CLIENT_ARGS,
    join: {
      type: "string",
      valueHint: JOINS.join("|"),
      description:
        "Begin at the newest keyframe, at the next one (least delay), or at the next byte",
    },
    wait: {
      type: "boolean",
      default: true,
      description: "Wait for a channel that is not live",
      negativeDescription: "Fail at once where the channel is not live",
    },
  },
  async run({ args }) {
    const { join } = args;
    if (join !== undefined && !isJoin(join)) {
      throw new UsageError(`--join is one of ${JOINS.join(", ")}, and not "${join}"`);
    }
    const { servers, ask, trust } = await askFrom("watch", args, { wait: args.wait, join });
    await runClient(servers, ask, {
      retry: args.retry ?? false,
      quiet: args.quiet ?? false,
      trust,
    });
  },
});
