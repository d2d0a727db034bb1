/** `fstream serve`: runs a server until it is told to stop. */
import { existsSync, readFileSync } from "node:fs";
import type { ArgsDef } from "citty";
import type { Authenticator } from "../auth/authenticator.ts";
import { gate } from "../auth/gate.ts";
import { loadPlugin } from "../auth/plugin.ts";
import { usersFolder } from "../auth/users.ts";
import { listUsers } from "../auth/userstore.ts";
import { formatBytes } from "../core/units.ts";
import { writeAddress } from "../protocol/address.ts";
import { systemClock } from "../server/clock.ts";
import { newLog, type Log } from "../server/log.ts";
import { startServer, type Server } from "../server/server.ts";
import {
  exampleIni,
  loadSettings,
  settingsHelp,
  type Settings,
  type SettingsFile,
} from "../server/settings.ts";
import { rowOf, SETTING_NAMES } from "../server/settings-table.ts";
import { command, type Command } from "./command.ts";
import { invocation } from "./invocation.ts";
import { EXIT_USAGE, messageOf, talk, UsageError } from "./talk.ts";

const DEFAULT_CONFIG = "fstream.ini";
const DEFAULT_USERS = rowOf("users").default;

/** Flags of the command that are no settings. */
const OWN_ARGS = {
  config: {
    type: "string",
    valueHint: "path",
    description: `The settings file [${DEFAULT_CONFIG}, where there is one]`,
  },
  "print-config": {
    type: "boolean",
    description: "Print a settings file with all settings and their defaults",
  },
} as const;

/** Every setting is a flag of the same name. */
const SETTING_ARGS: ArgsDef = Object.fromEntries(
  SETTING_NAMES.map((name) => [name, { type: "string", description: rowOf(name).help }]),
);

export const serve: Command = command({
  meta: { name: "fstream serve", description: "Run a server" },
  args: { ...OWN_ARGS, ...SETTING_ARGS },
  async run({ args }) {
    if (args["print-config"] === true) {
      process.stdout.write(exampleIni());
      return;
    }
    const settings = settle(args);
    const log = newLog(systemClock, settings["log-level"]);
    const server = await start(settings, log);
    // First, for whoever reads that it listens may tell it to stop.
    stopOnSignals(server, log);
    await greet(server, settings, log);
  },
});

/** The help: citty's list would bury the sections that the settings file has. */
export function serveUsage(): string {
  const own = Object.entries(OWN_ARGS).map(
    ([name, arg]) => `  --${name.padEnd(20)}${arg.description}`,
  );
  return [
    "Run a server. Every setting is a flag, FSTREAM_NAME in the environment, or a line in fstream.ini;",
    "a flag counts before the environment, and that before the file.",
    "",
    "USAGE fstream serve [OPTIONS]",
    "",
    ...own,
    "",
    settingsHelp(),
  ].join("\n");
}

function settle(args: Record<string, unknown>): Settings {
  const flags = SETTING_NAMES.map((name) => [name, args[name]] as const);
  const loaded = loadSettings({
    flags: Object.fromEntries(
      flags.map(([name, value]) => [name, typeof value === "string" ? value : undefined]),
    ),
    env: process.env,
    file: settingsFile(typeof args["config"] === "string" ? args["config"] : undefined),
  });
  if (!loaded.ok) {
    loaded.errors.forEach((error) => talk.error(error));
    process.exit(EXIT_USAGE);
  }
  return loaded.settings;
}

/** A file that was named must be there; the default one may be. */
function settingsFile(named: string | undefined): SettingsFile | undefined {
  const path = named ?? process.env["FSTREAM_CONFIG"] ?? DEFAULT_CONFIG;
  if (path === DEFAULT_CONFIG && !existsSync(path)) {
    return undefined;
  }
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new UsageError(`the settings file cannot be read: ${messageOf(error)}`);
  }
}

async function start(settings: Settings, log: Log): Promise<Server> {
  try {
    const authenticator = gate(await newAuthenticator(settings, log), {
      clock: systemClock,
      onProblem: (message) => log.event("warn", "authentication", message),
    });
    return await startServer({ settings, authenticator, clock: systemClock, log });
  } catch (error) {
    talk.error(messageOf(error));
    process.exit(1);
  }
}

async function newAuthenticator(settings: Settings, log: Log): Promise<Authenticator> {
  return settings.auth === undefined
    ? usersFolder({
        folder: settings.users,
        onProblem: (message) => log.event("warn", "refused user", message),
      })
    : loadPlugin(settings.auth);
}

async function greet(server: Server, settings: Settings, log: Log): Promise<void> {
  const places = server.addresses.map((address) => writeAddress(address)).join(", ");
  log.info(`listening on ${places}`);
  if (settings.auth === undefined && (await listUsers(settings.users)).length === 0) {
    log.info(`nobody may broadcast yet: ${settings.users}/ holds no user; add one with`);
    const folder = settings.users === DEFAULT_USERS ? "" : ` --users ${settings.users}`;
    log.info(`    ${invocation()} users add NAME${folder}`);
  }
}

/** The first signal stops the server in order, the second one at once. */
function stopOnSignals(server: Server, log: Log): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) {
      process.exit(signal === "SIGINT" ? 130 : 143);
    }
    stopping = true;
    log.info(`${signal}: stopping; again to stop at once`);
    log.info(
      `${server.connections()} connections and ${server.directory.channels()} channels are open`,
    );
    await server.stop();
    const { broadcasts, watchers, bytesIn, bytesOut } = server.directory.counters;
    log.info(
      `stopped after ${broadcasts} broadcasts and ${watchers} watchers, ` +
        `${formatBytes(bytesIn)} in and ${formatBytes(bytesOut)} out`,
    );
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
}
