/**
 * The one table of settings. An entry here is all that a new setting takes: its flag, its
 * environment name, its line in the help and in the example file, and its type in {@link Settings}
 * follow from it.
 *
 * Defaults and bounds stand as a person would write them, and pass through the same parser as what
 * people write.
 */
import type { Network } from "../core/networks.ts";
import type { Row, Section } from "./settings-row.ts";

export const SETTINGS = {
  host: {
    section: "server",
    kind: "addresses",
    default: "0.0.0.0, ::",
    help: "Addresses to listen on, with commas between them.",
  },
  port: {
    section: "server",
    kind: "port",
    default: "61920",
    help: "Port to listen on; 0 takes any free one.",
  },
  unix: {
    section: "server",
    kind: "path",
    default: "",
    help: "Path of a unix socket to listen on as well.",
  },
  "tls-port": {
    section: "server",
    kind: "port",
    default: "61922",
    help: "Port to speak TLS on, where tls-cert and tls-key are set; 0 takes any free one.",
  },
  "tls-cert": {
    section: "server",
    kind: "path",
    default: "",
    help: "Path of the server's certificate and those between it and its authority, in PEM.",
  },
  "tls-key": {
    section: "server",
    kind: "path",
    default: "",
    help: "Path of the certificate's private key, in PEM, without a passphrase.",
  },
  users: {
    section: "server",
    kind: "path",
    default: "users",
    help: "Folder of the user files.",
  },
  auth: {
    section: "server",
    kind: "path",
    default: "",
    help: "Path of a module that decides who may connect, in place of the user files.",
  },
  cors: {
    section: "server",
    kind: "choice",
    choices: ["on", "off"],
    default: "on",
    help: "Whether pages of other sites may watch channels over HTTP.",
    live: true,
  },
  workers: {
    section: "server",
    kind: "threads",
    max: 64,
    default: "1",
    help: "Threads that share the work; auto takes as many as there are cores for this process.",
  },
  drain: {
    section: "server",
    kind: "duration",
    bare: "s",
    min: "0",
    max: "1h",
    default: "10s",
    help: "Time that a server which stops gives its watchers to take what is left.",
    live: true,
  },
  "log-level": {
    section: "server",
    kind: "choice",
    choices: ["error", "warn", "info", "debug"],
    default: "info",
    help: "Least weight of what is logged.",
    live: true,
  },
  "log-format": {
    section: "server",
    kind: "choice",
    choices: ["text", "json"],
    default: "text",
    help: "How it is logged: in lines for people, or in one JSON object a line.",
    live: true,
  },
  coalesce: {
    section: "channel",
    kind: "duration",
    bare: "ms",
    min: "0",
    max: "10s",
    default: "5ms",
    help: "Least time between two fan-outs of one channel; more costs delay and saves CPU.",
    live: true,
  },
  window: {
    section: "channel",
    kind: "size",
    bare: "B",
    min: "256KiB",
    max: "1GiB",
    default: "16MiB",
    help: "Most of its stream that a channel holds for watchers that join or lag.",
    live: true,
  },
  join: {
    section: "channel",
    kind: "choice",
    choices: ["keyframe", "live", "raw"],
    default: "keyframe",
    help: "Where a watcher begins: at the newest keyframe, at the next one, or at the next byte.",
    live: true,
  },
  lag: {
    section: "channel",
    kind: "duration",
    bare: "s",
    min: "100ms",
    max: "1h",
    default: "4s",
    help: "How far behind a watcher may be before it skips to the newest keyframe.",
    live: true,
  },
  slow: {
    section: "channel",
    kind: "choice",
    choices: ["close", "skip"],
    default: "close",
    help: "What becomes of a watcher too slow for a stream of unknown format.",
    live: true,
  },
  stall: {
    section: "channel",
    kind: "duration",
    bare: "s",
    min: "1s",
    max: "1h",
    default: "15s",
    help: "Time without taking a byte after which a watcher is closed.",
    live: true,
  },
  takeover: {
    section: "channel",
    kind: "choice",
    choices: ["replace", "refuse"],
    default: "replace",
    help: "What a second broadcaster does to the first: take its place, or be turned away.",
    live: true,
  },
  linger: {
    section: "channel",
    kind: "duration",
    bare: "s",
    min: "0",
    max: "1h",
    default: "10s",
    help: "Time that watchers are kept when their broadcaster goes away.",
    live: true,
  },
  silence: {
    section: "channel",
    kind: "duration",
    bare: "s",
    min: "1s",
    max: "24h",
    default: "30s",
    help: "Time without a byte after which a broadcaster is taken for dead.",
    live: true,
  },
  "max-connections": {
    section: "limits",
    kind: "count",
    min: 0,
    max: 1_000_000,
    default: "0",
    help: "Connections at once; 0 is as many as the limit on open files safely allows.",
    live: true,
  },
  // Off by default: all who come through one router, tunnel or proxy have one address, and total
  // strangers are bounded by max-connections already.
  "max-connections-per-address": {
    section: "limits",
    live: true,
    kind: "count",
    min: 0,
    max: 1_000_000,
    default: "0",
    help: "Connections of one IPv4 address or IPv6 /64 network at once; 0 is any number.",
  },
  "max-watchers": {
    section: "limits",
    live: true,
    kind: "count",
    min: 0,
    max: 1_000_000,
    default: "0",
    help: "Watchers of one channel at once; 0 is any number.",
  },
  // Each may hold a whole window: a user who makes up names must not fill the memory.
  "max-channels-per-user": {
    section: "limits",
    live: true,
    kind: "count",
    min: 0,
    max: 1_000_000,
    default: "100",
    help: "Channels of one user on air at once; 0 is any number.",
  },
  "max-bitrate": {
    section: "limits",
    live: true,
    kind: "size",
    bare: "B",
    min: "0",
    max: "100G",
    default: "0",
    help: "Bytes a second of a broadcaster, averaged over 10 seconds; 0 is any number.",
  },
  "allow-broadcast": {
    section: "limits",
    live: true,
    kind: "networks",
    default: "",
    help: "Who may broadcast; none is everybody.",
  },
  "deny-broadcast": {
    section: "limits",
    live: true,
    kind: "networks",
    default: "",
    help: "Who may not broadcast, also where allow-broadcast has them.",
  },
  "allow-watch": {
    section: "limits",
    live: true,
    kind: "networks",
    default: "",
    help: "Who may watch; none is everybody.",
  },
  "deny-watch": {
    section: "limits",
    live: true,
    kind: "networks",
    default: "",
    help: "Who may not watch, also where allow-watch has them.",
  },
  "proxy-from": {
    section: "limits",
    live: true,
    kind: "networks",
    default: "",
    help: "Proxies whose connections begin with a PROXY header, version 1 or 2, that names the peer.",
  },
  "handshake-timeout": {
    section: "limits",
    kind: "duration",
    bare: "s",
    min: "100ms",
    max: "1m",
    default: "5s",
    help: "Time that a connection may take to say what it wants.",
    live: true,
  },
  "admin-host": {
    section: "admin",
    kind: "addresses",
    default: "127.0.0.1",
    help: "Addresses of the pages, the API and the metrics, with commas between them.",
  },
  "admin-port": {
    section: "admin",
    kind: "port",
    default: "61921",
    help: "Port of the pages, the API and the metrics; 0 takes any free one.",
  },
  "admin-token": {
    section: "admin",
    kind: "text",
    default: "",
    help: "What whoever uses them must know; required where admin-host is not this machine alone.",
  },
  record: {
    section: "record",
    kind: "path",
    default: "",
    help: "Folder that broadcasts are recorded in; none records nothing.",
  },
  "record-users": {
    section: "record",
    kind: "text",
    default: "*",
    help: "Whose broadcasts are recorded: names with * for any characters, with commas between them.",
    live: true,
  },
  "record-minutes": {
    section: "record",
    kind: "count",
    min: 1,
    max: 1440,
    default: "60",
    help: "Minutes after which a recording goes on in a new file, at a keyframe.",
    live: true,
  },
  "record-max-bytes": {
    section: "record",
    kind: "size",
    bare: "B",
    min: "1M",
    max: "1000000G",
    default: "10G",
    help: "Most that all recordings take; the oldest are deleted to make room.",
    live: true,
  },
  "hook-url": {
    section: "hooks",
    kind: "text",
    default: "",
    help: "HTTP address that is told what happens, by POST.",
  },
  "hook-secret": {
    section: "hooks",
    kind: "text",
    default: "",
    help: "Key that what is told is signed with (HMAC-SHA256).",
  },
  "hook-timeout": {
    section: "hooks",
    kind: "duration",
    bare: "s",
    min: "100ms",
    max: "1m",
    default: "5s",
    help: "Time that it may take to answer.",
  },
} as const;

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
