/**
 * One socket, from its first byte to its close:
 *
 *     handshake ──► checking ──► broadcasting ──┐
 *         │            │   └───► watching ──────┤
 *         │            │                        ▼
 *         └────────────┴──► parting ─────────► closed
 *
 * `checking` is the authenticator's time; the socket is paused. `parting` is a peer that has been
 * told why it is refused, while what it may still be sending is read and thrown away: a plain close
 * would reset the connection and destroy the reply on its way. A connection reaches `closed` once,
 * with one reason, which is logged there and nowhere else.
 *
 * A TLS connection is in `handshake` from its first byte on.
 */
import type { Socket } from "bun";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Clock } from "../core/clock.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import {
  PARTING_BYTES,
  PARTING_MS,
  TLS_GOODBYE_MS,
  WATCHER_CHATTER_BYTES,
} from "../core/limits.ts";
import type { Directory, Feed, Seat } from "../hub/directory.ts";
import { feed as feedHandshake, newHandshake, type Handshake } from "../protocol/handshake.ts";
import { writeReply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import { leave, part } from "./parting.ts";
import type { SocketSink } from "./socket-sink.ts";
import { mistaken, NO_TLS_HANDSHAKE, tlsFailure, type Transport } from "./transport.ts";

/** What all connections of a server share. */
export interface Shared {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly authenticator: Authenticator;
  readonly handshakeTimeout: number;
  /** Where watchers' bytes go. */
  readonly sink: SocketSink;
  readonly transport: Transport;
  /** Told of each connection that starts to broadcast or to watch, and of each one's end. */
  readonly witness: Witness;
}

export interface Witness {
  started(connection: Connection): void;
  closed(connection: Connection, reason: Reason): void;
}

/** Why a connection ended: a code of the protocol, or what the peer did. */
export type Reason =
  Refusal | { readonly code: "left" | "reset" | "ended"; readonly message: string };

type State = "handshake" | "checking" | "broadcasting" | "watching" | "parting" | "closed";

export interface Connection {
  readonly shared: Shared;
  readonly socket: Socket<Connection | undefined>;
  readonly peer: string;
  readonly address: string;
  readonly openedAt: number;
  state: State;
  /** Whether bytes can go either way: at once on plain sockets, after its handshake on TLS. */
  secured: boolean;
  /** Whether the peer has said, over TLS, that it sends nothing more. */
  finished: boolean;
  handshake: Handshake | null;
  request: Request | null;
  /** What came in one piece with the request; the hub gets it once the peer is let in. */
  early: Uint8Array | null;
  feed: Feed | null;
  /** What the sink knows a watcher by; -1 for everybody else. */
  handle: number;
  seat: Seat | null;
  /**
   * Bytes of the stream that a broadcaster has sent; those of a watcher are added when it leaves.
   */
  bytes: number;
  /** Whether the hub has no room for a broadcaster's bytes, so that none are read. */
  full: boolean;
  /** Bytes that came where none should. */
  noise: number;
  /**
   * Whether the peer has been let in: from then on a watcher gets stream bytes and nothing else.
   */
  admitted: boolean;
  /** The reason as far as it is known: that of a peer which is parting. */
  reason: Reason | null;
  cancelTimer: () => void;
}

const LEFT: Reason = { code: "left", message: "the peer closed the connection" };
const RESET: Reason = { code: "reset", message: "the peer reset the connection" };
const ENDED: Reason = { code: "ended", message: "the broadcast ended" };
const NO_HANDSHAKE = refusal("timeout", "the request was not complete in time");
const CHATTER = refusal("bad-request", "a watcher sent bytes after its request");

/** The state of a socket that has just been accepted. The caller stores it in the socket's data. */
export function openConnection(shared: Shared, socket: Socket<Connection | undefined>): Connection {
  const connection: Connection = {
    shared,
    socket,
    address: socket.remoteAddress ?? "",
    peer: peerName(socket),
    openedAt: shared.clock.now(),
    state: "handshake",
    secured: shared.transport.kind === "plain",
    finished: false,
    handshake: newHandshake(),
    request: null,
    early: null,
    feed: null,
    handle: -1,
    seat: null,
    bytes: 0,
    full: false,
    noise: 0,
    admitted: false,
    reason: null,
    cancelTimer: () => {},
  };
  connection.cancelTimer = shared.clock.after(shared.handshakeTimeout, () =>
    refuse(connection, connection.secured ? NO_HANDSHAKE : NO_TLS_HANDSHAKE, false),
  );
  return connection;
}

/** Bytes have come. */
export function onData(connection: Connection, chunk: Uint8Array): void {
  switch (connection.state) {
    case "handshake":
      return onHandshake(connection, chunk);
    case "broadcasting":
      return receive(connection, chunk);
    case "watching":
      return onNoise(connection, chunk.length, WATCHER_CHATTER_BYTES, CHATTER);
    case "parting":
      return onNoise(connection, chunk.length, PARTING_BYTES, null);
    case "checking":
    case "closed":
      return;
  }
}

/** The socket can take bytes again. */
export function onDrain(connection: Connection): void {
  connection.seat?.drained();
}

/** The TLS handshake is over. Bun closes the socket of one that failed. */
export function onSecured(connection: Connection, failure: Error | null): void {
  connection.secured = failure === null;
  connection.reason ??= failure && tlsFailure(connection.shared.transport, failure);
}

/**
 * A TLS peer sends nothing more. Unlike the FIN of a plain one this comes also while the socket is
 * paused, with what the peer has sent still to be looked at.
 */
export function onEnd(connection: Connection): void {
  connection.finished = true;
  if (connection.state !== "checking" && !connection.full) {
    connection.socket.end();
  }
}

/** The socket is closed, by the peer or by us. */
export function onClose(connection: Connection, error: Error | undefined): void {
  if (connection.state === "closed") {
    return;
  }
  connection.state = "closed";
  connection.cancelTimer();
  connection.handshake = null;
  connection.early = null;
  connection.seat?.leave();
  connection.feed?.end();
  connection.bytes += connection.seat?.sent() ?? 0;
  if (connection.handle >= 0) {
    connection.shared.sink.close(connection.handle);
  }
  const reason = connection.reason ?? (error === undefined ? LEFT : RESET);
  connection.shared.witness.closed(connection, reason);
}

/** Sends the peer away at once: `why` is what the log says. */
export function cut(connection: Connection, why: Reason): void {
  connection.reason ??= why;
  connection.socket.terminate();
}

function onHandshake(connection: Connection, chunk: Uint8Array): void {
  const { handshake } = connection;
  if (handshake === null) {
    return;
  }
  const used = feedHandshake(handshake, chunk);
  switch (handshake.state) {
    case "length":
    case "nul":
    case "text":
      return;
    case "failed":
      return refuse(connection, handshake.bad ?? CHATTER, handshake.bad?.reply ?? false);
    case "http":
      return refuse(connection, refusal("bad-request", "this is HTTP"), false);
    case "tls":
      return refuse(connection, mistaken(connection.shared.transport), false);
    case "request":
      connection.request = handshake.request ?? null;
      connection.early = used < chunk.length ? chunk.subarray(used) : null;
      return check(connection);
  }
}

/** Asks the authenticator; until it answers no byte is read. */
function check(connection: Connection): void {
  const { shared, socket, request } = connection;
  if (request === null) {
    return;
  }
  connection.state = "checking";
  connection.handshake = null;
  connection.cancelTimer();
  socket.pause();
  shared.authenticator
    .authenticate({ ...request, address: connection.address })
    .then((refused) => {
      if (connection.state === "checking") {
        settle(connection, request, refused);
      }
    })
    .catch((error: unknown) => cut(connection, internal(error)));
}

function settle(connection: Connection, request: Request, refused: Refusal | null): void {
  if (refused !== null) {
    refuse(connection, refused, request.reply);
  } else if (request.verb === "broadcast") {
    startBroadcast(connection, request);
  } else {
    startWatch(connection, request);
  }
  goOn(connection);
}

/** Reads on, unless the hub has no room. Whoever has nothing more to send has been waited for. */
function goOn(connection: Connection): void {
  if (connection.state === "closed" || connection.full) {
    return;
  }
  connection.socket.resume();
  if (connection.finished) {
    connection.socket.end();
  }
}

function startBroadcast(connection: Connection, request: Request): void {
  const result = connection.shared.directory.broadcast(request, {
    ready: () => onRoom(connection),
    close: (why) => refuse(connection, why, request.reply),
  });
  if ("refused" in result) {
    refuse(connection, result.refused, request.reply);
    return;
  }
  connection.state = "broadcasting";
  connection.feed = result.feed;
  admit(connection, request);
  connection.shared.witness.started(connection);
  if (connection.early !== null) {
    const early = connection.early;
    connection.early = null;
    receive(connection, early);
  }
}

/** Hands bytes to the hub, and reads no more while it has no room. */
function receive(connection: Connection, chunk: Uint8Array): void {
  connection.bytes += chunk.length;
  if (connection.feed?.receive(chunk) === false) {
    connection.full = true;
    connection.socket.pause();
  }
}

function onRoom(connection: Connection): void {
  connection.full = false;
  if (connection.state === "broadcasting") {
    goOn(connection);
  }
}

function startWatch(connection: Connection, request: Request): void {
  const { socket, shared } = connection;
  connection.state = "watching";
  connection.early = null;
  shared.witness.started(connection);
  connection.handle = shared.sink.open(socket);
  const result = shared.directory.watch(request, {
    sink: shared.sink,
    handle: connection.handle,
    attendant: {
      admitted: () => admit(connection, request),
      close: (why) => endWatch(connection, request, why),
    },
  });
  if ("refused" in result) {
    refuse(connection, result.refused, request.reply);
  } else if (connection.state === "watching") {
    connection.seat = result.seat;
  } else {
    result.seat.leave();
  }
}

/**
 * The hub is done with a watcher. One that waits can still be told why; one in mid-stream only sees
 * its end, and one that was too slow sees a reset, which also frees what the kernel holds for it.
 */
function endWatch(connection: Connection, request: Request, why: Refusal | null): void {
  if (why === null) {
    connection.reason = ENDED;
    leave(connection, TLS_GOODBYE_MS);
  } else if (why.code === "too-slow") {
    cut(connection, why);
  } else {
    refuse(connection, why, request.reply && !connection.admitted);
  }
}

/**
 * Tells the peer why, where it asked to be told, and closes the connection when it can have read
 * that.
 */
function refuse(connection: Connection, why: Refusal, reply: boolean): void {
  connection.reason = why;
  if (!reply) {
    leave(connection, PARTING_MS);
    return;
  }
  connection.socket.write(writeReply(why));
  part(connection, PARTING_MS);
}

/** The peer is let in, and told so where it asked. */
function admit(connection: Connection, request: Request): void {
  connection.admitted = true;
  if (request.reply) {
    connection.socket.write(writeReply(null));
  }
}

/** Bytes that mean nothing: a bounded number of them is read and thrown away. */
function onNoise(connection: Connection, length: number, bound: number, why: Reason | null): void {
  connection.noise += length;
  if (connection.noise > bound) {
    cut(connection, why ?? connection.reason ?? LEFT);
  }
}

function internal(error: unknown): Refusal {
  return refusal("forbidden", `internal error: ${String(error)}`);
}

function peerName(socket: Socket<Connection | undefined>): string {
  const address = socket.remoteAddress;
  if (address === undefined) {
    return "a unix socket";
  }
  return address.includes(":")
    ? `[${address}]:${socket.remotePort}`
    : `${address}:${socket.remotePort}`;
}
