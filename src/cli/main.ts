#!/usr/bin/env bun
/**
 * The program `fstream`: one lazy file a command, and one place where mistakes become one line and
 * an exit code.
 */
import type { WriteStream } from "node:tty";
import { renderUsage, runCommand, runMain, type SubCommandsDef } from "citty";
import packageJson from "../../package.json" with { type: "json" };
import { nearest } from "../core/nearest.ts";
import { command } from "./command.ts";
import { concealPasswords } from "./conceal.ts";
import { isSeedForm, runSeedForm } from "./seed.ts";
import { EXIT_USAGE, talk, UsageError } from "./talk.ts";

const COMMANDS: SubCommandsDef = {
  serve: () => import("./serve.ts").then((module) => module.serve),
  broadcast: () => import("./broadcast.ts").then((module) => module.broadcast),
  watch: () => import("./watch.ts").then((module) => module.watch),
  status: () => import("./status.ts").then((module) => module.status),
  users: () => import("./users.ts").then((module) => module.users),
  demo: () => import("./demo/demo.ts").then((module) => module.demo),
};

const main = command({
  meta: {
    name: "fstream",
    version: packageJson.version,
    description: "A relay for live media over TCP",
  },
  subCommands: COMMANDS,
});

// Whoever read what we say has gone: that is no reason to stop serving, or to lose a stream.
process.stderr.on("error", () => {});

await concealPasswords(process.argv.slice(2));
await run(process.argv.slice(2));

async function run(words: readonly string[]): Promise<void> {
  try {
    if (isSeedForm(words)) {
      await runSeedForm(words);
    } else if (words.length === 1 && /^(?:--version|-v)$/.test(words[0] ?? "")) {
      process.stdout.write(`${packageJson.version}\n`);
    } else if (words.length === 0) {
      print(process.stderr, await renderUsage(main));
      process.exitCode = EXIT_USAGE;
    } else if (words.some((word) => word === "--help" || word === "-h")) {
      await help(words);
    } else if (words[0]?.startsWith("-") === true) {
      throw new UsageError(`a command comes before ${words[0]}; see fstream --help`);
    } else {
      await runCommand(main, { rawArgs: [...words] });
    }
  } catch (error) {
    fail(error, words);
  }
}

/** Prints the help of the command that `words` lead to, and ends the process. */
function help(words: readonly string[]): Promise<void> {
  return runMain(main, {
    rawArgs: [...words],
    async showUsage(shown) {
      const text = words[0] === "serve" ? await serveHelp() : await renderUsage(shown);
      print(process.stdout, text);
    },
  });
}

/** citty colours its help wherever it goes; a pipe gets it plain. */
function print(out: WriteStream, text: string): void {
  const plain = Bun.stripANSI(text);
  out.write(`${(out.isTTY ? text : plain).trimEnd()}\n`);
}

async function serveHelp(): Promise<string> {
  const { serveUsage } = await import("./serve.ts");
  return serveUsage();
}

/**
 * Mistakes on the command line are one line each; anything else is a mistake of ours and shows
 * where it comes from.
 */
function fail(error: unknown, words: readonly string[]): void {
  if (error instanceof UsageError) {
    talk.error(error.message);
    process.exitCode = EXIT_USAGE;
  } else if (error instanceof Error && error.name === "CLIError") {
    talk.error(explain(error, words));
    process.exitCode = EXIT_USAGE;
  } else {
    talk.error(error);
    process.exitCode = 1;
  }
}

/** citty's own complaints, with what to type instead. */
function explain(error: Error, words: readonly string[]): string {
  const [word = "", next = ""] = words;
  const message = Bun.stripANSI(error.message);
  const path = next === "" || next.startsWith("-") ? word : `${word} ${next}`;
  if (message.startsWith("No command specified")) {
    return `${word} needs a command of its own; see fstream ${word} --help`;
  }
  const missing = /^Missing required positional argument: (.*)$/.exec(message)?.[1];
  if (missing !== undefined) {
    return `${path} needs a ${missing}; see fstream ${path} --help`;
  }
  if (!message.startsWith("Unknown command")) {
    return `${message.charAt(0).toLowerCase()}${message.slice(1)}; see --help`;
  }
  if (Object.hasOwn(COMMANDS, word)) {
    return `there is no command ${path}; see fstream ${word} --help`;
  }
  if (/[:/,]/.test(word)) {
    // The word is not repeated: a URL may hold a password.
    return "the command comes before the address: write fstream watch ADDRESS --user NAME";
  }
  const near = nearest(word, Object.keys(COMMANDS));
  const hint = near === undefined ? "; see fstream --help" : `; did you mean ${near}?`;
  return `there is no command ${word}${hint}`;
}
