/** `fstream serve`: runs a server until it is told to stop. */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { ArgsDef } from "citty";
import type { Authenticator } from "../auth/authenticator.ts";
import { gate } from "../auth/gate.ts";
import { loadPlugin } from "../auth/plugin.ts";
import { usersFolder } from "../auth/users.ts";
import { listUsers } from "../auth/userstore.ts";
import type { Admin, AdminOptions } from "../admin/admin.ts";
import { formatBytes } from "../core/units.ts";
import { newMetrics } from "../metrics/metrics.ts";
import { writeAddress } from "../protocol/address.ts";
import { systemClock } from "../server/clock.ts";
import { newFaults, survive, type Faults } from "../server/faults.ts";
import { stderrWriter } from "../server/log-writer.ts";
import { newLog, type Log } from "../server/log.ts";
import { numbersOf } from "../server/numbers.ts";
import { newReload, type Applier } from "../server/reload.ts";
import { startServer, type Server, type ServerOptions } from "../server/server.ts";
import {
  exampleIni,
  loadSettings,
  settingsHelp,
  type LoadedSettings,
  type Settings,
  type SettingsFile,
  type SettingsSources,
} from "../server/settings.ts";
import { rowOf, SETTING_NAMES } from "../server/settings-table.ts";
import { command, type Command } from "./command.ts";
import { hooksOf } from "./hooks.ts";
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
  "reuse-port": {
    type: "boolean",
    description: "Start beside the server that listens there now, and that you stop next",
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
    const sources = sourcesOf(args);
    const { origins, settings } = settle(sources());
    if (settings.cluster !== undefined && settings.workers !== 1) {
      throw new UsageError(
        "a node of a cluster has one worker: leave --workers out, and run a node a core instead",
      );
    }
    const log = newLog(systemClock, settings["log-level"], stderrWriter(settings["log-format"]));
    const faults = newFaults(log);
    const beside = args["reuse-port"] === true;
    const { metrics, server } = await start({ settings, log, faults, beside });
    const admin = await startPages(
      { settings, server, clock: systemClock, faults, beside, metrics },
      log,
      origins["admin-port"] === "default",
    );
    // First, for whoever reads that it listens may tell it to stop.
    stopOnSignals(server, admin, faults, log);
    survive(faults, log);
    reloadOnSignal(sources, settings, log, [
      (next) => log.configure(next["log-level"], stderrWriter(next["log-format"])),
      server.apply,
      () => void server.reloadCertificates(),
    ]);
    await greet(server, admin, settings, log);
  },
});

/** The help: citty's list would bury the sections that the settings file has. */
export function serveUsage(): string {
  const own = Object.entries(OWN_ARGS).map(
    ([name, arg]) => `  --${name.padEnd(20)}${arg.description}`,
  );
  return [
    "Run a server. Every setting is a flag, FSTREAM_NAME in the environment, or a line in fstream.ini;",
    "a flag counts before the environment, and that before the file. What ends with * changes when",
    "SIGHUP has the file read again; the rest at the next start.",
    "",
    "USAGE fstream serve [OPTIONS]",
    "",
    ...own,
    "",
    settingsHelp(),
  ].join("\n");
}

/** Where the settings come from, again and again: what stands in the file may change. */
function sourcesOf(args: Record<string, unknown>): () => SettingsSources {
  const named = typeof args["config"] === "string" ? args["config"] : undefined;
  const flags = SETTING_NAMES.map((name) => [name, args[name]] as const);
  const texts = Object.fromEntries(
    flags.map(([name, value]) => [name, typeof value === "string" ? value : undefined]),
  );
  return () => ({ flags: texts, env: process.env, file: settingsFile(named) });
}

function settle(sources: SettingsSources): Extract<LoadedSettings, { ok: true }> {
  const loaded = loadSettings(sources);
  if (!loaded.ok) {
    loaded.errors.forEach((error) => talk.error(error));
    process.exit(EXIT_USAGE);
  }
  return loaded;
}

/** At SIGHUP the settings are settled anew; a file that cannot be read is one with a mistake. */
function reloadOnSignal(
  sources: () => SettingsSources,
  started: Settings,
  log: Log,
  appliers: readonly Applier[],
): void {
  const first = sources().file;
  const path = first?.path ?? DEFAULT_CONFIG;
  const read = (): LoadedSettings => {
    try {
      const now = sources();
      // An editor may be about to write it: that is no reason to go back to the defaults.
      return first !== undefined && now.file === undefined
        ? { ok: false, errors: [`${path} is gone`] }
        : loadSettings(now);
    } catch (error) {
      return { ok: false, errors: [messageOf(error)] };
    }
  };
  process.on("SIGHUP", newReload({ read, started, path, appliers, log }));
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

interface Started {
  readonly server: Server;
  readonly metrics: () => Promise<string>;
}

async function start(options: Omit<ServerOptions, "authenticator" | "clock">): Promise<Started> {
  const { settings, log } = options;
  try {
    const authenticator = gate(await newAuthenticator(settings, log), {
      clock: systemClock,
      onProblem: (message) => log.event("warn", "authentication", message),
    });
    const { tell, webhook } = await hooksOf(settings, log);
    const all = { ...options, authenticator, tell, clock: systemClock };
    const count = settings.workers === 0 ? availableParallelism() : settings.workers;
    const server =
      count === 1
        ? await startServer(all)
        : await (await import("../threads/threads.ts")).startThreads({ ...all, workers: count });
    const { render } = newMetrics(() => numbersOf(server, { gate: authenticator, webhook }));
    const metrics = async (): Promise<string> => {
      await server.elsewhere?.refresh();
      return render();
    };
    return { server, metrics };
  } catch (error) {
    talk.error(messageOf(error));
    process.exit(1);
  }
}

/**
 * Starts the pages. A second server on this machine need not be told of a port that nobody has
 * chosen: where that is taken it goes on without them, and says so.
 */
async function startPages(
  options: AdminOptions,
  log: Log,
  isUsualPort: boolean,
): Promise<Admin | undefined> {
  const { PortTaken, startAdmin } = await import("../admin/admin.ts");
  try {
    return startAdmin(options);
  } catch (error) {
    if (isUsualPort && error instanceof PortTaken) {
      log.warn(`${messageOf(error)}; going on without pages`, "no pages");
      return undefined;
    }
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

async function greet(
  server: Server,
  admin: Admin | undefined,
  settings: Settings,
  log: Log,
): Promise<void> {
  const places = server.addresses.map((address) => writeAddress(address)).join(", ");
  const { elsewhere } = server;
  const by = elsewhere === undefined ? "" : ` by ${elsewhere.workers} workers`;
  log.info(`listening on ${places}${by}`, "listening");
  if (admin !== undefined) {
    log.info(`pages at ${admin.urls.join(", ")}`, "pages");
  }
  if (settings.auth === undefined && (await listUsers(settings.users)).length === 0) {
    log.info(
      `nobody may broadcast yet: ${settings.users}/ holds no user; add one with`,
      "no users",
    );
    const folder = settings.users === DEFAULT_USERS ? "" : ` --users ${settings.users}`;
    log.info(`    ${invocation()} users add NAME${folder}`, "no users");
  }
}

/** The first signal stops the server in order, the second one at once. */
function stopOnSignals(server: Server, admin: Admin | undefined, faults: Faults, log: Log): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) {
      process.exit(signal === "SIGINT" ? 130 : 143);
    }
    stopping = true;
    admin?.retire();
    log.info(`${signal}: stopping; again to stop at once`, "stopping");
    log.info(
      `${server.connections.size} connections and ${server.directory.channels()} channels are open`,
      "stopping",
    );
    await server.stop().catch((error: unknown) => faults.note(error));
    await admin?.stop().catch((error: unknown) => faults.note(error));
    const { broadcasts, watchers, bytesIn, bytesOut } = server.directory.counters;
    log.info(
      `stopped after ${broadcasts} broadcasts and ${watchers} watchers, ` +
        `${formatBytes(bytesIn)} in and ${formatBytes(bytesOut)} out`,
      "stopped",
    );
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
}
