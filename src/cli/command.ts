/**
 * Commands as this program has them: citty's, with every flag checked. citty itself passes over
 * flags that it does not know, and takes a flag without its value for an empty one.
 */
import {
  defineCommand,
  type ArgDef,
  type ArgsDef,
  type CommandDef,
  type SubCommandsDef,
} from "citty";
import { nearest } from "../core/nearest.ts";
import { UsageError } from "./talk.ts";

/** A command with whatever arguments, as its parent knows it. */
export type Command = Extract<SubCommandsDef[string], { meta?: unknown }>;

/** Defines a command that refuses what it does not know. */
export function command<const T extends ArgsDef>(definition: CommandDef<T>): CommandDef<T> {
  return defineCommand({
    ...definition,
    async setup({ rawArgs }) {
      if (definition.subCommands === undefined) {
        const { args } = definition;
        checkArgs(rawArgs, (typeof args === "function" ? await args() : await args) ?? {});
      }
    },
  });
}

/** Throws a usage error for the first unknown flag, flag without its value, or word too many. */
export function checkArgs(rawArgs: readonly string[], args: ArgsDef): void {
  let words = Object.values(args).filter((arg) => arg.type === "positional").length;
  for (let i = 0; i < rawArgs.length; i++) {
    const text = rawArgs[i] ?? "";
    if (text === "--") {
      words -= rawArgs.length - i - 1;
      break;
    }
    if (text.length > 1 && text.startsWith("-")) {
      i += checkFlag(text, rawArgs[i + 1], args);
    } else if (--words < 0) {
      throw new UsageError(`"${text}" is one word too many; see --help`);
    }
  }
  if (words < 0) {
    throw new UsageError("there are words too many after --; see --help");
  }
}

/** Checks one flag and returns how many of the following words belong to it. */
function checkFlag(text: string, next: string | undefined, args: ArgsDef): number {
  const [flag = "", value] = text.split(/=(.*)/s);
  const arg = findFlag(flag, args);
  if (arg === undefined) {
    const known = Object.entries(args)
      .filter(([, definition]) => definition.type !== "positional")
      .map(([name]) => `--${name}`);
    const near = nearest(flag, known);
    throw new UsageError(
      `there is no flag ${flag}${near === undefined ? "; see --help" : `; did you mean ${near}?`}`,
    );
  }
  // citty takes the = of -c=NAME for the value's first character.
  if (value !== undefined && !flag.startsWith("--")) {
    throw new UsageError(`${flag} takes no =; write ${flag} VALUE`);
  }
  if (arg.type === "boolean") {
    if (value !== undefined) {
      throw new UsageError(`${flag} takes no value`);
    }
    return 0;
  }
  if (value !== undefined) {
    return 0;
  }
  if (next === undefined || next.startsWith("-")) {
    throw new UsageError(`${flag} needs a value: write ${flag}=VALUE`);
  }
  return 1;
}

function findFlag(flag: string, args: ArgsDef): ArgDef | undefined {
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") {
      continue;
    }
    const aliases = "alias" in arg ? [arg.alias ?? []].flat() : [];
    const negated = arg.type === "boolean" && flag === `--no-${name}`;
    if (flag === `--${name}` || negated || aliases.some((alias) => flag === `-${alias}`)) {
      return arg;
    }
  }
  return undefined;
}
