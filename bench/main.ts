#!/usr/bin/env bun
/**
 * The bench: how many watchers this machine carries, and whether every byte is right.
 *
 *     bun run bench [capacity|soak|peers|scan] [FLAGS]
 *
 * stdout is the outcome, stderr is talk. Every process that is started is ended with this one.
 */
import { renderUsage, runCommand, type SubCommandsDef } from "citty";
import { command, type Command } from "../src/cli/command.ts";
import { EXIT_USAGE, messageOf, UsageError } from "../src/cli/talk.ts";
import { nearest } from "../src/core/nearest.ts";

/** The exit code of an interrupted program. */
const EXIT_INTERRUPTED = 130;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  compare: () => import("./commands/compare.ts").then((module) => module.compare),
  capacity: () => import("./commands/capacity.ts").then((module) => module.capacity),
  soak: () => import("./commands/soak.ts").then((module) => module.soak),
  peers: () => import("./commands/peers.ts").then((module) => module.peers),
  scan: () => import("./commands/scan.ts").then((module) => module.scan),
};

process.stderr.on("error", () => {});
process.on("SIGINT", () => process.exit(EXIT_INTERRUPTED));
process.on("SIGTERM", () => process.exit(EXIT_INTERRUPTED));

try {
  await run(process.argv.slice(2));
  process.exit();
} catch (error) {
  process.stderr.write(`\r\x1b[K`.repeat(process.stderr.isTTY ? 1 : 0));
  process.stderr.write(`bench: ${explain(error)}\n`);
  process.exit(error instanceof UsageError ? EXIT_USAGE : 1);
}

/** Without a command it compares: that is what most people want to see. */
async function run(words: readonly string[]): Promise<void> {
  const [word = ""] = words;
  const named = word !== "" && !word.startsWith("-");
  const load = Object.hasOwn(COMMANDS, named ? word : "compare")
    ? COMMANDS[named ? word : "compare"]
    : undefined;
  if (load === undefined) {
    const near = nearest(word, Object.keys(COMMANDS));
    const hint = near === undefined ? "see bun run bench --help" : `did you mean ${near}?`;
    throw new UsageError(`there is no command ${word}; ${hint}`);
  }
  const found = await load();
  if (words.some((text) => text === "--help" || text === "-h")) {
    process.stdout.write(await help(found, named));
    return;
  }
  await runCommand(found, { rawArgs: words.slice(named ? 1 : 0) });
}

async function help(found: Command, named: boolean): Promise<string> {
  const usage = await renderUsage(found);
  const commands: SubCommandsDef = COMMANDS;
  const all = await renderUsage(
    command({
      meta: { name: "bun run bench", description: "All commands" },
      subCommands: commands,
    }),
  );
  return `${Bun.stripANSI(named ? usage : `${usage}\n\n${all}`).trimEnd()}\n`;
}

/** A mistake on the command line, or a server that did not start, is a line. */
function explain(error: unknown): string {
  return messageOf(error);
}
