/** `fstream watch`: from a channel to stdout. */
import { askFrom, CLIENT_ARGS, MORE_CLIENT_ARGS, runClient } from "./client.ts";
import { command, type Command } from "./command.ts";

export const watch: Command = command({
  meta: { name: "fstream watch", description: "Watch a channel: its stream goes to stdout" },
  args: {
    ...CLIENT_ARGS,
    ...MORE_CLIENT_ARGS,
    wait: {
      type: "boolean",
      default: true,
      description: "Wait for a channel that is not live",
      negativeDescription: "Fail at once where the channel is not live",
    },
  },
  async run({ args }) {
    const { address, ask, trust } = await askFrom("watch", args, { wait: args.wait });
    await runClient(address, ask, {
      retry: args.retry ?? false,
      quiet: args.quiet ?? false,
      trust,
    });
  },
});
