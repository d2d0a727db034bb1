/**
 * The cluster as the settings have it.
 */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { messageOf } from "../core/errors.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { BusAddress } from "../cluster/bus.ts";
import type { ClusterNode } from "../cluster/node.ts";
import type { Clock } from "../core/clock.ts";
import { NODE_NAME_MAX_CHARS } from "../core/limits.ts";
import type { Directory } from "../hub/directory.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";

export interface ClusteringOptions {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Log;
  readonly directory: () => Directory;
  readonly failed: (error: unknown) => void;
}

/** Undefined where there is to be no cluster: then nothing of it is loaded. Throws one sentence. */
export async function joinCluster(options: ClusteringOptions): Promise<ClusterNode | undefined> {
  const { clock, directory, failed, log, settings } = options;
  if (settings.cluster === undefined) {
    return undefined;
  }
  if ((settings.node ?? "").length > NODE_NAME_MAX_CHARS) {
    throw new Error(`node is too long a name: ${NODE_NAME_MAX_CHARS} characters are the most`);
  }
  const address = await addressOf(settings, settings.cluster);
  const { newClusterNode } = await import("../cluster/node.ts");
  return newClusterNode({
    clock,
    settings,
    address,
    directory,
    failed,
    say: (level, kind, line) => log.event(level, kind, line),
  });
}

/** The name of a node that was given none. */
export function nameByPort(port: number | undefined): string {
  return port === undefined ? hostname() : `${hostname()}:${port}`;
}

/** Lets a broadcaster in only when no other node has its channel any more. */
export function claiming(inner: Authenticator, node: ClusterNode | undefined): Authenticator {
  return node === undefined
    ? inner
    : {
        async authenticate(request) {
          const refused = await inner.authenticate(request);
          return refused === null && request.verb === "broadcast"
            ? node.claim(request.user, request.channel)
            : refused;
        },
      };
}

const SCHEMES = ["nats:", "tls:"];

/** What the settings say of NATS. Who one is to it stands in the first address that says so. */
async function addressOf(settings: Settings, text: string): Promise<BusAddress> {
  const urls = text.split(",").map((each) => urlOf(each.trim()));
  const named = urls.find(({ username }) => username !== "");
  const name = decodeURIComponent(named?.username ?? "");
  const password = decodeURIComponent(named?.password ?? "");
  const { "cluster-ca": ca, "cluster-credentials": credentials } = settings;
  const isToken = named !== undefined && password === "";
  return {
    servers: urls.map(({ host, protocol }) => `${protocol}//${host}`),
    ...(named === undefined || isToken ? {} : { user: name, password }),
    ...(isToken ? { token: name } : {}),
    tls: ca !== undefined || urls.some(({ protocol }) => protocol === "tls:"),
    ca: ca === undefined ? undefined : new TextDecoder().decode(await read("cluster-ca", ca)),
    credentials:
      credentials === undefined ? undefined : await read("cluster-credentials", credentials),
  };
}

function urlOf(text: string): URL {
  const full = text.includes("://") ? text : `nats://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || url.host === "" || !SCHEMES.includes(url.protocol)) {
    // Not the text itself: a password may stand in it.
    throw new Error(
      "cluster is no list of NATS servers: write nats://HOST:PORT, or tls://HOST:PORT",
    );
  }
  return url;
}

async function read(name: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const why = messageOf(error);
    throw new Error(`${name} cannot be read: ${why}`, { cause: error });
  }
}
