/**
 * What `fstream broadcast`, `fstream watch` and the seed's own command line have in common: from
 * words and flags to a request, and from there to a connection, a status line and an exit code.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { newPump, broadcastOnce } from "../client/broadcast.ts";
import type { Ask, Trust } from "../client/dial.ts";
import { describe, EXIT_CODES, mayRetry, noneReached, type Outcome } from "../client/outcome.ts";
import { newProgress } from "../client/progress.ts";
import { newResumer } from "../client/resume.ts";
import { retrying } from "../client/retry.ts";
import { watchAttempts, type Attempts } from "../client/return.ts";
import { statusLine, summary } from "../client/status.ts";
import { encodeUtf8 } from "../core/bytes.ts";
import { REQUEST_MAX_BYTES } from "../core/limits.ts";
import { readTargets, writeAddress, type Address, type Targets } from "../protocol/address.ts";
import {
  firstUnsendable,
  isChannel,
  isName,
  writeRequest,
  type Wish,
} from "../protocol/request.ts";
import { findPassword } from "./passwords.ts";
import { messageOf, talk, UsageError } from "./talk.ts";

/** The first flags of both commands, as citty wants them. */
export const CLIENT_ARGS = {
  server: {
    type: "positional",
    required: false,
    description:
      "HOST:PORT, a socket's path, or fstream[s]://[user[:password]@]host:port/user/channel; several of a cluster as HOST:PORT,HOST:PORT [$FSTREAM_ADDRESS]",
  },
  user: {
    type: "string",
    alias: "u",
    valueHint: "name",
    description: "The user whose channel it is [$FSTREAM_USER]",
  },
  channel: {
    type: "string",
    alias: "c",
    valueHint: "name",
    description: "The channel, any name; none is the unnamed one [$FSTREAM_CHANNEL]",
  },
} as const;

/** The flags of both commands that stand behind those of one. */
export const MORE_CLIENT_ARGS = {
  "channel-password": {
    type: "string",
    valueHint: "text",
    description: "The channel's password [$FSTREAM_CHANNEL_PASSWORD]",
  },
  "channel-password-file": {
    type: "string",
    valueHint: "path",
    description: "A file whose first line it is [$FSTREAM_CHANNEL_PASSWORD_FILE]",
  },
  "ask-channel-password": { type: "boolean", description: "Ask for it on the terminal" },
  tls: { type: "boolean", description: "Speak TLS, as fstreams:// does; the port is then 61922" },
  ca: {
    type: "string",
    valueHint: "path",
    description: "A file of authorities to trust as well, in PEM [$FSTREAM_CA]",
  },
  insecure: {
    type: "boolean",
    description: "Take any certificate: whoever is on the way can read",
  },
  retry: {
    type: "boolean",
    alias: "r",
    description:
      "Connect again when the connection is lost or the server restarts; of several, to the next",
  },
  quiet: { type: "boolean", alias: "q", description: "Say nothing but errors" },
} as const;

/** The values of those flags and of those that only one of the commands has. */
export interface ClientFlags {
  readonly server?: string | undefined;
  readonly user?: string | undefined;
  readonly channel?: string | undefined;
  readonly "user-password"?: string | undefined;
  readonly "user-password-file"?: string | undefined;
  readonly "ask-user-password"?: boolean | undefined;
  readonly "channel-password"?: string | undefined;
  readonly "channel-password-file"?: string | undefined;
  readonly "ask-channel-password"?: boolean | undefined;
  readonly tls?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly insecure?: boolean | undefined;
}

/** Reads addresses or a URL, or throws a usage error. */
export function targets(text: string, tls: boolean = false): Targets {
  const parsed = readTargets(text, tls);
  if (!parsed.ok) {
    throw new UsageError(parsed.message);
  }
  return parsed.value;
}

/** The servers of which something is asked, in the order in which they are tried. */
type Servers = Targets["addresses"];

/** Makes of the flags, the environment and the URL what is asked of which servers. */
export async function askFrom(
  verb: Ask["verb"],
  flags: ClientFlags,
  extra: Partial<Wish>,
): Promise<{ servers: Servers; ask: Ask; trust: Trust }> {
  const { env } = process;
  const to = targets(flags.server ?? env["FSTREAM_ADDRESS"] ?? "127.0.0.1", flags.tls);
  const user = flags.user ?? to.user ?? env["FSTREAM_USER"];
  if (user === undefined || user === "") {
    throw new UsageError(`whose channel? write fstream ${verb} --user NAME, or put it in the URL`);
  }
  const wish: Wish = {
    ...extra,
    verb,
    user,
    channel: flags.channel ?? to.channel ?? env["FSTREAM_CHANNEL"],
    userPassword: await findPassword({
      name: "user-password",
      flag: flags["user-password"],
      file: flags["user-password-file"],
      ask: flags["ask-user-password"],
      url: verb === "broadcast" ? to.password : undefined,
      env: verb === "broadcast" ? env["FSTREAM_USER_PASSWORD"] : undefined,
      envFile: verb === "broadcast" ? env["FSTREAM_USER_PASSWORD_FILE"] : undefined,
    }),
    channelPassword: await findPassword({
      name: "channel-password",
      flag: flags["channel-password"],
      file: flags["channel-password-file"],
      ask: flags["ask-channel-password"],
      url: verb === "watch" ? to.password : undefined,
      env: env["FSTREAM_CHANNEL_PASSWORD"],
      envFile: env["FSTREAM_CHANNEL_PASSWORD_FILE"],
    }),
    reply: true,
  };
  checkWish(wish);
  return {
    servers: to.addresses,
    ask: { verb, text: writeRequest(wish) },
    trust: trustOf(to.addresses, flags),
  };
}

/**
 * What the flags and the environment say of whom to trust. A flag without a use is a mistake. All
 * servers speak TLS, or none does.
 */
export function trustOf([server]: Servers, flags: Pick<ClientFlags, "ca" | "insecure">): Trust {
  const { ca, insecure = false } = flags;
  if (server.kind !== "tls") {
    if (ca !== undefined || insecure) {
      const flag = insecure ? "--insecure" : "--ca";
      throw new UsageError(`${flag} is of use with TLS alone: write --tls or fstreams://`);
    }
    return { ca: undefined, insecure };
  }
  const path = ca ?? process.env["FSTREAM_CA"];
  return { ca: path === undefined || path === "" ? undefined : readAuthorities(path), insecure };
}

function readAuthorities(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    // One that is none would be passed over without a word, and the server not be trusted.
    void new X509Certificate(text);
    return text;
  } catch (error) {
    throw new UsageError(
      `--ca: no certificate in PEM can be read from ${path}: ${messageOf(error)}`,
    );
  }
}

function checkWish(wish: Wish): void {
  const unsendable = firstUnsendable(wish);
  if (unsendable !== undefined) {
    throw new UsageError(`the ${unsendable} holds a comma, which the protocol cannot carry`);
  }
  if (!isName(wish.user)) {
    throw new UsageError(
      `"${wish.user}" is no user's name: it takes 1 to 64 of A-Z a-z 0-9 . _ - and no leading dot`,
    );
  }
  if (!isChannel(wish.channel ?? "")) {
    throw new UsageError("a channel's name is at most 255 bytes without control characters");
  }
}

/**
 * Does what is asked between our stdin or stdout and one of the servers, and ends the process. Without
 * `retry` each server is tried until there is a connection, and no further.
 */
export async function runClient(
  servers: Servers,
  ask: Ask,
  options: { readonly retry: boolean; readonly quiet: boolean; readonly trust: Trust },
): Promise<never> {
  if (encodeUtf8(ask.text).length > REQUEST_MAX_BYTES) {
    throw new UsageError(
      `names and passwords are too long: together they take up to ${REQUEST_MAX_BYTES} bytes`,
    );
  }
  const progress = newProgress();
  const interrupt = interruption();
  const status = statusLine(progress, ask.verb, options.quiet ? null : process.stderr);
  const base = { ask, progress, signal: interrupt, trust: options.trust };
  const unreachable: string[] = [];
  const { attempt, again } =
    ask.verb === "watch"
      ? watchAttempts({ ...base, output: process.stdout })
      : broadcastAttempts(base, options.retry);
  const outcome = await retrying({
    servers: servers.length,
    attempt: (server) => attempt(servers[server] ?? servers[0]),
    signal: interrupt,
    again: (last) =>
      options.retry
        ? again(last)
        : last.kind === "unreachable" && unreachable.push(last.message) < servers.length,
    waiting(last, ms, server) {
      progress.state = "connecting";
      if (!options.quiet) {
        status.clear();
        talk.warn(`${describe(last) ?? "the stream ended"}; ${whatNext(servers, server, ms)}`);
      }
    },
  });
  status.stop();
  const isNone = unreachable.length === servers.length;
  report(
    isNone ? noneReached(unreachable) : outcome,
    options.quiet ? undefined : summary(progress, ask.verb),
  );
  process.exit(EXIT_CODES[outcome.kind]);
}

/** Where it goes on, and when; which server need not be said where there is one. */
function whatNext(servers: Servers, server: number, ms: number): string {
  const where = servers.length === 1 ? "again" : writeAddress(servers[server] ?? servers[0]);
  return ms === 0 ? `trying ${where}` : `trying ${where} in ${(ms / 1000).toFixed(1)} s`;
}

/** Without `retry` there is one connection, and nobody need know what goes over it. */
function broadcastAttempts(
  base: Omit<Parameters<typeof broadcastOnce>[0], "address" | "pump">,
  retry: boolean,
): Attempts {
  const pump = newPump(process.stdin, retry ? newResumer() : undefined);
  let isFirst = true;
  return {
    attempt(address: Address): Promise<Outcome> {
      if (!isFirst) {
        pump.restart();
      }
      isFirst = false;
      return broadcastOnce({ ...base, address, pump });
    },
    again: mayRetry,
  };
}

/** The end in one line: an error on any stderr, what was done on a terminal alone. */
function report(outcome: Outcome, done: string | undefined): void {
  const problem = describe(outcome);
  if (problem !== undefined) {
    talk.error(problem);
  } else if (done !== undefined && process.stderr.isTTY) {
    talk.success(done);
  }
}

/** Fires at the first signal to end. A second one ends the process at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) {
        process.exit(EXIT_CODES.interrupted);
      }
      controller.abort();
    });
  }
  return controller.signal;
}
