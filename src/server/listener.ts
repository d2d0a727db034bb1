/**
 * The ears of the server: one set of handlers for every socket of every address it listens on.
 *
 * Bun swaps the handlers of the listener and of every sibling when one accepted socket is reloaded,
 * so that is never done: the handlers look at the connection's state, which hangs on the socket.
 */
import { rmSync, statSync } from "node:fs";
import type { SocketHandler } from "bun";
import { refusal } from "../core/errors.ts";
import { KEEPALIVE_MS } from "../core/limits.ts";
import { writeAddress, type Address } from "../protocol/address.ts";
import { isTlsError, tlsBroke } from "./transport.ts";
import {
  cut,
  onClose,
  onData,
  onDrain,
  openConnection,
  type Connection,
  type Shared,
} from "./connection.ts";

export type TcpListener = Listener & { readonly address: Exclude<Address, { kind: "unix" }> };

export interface Listener {
  readonly address: Address;
  /** Takes no further connection; those that exist go on. */
  stop(): void;
}

/** What the handlers ask and tell their server. */
export interface Door {
  /** Whether no further connection can be carried. */
  full(): boolean;
  opened(connection: Connection): void;
  closed(connection: Connection): void;
  /** A handler threw, which costs its own connection alone. */
  failed(error: Error): void;
}

/** A socket has no connection yet while it is being turned away at the door. */
export type Handlers = SocketHandler<Connection | undefined>;

/** The handlers of every socket of one server. */
export function socketHandlers(shared: Shared, door: Door): Handlers {
  return {
    open(socket) {
      socket.timeout(0);
      if (door.full()) {
        socket.terminate();
        return;
      }
      socket.setKeepAlive(true, KEEPALIVE_MS);
      const connection = openConnection(shared, socket);
      socket.data = connection;
      door.opened(connection);
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
        onClose(socket.data, error);
        door.closed(socket.data);
      }
    },
    error(socket, error) {
      if (socket.data !== undefined && isTlsError(error)) {
        cut(socket.data, tlsBroke(error));
        return;
      }
      door.failed(error);
      if (socket.data === undefined) {
        socket.terminate();
      } else {
        cut(socket.data, refusal("forbidden", "internal error"));
      }
    },
  };
}

/**
 * Listens on a TCP address. Port 0 takes a free one. An IPv6 address takes no IPv4 traffic: that
 * has its own listener.
 */
export function listenTcp(host: string, port: number, handlers: Handlers): TcpListener {
  const listener = Bun.listen<Connection | undefined>({
    hostname: host,
    port,
    socket: handlers,
    ...ipv6Only(host),
  });
  return {
    address: { kind: "tcp", host, port: listener.port },
    stop: () => listener.stop(),
  };
}

/** Bun has the option, its types do not: spread in, it passes. */
export function ipv6Only(host: string): { readonly ipv6Only?: boolean } {
  return host.includes(":") ? { ipv6Only: true } : {};
}

/**
 * Listens on a unix socket. The file of a server that was killed is replaced; that of one which
 * still answers is not.
 */
export async function listenUnix(path: string, handlers: Handlers): Promise<Listener> {
  if (isSocket(path) && !(await answers(path))) {
    rmSync(path, { force: true });
  }
  const listener = Bun.listen<Connection | undefined>({ unix: path, socket: handlers });
  return {
    address: { kind: "unix", path },
    stop() {
      listener.stop();
      rmSync(path, { force: true });
    },
  };
}

/** Why listening failed, in one sentence that says what to do. */
export function listenProblem(address: Address, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const where = writeAddress(address);
  const flag = address.kind === "tls" ? "--tls-port" : "--port";
  switch (code) {
    case "EADDRINUSE":
      return `cannot listen on ${where}: it is in use; choose another ${flag} or stop the other server`;
    case "EACCES":
      return `cannot listen on ${where}: not allowed; choose a ${flag} above 1023`;
    case "EADDRNOTAVAIL":
      return `cannot listen on ${where}: this machine has no such address; see --host`;
    default:
      return `cannot listen on ${where}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

async function answers(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.terminate();
    return true;
  } catch {
    return false;
  }
}
