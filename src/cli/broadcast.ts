/** `fstream broadcast`: from stdin to a channel. */
import { askFrom, CLIENT_ARGS, MORE_CLIENT_ARGS, runClient } from "./client.ts";
import { command, type Command } from "./command.ts";
import { talk } from "./talk.ts";

export const broadcast: Command = command({
  meta: {
    name: "fstream broadcast",
    description: "Broadcast to a channel: the stream comes from stdin",
  },
  args: {
    ...CLIENT_ARGS,
    "user-password": {
      type: "string",
      valueHint: "text",
      description: "Your password [$FSTREAM_USER_PASSWORD]",
    },
    "user-password-file": {
      type: "string",
      valueHint: "path",
      description: "A file whose first line it is [$FSTREAM_USER_PASSWORD_FILE]",
    },
    "ask-user-password": { type: "boolean", description: "Ask for it on the terminal" },
    ...MORE_CLIENT_ARGS,
  },
  async run({ args }) {
    const { servers, ask, trust } = await askFrom("broadcast", args, {});
    const quiet = args.quiet ?? false;
    if (process.stdin.isTTY && !quiet) {
      talk.warn(
        "stdin is this terminal; a broadcast usually comes through a pipe: ffmpeg … | fstream broadcast …",
      );
    }
    await runClient(servers, ask, { retry: args.retry ?? false, quiet, trust });
  },
});
