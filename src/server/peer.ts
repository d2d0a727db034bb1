/**
 * Whose a connection is: the peer's that it was accepted from, or, where that is a proxy, the peer's
 * that its header names.
 */
import type { Socket } from "bun";
import { refusal, type Refusal } from "../core/errors.ts";
import { feedProxy, type ProxyHeader } from "../protocol/proxy.ts";
import type { Connection } from "./connection.ts";

const NONE = new Uint8Array(0);

/** The peer that a socket was accepted from, as logs have it. */
export function acceptedFrom(socket: Socket<Connection | undefined>): string {
  const address = socket.remoteAddress;
  if (address === undefined) {
    return isUnix(socket) ? "a unix socket" : "a peer that was gone at once";
  }
  return peerName(address, socket.remotePort);
}

/** Only a TCP socket has an address of this side, and keeps it when the other side is gone. */
export function isUnix(socket: Socket<Connection | undefined>): boolean {
  return socket.localAddress === undefined;
}

function peerName(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Feeds `chunk` to the header of a proxy. Returns what of it lies behind that, or why the connection
 * has to end.
 */
export function pastHeader(
  connection: Connection,
  header: ProxyHeader,
  chunk: Uint8Array,
): Uint8Array | Refusal {
  const used = feedProxy(header, chunk);
  if (header.state === "failed") {
    return refusal("bad-request", header.problem);
  }
  if (header.state !== "done") {
    return NONE;
  }
  connection.proxy = null;
  const behind = chunk.subarray(used);
  // A proxy that speaks for itself, to see whether we are well, is bound by no limit for addresses.
  if (header.peer === null) {
    return behind;
  }
  const { address, port } = header.peer;
  connection.address = address;
  connection.peer = peerName(address, port);
  return connection.shared.admission.named(connection) ?? behind;
}
