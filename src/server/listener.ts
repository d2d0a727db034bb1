/**
 * The ears of the server: one set of handlers for every socket of every address it listens on.
 *
 * Bun swaps the handlers of the listener and of every sibling when one accepted socket is reloaded,
 * so that is never done: the handlers look at the connection's state, which hangs on the socket.
 */
import type { SocketHandler } from "bun";
import { messageOf } from "../core/errors.ts";
import { KEEPALIVE_MS } from "../core/limits.ts";
import { addressOf } from "./peer.ts";
import { writeAddress, type Address } from "../protocol/address.ts";
import { isTlsError, tlsBroke } from "./transport.ts";
import {
  cut,
  dropIfGone,
  INTERNAL,
  onClose,
  onData,
  onDrain,
  openConnection,
} from "./connection.ts";
import type { Connection, Shared } from "./model.ts";

export type TcpListener = Listener & { readonly address: Exclude<Address, { kind: "unix" }> };

export interface Listener {
  readonly address: Address;
  /** Takes no further connection; those that exist go on. */
  stop(): void;
}

/** What the handlers ask and tell their server. */
export interface Door {
  /** Whether there is no place for a further connection from `address`, empty on a unix socket. */
  full(address: string): boolean;
  opened(connection: Connection): void;
  closed(connection: Connection): void;
}

/** A socket has no connection yet while it is being turned away at the door. */
export type Handlers = SocketHandler<Connection | undefined>;

/** The handlers of every socket of one server. */
export function socketHandlers(shared: Shared, door: Door): Handlers {
  return {
    open(socket) {
      socket.timeout(0);
      if (door.full(addressOf(socket))) {
        socket.terminate();
        return;
      }
      socket.setKeepAlive(true, KEEPALIVE_MS);
      const connection = openConnection(shared, socket);
      socket.data = connection;
      door.opened(connection);
      dropIfGone(connection);
    },
    data(socket, chunk) {
      if (socket.data !== undefined) {
        onData(socket.data, chunk);
      }
    },
    drain(socket) {
      if (socket.data !== undefined) {
        onDrain(socket.data);
      }
    },
    close(socket, error) {
      if (socket.data !== undefined) {
        try {
          onClose(socket.data, error);
        } finally {
          door.closed(socket.data);
        }
      }
    },
    error(socket, error) {
      if (socket.data !== undefined && isTlsError(error)) {
        cut(socket.data, tlsBroke(error));
        return;
      }
      shared.failed(error);
      if (socket.data === undefined) {
        socket.terminate();
      } else {
        cut(socket.data, INTERNAL);
      }
    },
  };
}

/**
 * Listens on a TCP address. Port 0 takes a free one. An IPv6 address takes no IPv4 traffic: that
 * has its own listener.
 *
 * Every listener would share its address with others that would too, so that a server can be
 * followed by another without a gap. But who has not asked to be `beside` another server is told
 * when there is one: two that know nothing of each other would each get half of the peers.
 */
export async function listenTcp(
  host: string,
  port: number,
  handlers: Handlers,
  beside: boolean = false,
): Promise<TcpListener> {
  if (!beside) {
    refuseCompany(host, port);
  }
  const listener = Bun.listen<Connection | undefined>({
    hostname: host,
    ...ipv6Only(host),
    port,
    socket: handlers,
    ...SHARED,
  });
  return {
    address: { kind: "tcp", host, port: listener.port },
    stop: () => listener.stop(),
  };
}

/** Throws where somebody listens: the kernel refuses one that would not share, whatever others would. */
export function refuseCompany(host: string, port: number): void {
  if (port !== 0) {
    const options = { hostname: host, port, ...ipv6Only(host) };
    Bun.listen({ ...options, socket: { data() {} } }).stop(true);
  }
}

/** Bun has the options, its types do not: spread in, they pass. */
export const SHARED: { readonly reusePort?: boolean } = { reusePort: true };

export function ipv6Only(host: string): { readonly ipv6Only?: boolean } {
  return host.includes(":") ? { ipv6Only: true } : {};
}

/** Why listening failed, in one sentence that says what to do. */
export function listenProblem(address: Address, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const where = writeAddress(address);
  const flag = address.kind === "tls" ? "--tls-port" : "--port";
  switch (code) {
    case "EADDRINUSE":
      return `cannot listen on ${where}: it is in use; choose another ${flag} or stop the other server, or see --reuse-port`;
    case "EACCES":
      return `cannot listen on ${where}: not allowed; choose a ${flag} above 1023`;
    case "EADDRNOTAVAIL":
      return `cannot listen on ${where}: this machine has no such address; see --host`;
    default:
      return `cannot listen on ${where}: ${messageOf(error)}`;
  }
}
