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
 * A TLS connection is in `handshake` from its first byte on. What is HTTP's about a watcher stands in
 * http-watch.ts.
 */
import type { Socket } from "bun";
import { refusal, type Refusal } from "../core/errors.ts";
import {
  PARTING_BYTES,
  PARTING_MS,
  TLS_GOODBYE_MS,
  WATCHER_CHATTER_BYTES,
} from "../core/limits.ts";
import { feed as feedHandshake, newHandshake } from "../protocol/handshake.ts";
import { feedHttp, newHttpHead, type HttpHead } from "../protocol/http.ts";
import { newProxyHeader } from "../protocol/proxy.ts";
import { writeReply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import { announce, NEVER_KNOWN, takeHttp, writeHttpRefusal } from "./http-watch.ts";
import { leave, part } from "./parting.ts";
import { addressOf, GONE, pastHeader, peerName } from "./peer.ts";
import type { Connection, Reason, Shared } from "./model.ts";
import { mistaken, NO_TLS_HANDSHAKE, tlsFailure } from "./transport.ts";

const LEFT: Reason = { code: "left", message: "the peer closed the connection" };
const RESET: Reason = { code: "reset", message: "the peer reset the connection" };
const ENDED: Reason = { code: "ended", message: "the broadcast ended" };
const NO_HANDSHAKE = refusal("timeout", "the request was not complete in time");
/** The log has the rest. */
export const INTERNAL: Reason = refusal("forbidden", "internal error");
const CHATTER = refusal("bad-request", "a watcher sent bytes after its request");

/** The state of a socket that has just been accepted. The caller stores it in the socket's data. */
export function openConnection(shared: Shared, socket: Socket<Connection | undefined>): Connection {
  const address = addressOf(socket);
  const connection: Connection = {
    id: shared.nextId(),
    shared,
    socket,
    address,
    peer: peerName(address, socket.remotePort),
    place: "",
    openedAt: shared.clock.now(),
    state: "handshake",
    proxy: shared.admission.isProxy(address) ? newProxyHeader() : null,
    secured: shared.transport.kind === "plain",
    finished: false,
    handshake: newHandshake(),
    http: null,
    request: null,
    early: null,
    feed: null,
    handle: -1,
    seat: null,
    bytes: 0,
    allowance: null,
    full: false,
    noise: 0,
    admitted: false,
    reason: null,
    cancelTimer: () => {},
  };
  connection.cancelTimer = shared.clock.after(shared.settings["handshake-timeout"], () =>
    refuse(
      connection,
      connection.secured ? NO_HANDSHAKE : NO_TLS_HANDSHAKE,
      connection.http !== null,
    ),
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

/**
 * Closes the connection of a peer that had reset it before it was accepted. Nobody is there to
 * answer, and nobody knows any more against which address to count what it sent.
 */
export function dropIfGone(connection: Connection): void {
  if (connection.address === GONE) {
    cut(connection, RESET);
  }
}

/** Sends the peer away at once: `why` is what the log says. */
export function cut(connection: Connection, why: Reason): void {
  connection.reason ??= why;
  connection.socket.terminate();
}

function onHandshake(connection: Connection, chunk: Uint8Array): void {
  const { handshake, proxy } = connection;
  if (handshake === null) {
    return;
  }
  const bytes = proxy === null ? chunk : pastHeader(connection, proxy, chunk);
  if ("code" in bytes) {
    refuse(connection, bytes, false);
    return;
  }
  if (connection.http !== null) {
    onHttp(connection, connection.http, bytes);
    return;
  }
  const used = feedHandshake(handshake, bytes);
  switch (handshake.state) {
    case "length":
    case "nul":
    case "text":
      return;
    case "failed":
      return refuse(connection, handshake.bad ?? CHATTER, handshake.bad?.reply ?? false);
    case "http":
      connection.http = newHttpHead();
      feedHttp(connection.http, handshake.held.subarray(0, handshake.have));
      return onHttp(connection, connection.http, bytes.subarray(used));
    case "tls":
      return refuse(connection, mistaken(connection.shared.transport), false);
    case "request":
      connection.request = handshake.request ?? null;
      connection.early = used < bytes.length ? bytes.subarray(used) : null;
      return check(connection);
  }
}

function onHttp(connection: Connection, http: HttpHead, bytes: Uint8Array): void {
  const answer = takeHttp(connection, http, bytes);
  if (answer !== null) {
    tell(connection, answer.why, answer.bytes);
  } else if (http.request !== undefined) {
    check(connection);
  }
}

/** Asks the authenticator; until it answers no byte is read. */
function check(connection: Connection): void {
  const { shared, socket, request } = connection;
  if (request === null) {
    return;
  }
  const forbidden = shared.admission.judge(request.verb, connection.address);
  if (forbidden !== null) {
    refuse(connection, forbidden, request.reply);
    return;
  }
  shared.admission.heard(connection);
  connection.state = "checking";
  connection.handshake = null;
  connection.cancelTimer();
  socket.pause();
  shared.authenticator
    .authenticate({ ...request, address: connection.address, connection: connection.id })
    .then((refused) => {
      if (connection.state === "checking") {
        settle(connection, request, refused);
      }
    })
    .catch((error: unknown) => {
      shared.failed(error);
      cut(connection, INTERNAL);
    });
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
  const tooFast = connection.shared.admission.meter(connection, chunk.length);
  if (tooFast !== null) {
    connection.feed?.end();
    refuse(connection, tooFast, connection.request?.reply ?? false);
    return;
  }
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
  const { http, socket, shared } = connection;
  connection.state = "watching";
  connection.early = null;
  shared.witness.started(connection);
  connection.handle = shared.sink.open(socket);
  const result = shared.directory.watch(request, {
    sink: shared.sink,
    handle: connection.handle,
    attendant: {
      admitted: () => admit(connection, request),
      ...(http === null ? {} : { announce: (format) => announce(connection, http, format) }),
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
  if (why === null && connection.http !== null && !connection.admitted) {
    refuse(connection, NEVER_KNOWN, true);
  } else if (why === null) {
    connection.reason ??= ENDED;
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
  const { http } = connection;
  if (reply) {
    const answer = http === null ? writeReply(why) : writeHttpRefusal(connection, http, why);
    tell(connection, why, answer);
    return;
  }
  connection.reason = why;
  connection.shared.admission.heard(connection);
  leave(connection, PARTING_MS);
}

/** The last that a peer is told. */
function tell(connection: Connection, why: Reason, answer: Uint8Array): void {
  connection.reason = why;
  connection.shared.admission.heard(connection);
  connection.socket.write(answer);
  part(connection, PARTING_MS);
}

/** The peer is let in, and told so where it asked. HTTP has no word for that before the format. */
function admit(connection: Connection, request: Request): void {
  if (connection.http !== null) {
    return;
  }
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
