/**
 * Settings while the server runs: SIGHUP has the file read again.
 *
 *     file, environment, flags ──► wrong ──► a line for each mistake; everything stays
 *                                └─► right ─┬─► live settings ──► appliers
 *                                           └─► the others ──► a line each: at the next start
 *
 * Whoever holds something that a setting decides brings an applier. All of them are called at every
 * reload, also where no setting has changed: a file that a setting names may have.
 */
import { messageOf } from "../core/errors.ts";
import type { Log } from "./log.ts";
import type { LoadedSettings, SettingName, Settings } from "./settings.ts";
import { rowOf, SETTING_NAMES } from "./settings-table.ts";
import type { SettingValue } from "./settings-value.ts";

/** Takes the settings that count from now on. It throws, with one sentence, where it cannot. */
export type Applier = (settings: Settings) => void;

export interface ReloadOptions {
  /** Settles all settings anew, from the same places as at the start. */
  readonly read: () => LoadedSettings;
  /** What the server was started with. */
  readonly started: Settings;
  /** The file's name, for what is said. */
  readonly path: string;
  readonly appliers: readonly Applier[];
  readonly log: Log;
}

/** What to do at SIGHUP. It does not throw. */
export function newReload(options: ReloadOptions): () => void {
  const { appliers, log, path, read } = options;
  let present = options.started;
  return () => {
    const loaded = read();
    if (!loaded.ok) {
      loaded.errors.forEach((error) => log.error(error, "reload refused"));
      log.error(`${path} was not taken over: all settings stay as they are`, "reload refused");
      return;
    }
    const changed = SETTING_NAMES.filter((name) => !isSame(loaded.settings[name], present[name]));
    const live = changed.filter((name) => rowOf(name).live === true);
    for (const name of changed.filter((each) => rowOf(each).live !== true)) {
      log.warn(`${name} changed in ${path}: takes effect at the next start`, "setting deferred");
    }
    present = withSettings(present, loaded.settings, live);
    appliers.forEach((apply) => applySafely(apply, present, log));
    // Names alone: what a setting holds may be a secret.
    const what = live.length === 0 ? "nothing that can change now" : live.join(", ");
    log.info(`${path} was read again; changed: ${what}`, "reloaded");
  };
}

function applySafely(apply: Applier, settings: Settings, log: Log): void {
  try {
    apply(settings);
  } catch (error) {
    log.error(messageOf(error), "reload refused");
  }
}

function withSettings(present: Settings, next: Settings, names: readonly SettingName[]): Settings {
  return { ...present, ...Object.fromEntries(names.map((name) => [name, next[name]])) };
}

/** Of addresses, their order counts as well. */
function isSame(one: SettingValue, other: SettingValue): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
