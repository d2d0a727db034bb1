/**
 * TLS on a port of its own, on every host that plain TCP has; its connections are like all others but
 * for their sink and their handshake.
 *
 * Bun gives a listener its certificate once and for all. So a new one takes a new listener, on the
 * same socket of the kernel: its descriptor is duplicated, listened on with the new certificate, and
 * the old listener stopped. Who waits in the socket's queue meanwhile finds the new one.
 */
import type { Clock } from "../core/clock.ts";
import { onEnd, onSecured } from "./connection.ts";
import type { Connection, Shared } from "./model.ts";
import { newRenewal, type CertificateFiles, type Pair } from "./certificate.ts";
import {
  ipv6Only,
  refuseCompany,
  SHARED,
  socketHandlers,
  type Door,
  type Handlers,
  type TcpListener,
} from "./listener.ts";
import { loadLibc } from "./libc.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";
import { descriptorOf, newTlsSink } from "./socket-sink.ts";

/** TLS as far as it can be settled before anything listens. */
export interface Tls {
  /** Listens on one address more. Port 0 takes a free one. */
  listen(host: string, port: number, beside: boolean): Promise<TcpListener>;
  /** Reads the files anew. */
  reload(): Promise<void>;
  stop(): void;
}

export interface TlsOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** What plain connections share. */
  readonly shared: Shared;
  readonly door: Door;
  /** The port for those who speak no TLS. */
  readonly otherPort: () => number | undefined;
}

/** Reads the certificate that the settings name; undefined where they name none. */
export async function prepareTls(options: TlsOptions): Promise<Tls | undefined> {
  const { clock, log } = options;
  const files = filesOf(options.settings);
  if (files === undefined) {
    return undefined;
  }
  const { otherPort } = options;
  const shared = {
    ...options.shared,
    sink: newTlsSink(),
    transport: { kind: "tls", otherPort },
  } as const;
  const handlers = tlsHandlers(shared, options.door);
  const listeners: TlsListener[] = [];
  const renewal = await newRenewal({
    files,
    clock,
    renewed(next) {
      if (next.cert !== pair.cert || next.key !== pair.key) {
        listeners.forEach((listener) => listener.renew(next));
        pair = next;
        log.info(`TLS has a new certificate: ${pair.title}`);
        warn(pair, log);
      }
    },
    kept: (why) => log.error(`${why}; TLS goes on with ${pair.title}`),
  });
  let pair = renewal.first;
  warn(pair, log);
  return {
    async listen(host, port, beside) {
      if (!beside) {
        refuseCompany(host, port);
      }
      const listener = listenTls(host, port, handlers, pair);
      listeners.push(listener);
      return listener;
    },
    reload: () => renewal.reload(),
    stop: () => renewal.stop(),
  };
}

/** The two files belong together: one without the other is a mistake. */
function filesOf(settings: Settings): CertificateFiles | undefined {
  const { "tls-cert": cert, "tls-key": key } = settings;
  if (cert !== undefined && key !== undefined) {
    return { cert, key };
  }
  if (cert !== undefined || key !== undefined) {
    const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw new Error(`tls-${there} is set and tls-${missing} is not: TLS takes both`);
  }
  return undefined;
}

function warn({ warning }: Pair, log: Log): void {
  if (warning !== undefined) {
    log.warn(warning);
  }
}

function tlsHandlers(shared: Shared, door: Door): Handlers {
  return {
    ...socketHandlers(shared, door),
    handshake(socket, success, error) {
      if (socket.data !== undefined) {
        // A success may come with an error: that we show no authority for our own certificate.
        onSecured(socket.data, success ? null : (error ?? new Error("no TLS")));
      }
    },
    end(socket) {
      if (socket.data !== undefined) {
        onEnd(socket.data);
      }
    },
  };
}

interface TlsListener extends TcpListener {
  /** From now on new connections get this certificate. */
  renew(pair: Pair): void;
}

function listenTls(host: string, port: number, handlers: Handlers, pair: Pair): TlsListener {
  /** With a descriptor, it listens on that. Bun has the option, its types do not. */
  const on = (at: number, { cert, key }: Pair, descriptor: { readonly fd?: number }) =>
    Bun.listen<Connection | undefined>({
      hostname: host,
      port: at,
      ...ipv6Only(host),
      ...SHARED,
      ...descriptor,
      tls: { cert, key },
      // The end of what a peer sends is not yet the end of the connection: see onEnd.
      allowHalfOpen: true,
      socket: handlers,
    });
  let listener = on(port, pair, {});
  const address = { kind: "tls", host, port: listener.port } as const;
  return {
    address,
    stop: () => listener.stop(),
    renew(next) {
      const old = listener;
      const fd = loadLibc()?.duplicate(descriptorOf(old)) ?? -1;
      if (fd >= 0) {
        listener = on(address.port, next, { fd });
        old.stop();
      } else {
        // Elsewhere than on Linux, whoever comes between these two lines is refused.
        old.stop();
        listener = on(address.port, next, {});
      }
    },
  };
}
