/**
 * The flags that the bench's commands share, and how they read.
 */
import { availableParallelism } from "node:os";
import type { ArgsDef } from "citty";
import { UsageError } from "../src/cli/talk.ts";
import { parseDuration, parseSize } from "../src/core/units.ts";
import { readAddress } from "../src/protocol/address.ts";
import type { Load } from "./measure/round.ts";
import { descriptorLimit } from "./measure/proc.ts";
import { relayAt } from "./peers/address.ts";
import { clusterOf } from "./peers/cluster.ts";
import { fstream } from "./peers/fstream.ts";
import { BENCH_USER } from "./peers/ours.ts";
import type { Peer } from "./peers/peer.ts";
import { CHANNELS_MAX } from "./stream/label.ts";

/** Bits a second of a broadcast. Below it a frame has no room for its label. */
const BITRATE_MIN = 20_000;

/** Bits a second of a broadcast: what one TCP connection on a loopback carries. */
const BITRATE_MAX = 10e9;

const FPS_MAX = 1_000;

/** Watchers of one run: more than any system's descriptors allow. */
const WATCHERS_MAX = 1_000_000;

/** Load processes: more than any machine has cores for. */
const PROCESSES_MAX = 64;

/** Nodes of one run: more than any machine has cores for. */
const NODES_MAX = 64;

/** Two cores are for the server and the broadcasters; beyond four there is nothing to gain. */
const PROCESSES_DEFAULT = String(Math.min(Math.max(availableParallelism() - 2, 1), 4));

/** What every command takes that puts a server under load. */
export const LOAD_ARGS: ArgsDef = {
  channels: { type: "string", default: "1", description: "Broadcasts; watchers share them" },
  bitrate: { type: "string", default: "2M", description: "Bits a second of a broadcast" },
  fps: { type: "string", default: "30", description: "Frames a second" },
  gop: { type: "string", default: "60", description: "Frames from one keyframe to the next" },
  warmup: { type: "string", default: "1.5s", description: "Time before each measurement" },
  processes: { type: "string", default: PROCESSES_DEFAULT, description: "Processes that watch" },
  sink: { type: "boolean", description: "Only count the bytes, and verify nothing" },
  pin: {
    type: "boolean",
    default: true,
    description: "Keep server and load on cores of their own (--no-pin)",
  },
  serve: { type: "string", valueHint: "flags", description: "Flags for our server" },
  json: { type: "string", valueHint: "file", description: "Write all figures to a file" },
  report: { type: "string", valueHint: "file.html", description: "Write a page with plots" },
};

export const TARGET_ARGS: ArgsDef = {
  target: {
    type: "string",
    valueHint: "host:port",
    description: "Load a relay that runs already, without its CPU figures",
  },
  user: { type: "string", default: BENCH_USER, description: "Who broadcasts there" },
  "user-password": { type: "string", description: "That user's password" },
};

/** What a command takes that can start a cluster in the place of our server. */
export const NODES_ARGS: ArgsDef = {
  nodes: {
    type: "string",
    default: "1",
    description: "Load that many nodes of a cluster, and a nats-server between them",
  },
};

/** What citty makes of the flags. */
type Given = Readonly<Record<string, unknown>>;

/** A flag's text; the empty string where it was not given. */
export function textOf(args: Given, name: string): string {
  const value = args[name];
  return typeof value === "string" ? value : "";
}

/** A whole number within bounds. */
export function wholeOf(args: Given, name: string, least: number, most: number): number {
  const text = textOf(args, name);
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(`--${name} is "${text}": it takes a number from ${least} to ${most}`);
  }
  return value;
}

/** A time in milliseconds. */
export function timeOf(args: Given, name: string, bare: "ms" | "s" | "m"): number {
  const text = textOf(args, name);
  const value = parseDuration(text, bare);
  if (value === null || value <= 0) {
    throw new UsageError(`--${name} is "${text}": it takes a time, such as 500ms, 10s or 2m`);
  }
  return value;
}

function bitrateOf(args: Given): number {
  const text = textOf(args, "bitrate");
  const value = parseSize(text, "M");
  if (value === null || value < BITRATE_MIN || value > BITRATE_MAX) {
    throw new UsageError(`--bitrate is "${text}": it takes bits a second, such as 600k or 2M`);
  }
  return value;
}

function fpsOf(args: Given): number {
  const text = textOf(args, "fps");
  const value = Number(text);
  if (text.trim() === "" || !(value >= 1 && value <= FPS_MAX)) {
    throw new UsageError(`--fps is "${text}": it takes a number from 1 to ${FPS_MAX}`);
  }
  return value;
}

/** Descriptors that a process needs besides its watchers' sockets. */
const DESCRIPTORS_RESERVED = 256;

/** The most connections that a process here can have, beside what it needs itself. */
export function connectionsMost(): number {
  return Math.max((descriptorLimit() ?? Infinity) - DESCRIPTORS_RESERVED, 0);
}

/** The load that the flags ask for, with `watchers` and `seconds`, and probes beside them. */
export function loadOf(args: Given, watchers: number, seconds: number): Load {
  const channels = wholeOf(args, "channels", 1, CHANNELS_MAX);
  if (watchers + channels > connectionsMost()) {
    throw new UsageError(
      `${watchers} watchers are more than the ${connectionsMost()} connections that this system ` +
        "allows a process; raise its limit with ulimit -n",
    );
  }
  return {
    plan: {
      bitsPerSecond: bitrateOf(args),
      fps: fpsOf(args),
      gop: wholeOf(args, "gop", 1, 100_000),
    },
    channels,
    watchers,
    others: { probing: 1 },
    seconds,
    warmup: timeOf(args, "warmup", "s") / 1_000,
    processes: wholeOf(args, "processes", 1, PROCESSES_MAX),
    sink: args["sink"] === true,
    restartMs: 0,
  };
}

export function watchersOf(args: Given): number {
  return wholeOf(args, "watchers", 1, WATCHERS_MAX);
}

/** Further arguments for our server: `--serve "--coalesce 300ms"`. */
export function serveFlags(args: Given): readonly string[] {
  return textOf(args, "serve").split(/\s+/).filter(Boolean);
}

/** Our server, or as many nodes of a cluster as are asked for. */
export function oursOf(args: Given): Peer {
  const nodes = wholeOf(args, "nodes", 1, NODES_MAX);
  if (nodes === 1) {
    return fstream;
  }
  if (textOf(args, "target") !== "") {
    throw new UsageError("--target loads what runs already, and --nodes starts it: leave one out");
  }
  const cluster = clusterOf(nodes);
  const missing = cluster.missing();
  if (missing !== undefined) {
    throw new UsageError(`--nodes ${nodes}: ${missing}`);
  }
  return cluster;
}

/** The relay elsewhere that is meant; undefined where none is. */
export function targetOf(args: Given, name: "target" | "peer"): Peer | undefined {
  const text = textOf(args, name);
  if (text === "") {
    return undefined;
  }
  const read = readAddress(text);
  if (!read.ok || read.value.kind !== "tcp") {
    throw new UsageError(`--${name} is "${text}": it takes HOST:PORT`);
  }
  const password = textOf(args, "user-password");
  const { host, port } = read.value;
  return relayAt(host, port, textOf(args, "user"), password === "" ? undefined : password);
}
