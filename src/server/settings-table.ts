/**
 * What follows from the table of settings: their names, their types, and the rows as any rows.
 */
import type { Network } from "../core/networks.ts";
import type { Row, Section } from "./settings-row.ts";
import { SETTINGS } from "./settings-rows.ts";

export type SettingName = keyof typeof SETTINGS;

type ValueOf<R extends Row> = R extends { kind: "addresses" }
  ? readonly string[]
  : R extends { kind: "networks" }
    ? readonly Network[]
    : R extends { kind: "choice"; choices: readonly (infer Choice)[] }
      ? Choice
      : R extends { kind: "path" | "text" }
        ? PathOf<R["default"]>
        : R extends { kind: "count" | "duration" | "port" | "size" | "threads" }
          ? number
          : never;

type PathOf<Default extends string> = Default extends "" ? string | undefined : string;

/** Every setting by its name. Times are milliseconds, sizes are bytes. */
export type Settings = {
  readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]>;
};

/** The names in the order of the table. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS).filter(isSettingName);

/** The sections that hold a setting, in the order of the table. */
export const SECTIONS: readonly Section[] = [
  ...new Set(SETTING_NAMES.map((name) => SETTINGS[name].section)),
];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/**
 * The entry of a setting, as any entry: for code that treats all of them alike. This is also where
 * the compiler holds the table to {@link Row}, for `satisfies` and isolated declarations do not go
 * together.
 */
export function rowOf(name: SettingName): Row {
  return SETTINGS[name];
}

/** "max-connections" is FSTREAM_MAX_CONNECTIONS in the environment. */
export function environmentName(name: SettingName): string {
  return `FSTREAM_${name.toUpperCase().replaceAll("-", "_")}`;
}
