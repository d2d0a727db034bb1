/**
 * One connection to a server, with the request sent and the reply taken out of what comes back.
 */
import { getCACertificates } from "node:tls";
import type { Socket, SocketHandler } from "bun";
import { messageOf, refusal, type Refusal } from "../core/errors.ts";
import { CONNECT_TIMEOUT_MS, KEEPALIVE_MS } from "../core/limits.ts";
import { writeAddress, type Address } from "../protocol/address.ts";
import { writeFrame } from "../protocol/frame.ts";
import { endReply, feedReply, newReplyReader, streamReader } from "../protocol/reply.ts";
import { explainTls, isDistrust } from "./distrust.ts";

/** What a client goes by to know a server that speaks TLS. */
export interface Trust {
  /** Authorities in PEM that are believed besides those that everybody believes. */
  readonly ca: string | undefined;
  /** Whether any certificate will do. */
  readonly insecure: boolean;
}

type Client = Socket;
type Handlers = SocketHandler<undefined>;

/** What the client asks for: the verb, and the whole text of the request that says so. */
export interface Ask {
  readonly verb: "broadcast" | "watch";
  readonly text: string;
}

/** What happens on a connection, in this order. After `closed` nothing more is called. */
export interface DialHandlers {
  opened(connection: Connection): void;
  /** The server has let us in. Never called by a server that sends no replies. */
  welcomed(): void;
  /** The server has sent an error frame; it closes soon. */
  refused(why: Refusal): void;
  /** Bytes of the stream. The array may be kept. */
  bytes(chunk: Uint8Array): void;
  drained(): void;
  /** `clean` tells the peer's orderly end from a reset. */
  closed(clean: boolean): void;
}

/** The client's side of one socket. */
export interface Connection {
  /** Offers bytes; returns how many were taken, or -1 when the connection is gone. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
  /** Tells the server that nothing more comes, and goes on reading. */
  finish(): void;
  /** Closes at once. */
  abort(): void;
}

/**
 * Connects, sends what is asked, and reports to `handlers` from then on. Returns undefined, or a
 * sentence that says why there is no connection.
 */
export async function dial(
  address: Address,
  ask: Ask,
  handlers: DialHandlers,
  trust: Trust = { ca: undefined, insecure: false },
): Promise<string | undefined> {
  const begun = Promise.withResolvers<void>();
  // It may fail before or after anybody waits for it.
  begun.promise.catch(() => {});
  const socket = socketHandlers(ask, handlers, address.kind === "tls" ? trust : null, begun);
  const connecting = connect(address, socket, trust);
  let timer: Timer | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), CONNECT_TIMEOUT_MS);
  });
  try {
    if ((await Promise.race([connecting.then(() => begun.promise), late])) !== "late") {
      return undefined;
    }
    connecting.then((dialled) => dialled.terminate()).catch(() => {});
    return `no answer from ${writeAddress(address)}`;
  } catch (error) {
    return explain(address, error);
  } finally {
    clearTimeout(timer);
  }
}

function connect(address: Address, socket: Handlers, trust: Trust): Promise<Client> {
  if (address.kind === "unix") {
    return Bun.connect({ unix: address.path, socket });
  }
  const { host: hostname, port } = address;
  return address.kind === "tcp"
    ? Bun.connect({ hostname, port, socket })
    : Bun.connect({ hostname, port, socket, tls: tlsOptions(trust) });
}

/**
 * Said outright, for otherwise a variable of the environment decides whether certificates matter. The
 * host that is dialled is the name that the certificate has to bear.
 */
function tlsOptions({ ca, insecure }: Trust): Bun.TLSOptions {
  return {
    rejectUnauthorized: !insecure,
    ...(ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] }),
  };
}

/**
 * Without `trust` no TLS is spoken. `begun` is settled when the request has been sent, or never will
 * be because TLS has failed.
 */
function socketHandlers(
  ask: Ask,
  handlers: DialHandlers,
  trust: Trust | null,
  begun: PromiseWithResolvers<void>,
): Handlers {
  const take = frameTaker(ask, handlers);
  let open = false;
  let ended = false;
  let finished = false;
  let broken = false;
  const begin = (socket: Client): void => {
    open = true;
    socket.write(writeFrame(ask.text));
    handlers.opened({
      ...wrap(socket),
      finish() {
        finished = true;
        socket.shutdown();
      },
    });
    begun.resolve();
  };
  return {
    open(socket) {
      socket.timeout(0);
      socket.setKeepAlive(true, KEEPALIVE_MS);
      if (trust === null) {
        begin(socket);
      }
    },
    handshake(socket, success, error) {
      // Bun calls a wrong name a failure also where any certificate will do, and goes on.
      const agreed = trust?.insecure === true ? success || isDistrust(error) : socket.authorized;
      if (agreed) {
        begin(socket);
      } else {
        begun.reject(error ?? new Error("TLS failed"));
      }
    },
    data: (_socket, chunk) => take.bytes(chunk),
    drain: () => handlers.drained(),
    end: () => {
      ended = true;
    },
    close(_socket, error) {
      if (!open) {
        begun.reject(error ?? new Error("the connection was closed"));
        return;
      }
      take.end();
      // After our own end Bun reports the peer's only as the close.
      handlers.closed(!broken && (ended || (finished && error === undefined)));
    },
    error(_socket, error) {
      if (trust !== null && "code" in error && error.code === "EPROTO") {
        broken = true;
        return;
      }
      // A mistake of ours: it must not drown in the socket's own error handling.
      queueMicrotask(() => {
        throw error;
      });
    },
  };
}

/**
 * Takes the reply out of what the server sends. For a watcher everything behind it is stream. A
 * broadcaster may get a second frame later, which says why it is sent away.
 */
function frameTaker(
  ask: Ask,
  handlers: DialHandlers,
): { bytes(chunk: Uint8Array): void; end(): void } {
  let reader = newReplyReader();
  let first = true;
  const handOn = (stream: Uint8Array): void => {
    if (first && isTlsAlert(stream)) {
      handlers.refused(refusal("bad-request", "TLS is spoken there: write --tls or fstreams://"));
    } else if (stream.length > 0) {
      handlers.bytes(stream);
    }
    first &&= stream.length === 0;
  };
  return {
    bytes(chunk) {
      let rest = feedReply(reader, chunk);
      while (reader.state === "reply") {
        first = false;
        if (reader.reply === null) {
          handlers.welcomed();
        } else {
          handlers.refused(reader.reply);
        }
        reader = ask.verb === "watch" ? streamReader() : newReplyReader();
        rest = feedReply(reader, rest);
      }
      handOn(rest);
    },
    end: () => handOn(endReply(reader)),
  };
}

/**
 * What a port of TLS says to those who speak none, and nothing behind it: a fatal alert of two bytes
 * (RFC 8446, 6).
 */
function isTlsAlert(bytes: Uint8Array): boolean {
  const head = [0x15, 0x03, -1, 0, 2, 2, -1];
  return bytes.length === head.length && head.every((byte, i) => byte < 0 || byte === bytes[i]);
}

function wrap(socket: Client): Omit<Connection, "finish"> {
  return {
    write: (bytes, offset, length) => socket.write(bytes, offset, length),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    abort: () => socket.terminate(),
  };
}

function explain(address: Address, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const where = writeAddress(address);
  const distrust = address.kind === "tls" ? explainTls(where, code, error) : undefined;
  if (distrust !== undefined) {
    return distrust;
  }
  switch (code) {
    case "ECONNREFUSED":
      return `nobody listens on ${where}: is the server running there?`;
    case "ENOENT":
      return `there is no socket at ${where}: is the server running with --unix?`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "DNS_ENOTFOUND":
      return `there is no host of the name in ${where}`;
    default:
      return `cannot connect to ${where}: ${messageOf(error)}`;
  }
}
