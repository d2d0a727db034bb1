/**
 * The settings of a server, from the four places they may come from: flags, then the environment,
 * then `fstream.ini`, then the defaults of the table. Nothing here reads or prints anything: texts
 * come in, settings or errors go out.
 */
import { nearest } from "../core/nearest.ts";
import { gatherFile } from "./settings-file.ts";
import type { Gathered, Given, SettingsFile } from "./settings-file.ts";
import { SETTING_NAMES, environmentName, isSettingName, rowOf } from "./settings-table.ts";
import type { SettingName, Settings } from "./settings-table.ts";
import { expected, parseValue, shown } from "./settings-value.ts";
import type { SettingValue } from "./settings-value.ts";

export { exampleIni, settingsHelp } from "./settings-text.ts";
export type { SettingsFile } from "./settings-file.ts";
export type { SettingName, Settings } from "./settings-table.ts";

/** Texts by name. One that is undefined was not given. */
type Texts = Readonly<Record<string, string | undefined>>;

export interface SettingsSources {
  /**
   * Flags by their names without the dashes; those that are no settings are the caller's to take
   * out.
   */
  readonly flags: Texts;
  /** The whole environment. */
  readonly env: Texts;
  /** Undefined where there is no file. */
  readonly file: SettingsFile | undefined;
}

/**
 * Where each setting comes from: "--port", "FSTREAM_PORT", "fstream.ini, [server]" or "default".
 */
export type SettingOrigins = Readonly<Record<SettingName, string>>;

/** Either all settings, or one line for each thing that is wrong with what was given. */
export type LoadedSettings =
  | { readonly ok: true; readonly settings: Settings; readonly origins: SettingOrigins }
  | { readonly ok: false; readonly errors: readonly string[] };

/** Names in the environment that the client reads; a machine may well run both. */
const CLIENT_NAMES = [
  "FSTREAM_ADDRESS",
  "FSTREAM_CA",
  "FSTREAM_CHANNEL",
  "FSTREAM_CHANNEL_PASSWORD",
  "FSTREAM_CHANNEL_PASSWORD_FILE",
  "FSTREAM_CONFIG",
  "FSTREAM_USER",
  "FSTREAM_USER_PASSWORD",
  "FSTREAM_USER_PASSWORD_FILE",
];

const ENVIRONMENT: ReadonlyMap<string, SettingName> = new Map(
  SETTING_NAMES.map((name) => [environmentName(name), name]),
);

/**
 * Settles every setting. Everything that was given has to be right, also where something else
 * overrides it: a file with a mistake in it would otherwise fail on the day that the flag goes.
 */
export function loadSettings(sources: SettingsSources): LoadedSettings {
  const parts = [
    gatherDefaults(),
    sources.file === undefined ? nothing : gatherFile(sources.file),
    gatherEnvironment(sources.env),
    gatherFlags(sources.flags),
  ];
  const settings: Record<string, SettingValue> = {};
  const origins: Record<string, string> = {};
  const errors: string[] = [];
  for (const part of parts) {
    // Not one push with a spread: a file may hold more mistakes than a call takes arguments.
    for (const error of part.errors) {
      errors.push(error);
    }
    for (const { name, text, origin } of part.given) {
      const parsed = parseValue(rowOf(name), text);
      if (parsed === null) {
        errors.push(`${name} is "${shown(text)}" (from ${origin}): ${expected(rowOf(name), text)}`);
      } else {
        settings[name] = parsed.value;
        origins[name] = origin;
      }
    }
  }
  const loaded = { settings, origins };
  return errors.length === 0 && isComplete(loaded)
    ? { ok: true, ...loaded }
    : { ok: false, errors };
}

const nothing: Gathered = { given: [], errors: [] };

/**
 * The compiler sees neither that the defaults name every setting nor that each kind's parser gives
 * its type.
 */
function isComplete(loaded: {
  settings: Readonly<Record<string, SettingValue>>;
  origins: Readonly<Record<string, string>>;
}): loaded is { settings: Settings; origins: SettingOrigins } {
  return SETTING_NAMES.every((name) => Object.hasOwn(loaded.settings, name));
}

function gatherDefaults(): Gathered {
  const given = SETTING_NAMES.map((name): Given => {
    return { name, text: rowOf(name).default, origin: "default" };
  });
  return { given, errors: [] };
}

function gatherEnvironment(env: Texts): Gathered {
  const given: Given[] = [];
  const errors: string[] = [];
  for (const [key, text] of Object.entries(env)) {
    if (text === undefined || !mayBeSetting(key)) {
      continue;
    }
    const name = ENVIRONMENT.get(key);
    if (name === undefined) {
      errors.push(unknown(key, nearest(key, [...ENVIRONMENT.keys(), ...CLIENT_NAMES])));
    } else {
      given.push({ name, text, origin: key });
    }
  }
  return { given, errors };
}

/** Names that begin so and are no settings: the client's, and those by which tests are steered. */
function mayBeSetting(key: string): boolean {
  const others = key.startsWith("FSTREAM_TEST_") || CLIENT_NAMES.includes(key);
  return key.startsWith("FSTREAM_") && !others;
}

function gatherFlags(flags: Texts): Gathered {
  const given: Given[] = [];
  const errors: string[] = [];
  for (const [name, text] of Object.entries(flags)) {
    if (text === undefined) {
      continue;
    }
    if (isSettingName(name)) {
      given.push({ name, text, origin: `--${name}` });
    } else {
      const near = nearest(name, SETTING_NAMES);
      errors.push(unknown(`--${name}`, near && `--${near}`));
    }
  }
  return { given, errors };
}

function unknown(name: string, near: string | undefined): string {
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return `${shown(name)} is no setting${hint}`;
}
