/**
 * The connection to NATS: made in the background, made again whenever it is lost, and never waited for.
 *
 *     trying ──► up ◄──► away           the client goes from one server of the cluster to the next
 *       ▲         └───────┴──► closed ──┐
 *       └───────────────────────────────┘
 *
 * While it is away nothing is queued: what is said then is not said, and whoever hears of the return says
 * what is to be known. Bytes are given to NATS as fast as it takes them, by its own answer to a flush.
 */
import { getCACertificates } from "node:tls";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import {
  BEAT_MS,
  CLUSTER_QUEUE_BYTES,
  FLUSH_BYTES,
  MESSAGE_BYTES,
  MESSAGE_HEAD_BYTES,
  NATS_RETRY_MS,
} from "../core/limits.ts";

/** How NATS is reached. */
export interface BusAddress {
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** What a .creds file holds. */
  readonly credentials?: Uint8Array | undefined;
  /** Whether TLS is spoken, and with which authorities in PEM besides the usual ones. */
  readonly tls: boolean;
  readonly ca?: string | undefined;
}

export interface BusOptions {
  readonly clock: Clock;
  readonly address: BusAddress;
  /** What NATS calls the connection. */
  readonly name: string;
  readonly heard: readonly (readonly [string, (message: Uint8Array) => void])[];
  /** There is a connection again, to that server. */
  readonly up: (server: string) => void;
  /** It is lost. */
  readonly away: () => void;
  /** There can be none, or something is forbidden: why. */
  readonly problem: (why: string) => void;
  /** More may be published, after `ready` said no. */
  readonly room: () => void;
  /** A mistake of ours, which costs the message that met it. */
  readonly failed: (error: unknown) => void;
}

export interface Bus {
  isUp(): boolean;
  /** Whether bytes may be published at the moment. */
  ready(): boolean;
  /** Bytes that a message may have besides its head. */
  most(): number;
  publish(subject: string, message: Uint8Array): void;
  /** Resolves when all that was said has been heard by NATS, or cannot be. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

interface State {
  readonly options: BusOptions;
  connection: NatsConnection | null;
  isUp: boolean;
  isFlushing: boolean;
  /** Bytes published that NATS has not said to have. */
  unflushed: number;
  stopped: boolean;
}

export function openBus(options: BusOptions): Bus {
  const state: State = {
    options,
    connection: null,
    isUp: false,
    isFlushing: false,
    unflushed: 0,
    stopped: false,
  };
  void run(state);
  return {
    isUp: () => state.isUp,
    ready: () => state.isUp && state.unflushed < CLUSTER_QUEUE_BYTES,
    most() {
      const allowed = state.connection?.info?.max_payload ?? Infinity;
      return Math.max(Math.min(MESSAGE_BYTES, allowed - MESSAGE_HEAD_BYTES), 1);
    },
    publish: (subject, message) => publish(state, subject, message),
    flush: () => flushAll(state),
    async stop() {
      state.stopped = true;
      await flushAll(state);
      await state.connection?.close().catch(() => {});
    },
  };
}

async function flushAll({ connection, isUp, options }: State): Promise<void> {
  if (connection !== null && isUp) {
    const late = new Promise<void>((go) => void options.clock.after(BEAT_MS, go));
    await Promise.race([connection.flush().catch(() => {}), late]);
  }
}

/** Connects again and again; the client itself sees to everything but the first time. */
async function run(state: State): Promise<void> {
  const { options } = state;
  while (!state.stopped) {
    try {
      const connection = await connect(connectionOptions(options));
      // Whoever stops meanwhile has no connection to close yet.
      if (isStopped(state)) {
        await connection.close();
        return;
      }
      state.connection = connection;
      listen(state, connection);
      cameUp(state, connection);
      await watchStatus(state, connection);
      const error = await connection.closed();
      wentAway(state);
      if (error instanceof Error) {
        options.problem(messageOf(error));
      }
    } catch (error) {
      options.problem(messageOf(error));
    }
    await new Promise<void>((go) => void options.clock.after(NATS_RETRY_MS, go));
  }
}

function isStopped(state: State): boolean {
  return state.stopped;
}

function connectionOptions({ address, name }: BusOptions): Parameters<typeof connect>[0] {
  const { ca, credentials, password, servers, tls, token, user } = address;
  return {
    servers: [...servers],
    name,
    noEcho: true,
    ignoreAuthErrorAbort: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: BEAT_MS,
    reconnectJitter: BEAT_MS / 4,
    reconnectJitterTLS: BEAT_MS / 4,
    // A server that stands still is left for another after three of these.
    pingInterval: 2 * BEAT_MS,
    maxPingOut: 2,
    timeout: 10 * BEAT_MS,
    ...(user === undefined ? {} : { user, pass: password ?? "" }),
    ...(token === undefined ? {} : { token }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(credentials) }),
    // Authorities that are named stand in the place of the usual ones, unless these are named too.
    ...(tls ? { tls: ca === undefined ? {} : { ca: `${usualAuthorities()}\n${ca}` } } : {}),
  };
}

function usualAuthorities(): string {
  return getCACertificates("default").join("\n");
}

function listen({ options }: State, connection: NatsConnection): void {
  for (const [subject, hear] of options.heard) {
    connection.subscribe(subject, {
      callback(error, message) {
        if (error !== null) {
          options.problem(messageOf(error));
          return;
        }
        try {
          hear(message.data);
        } catch (mistake) {
          options.failed(mistake);
        }
      },
    });
  }
}

function cameUp(state: State, connection: NatsConnection): void {
  state.isUp = true;
  state.unflushed = 0;
  state.isFlushing = false;
  state.options.up(connection.getServer());
  state.options.room();
}

function wentAway(state: State): void {
  if (state.isUp) {
    state.isUp = false;
    if (!state.stopped) {
      state.options.away();
    }
  }
}

async function watchStatus(state: State, connection: NatsConnection): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect") {
      wentAway(state);
    } else if (status.type === "reconnect") {
      cameUp(state, connection);
    } else if (status.type === "error") {
      state.options.problem(messageOf(status.error));
    }
  }
}

function publish(state: State, subject: string, message: Uint8Array): void {
  const { connection } = state;
  if (connection === null || !state.isUp || connection.isClosed()) {
    return;
  }
  connection.publish(subject, message);
  state.unflushed += message.length;
  if (!state.isFlushing && state.unflushed >= FLUSH_BYTES) {
    void flush(state, connection);
  }
}

async function flush(state: State, connection: NatsConnection): Promise<void> {
  const { unflushed } = state;
  state.isFlushing = true;
  try {
    await connection.flush();
    state.unflushed = Math.max(state.unflushed - unflushed, 0);
    state.isFlushing = false;
    state.options.room();
  } catch {
    // The connection is lost, and with it what was to be flushed: the next one counts anew.
    state.isFlushing = false;
  }
}
