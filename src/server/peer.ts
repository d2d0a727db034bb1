/**
 * Whose a connection is: the peer's that it was accepted from, or, where that is a proxy, the peer's
 * that its header names.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import { feedProxy, type ProxyHeader } from "../protocol/proxy.ts";
import type { Connection } from "./model.ts";

const NONE = new Uint8Array(0);

/** As much of a socket as tells whose it is. */
export interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
}

/** In the place of an address: on no list of networks, and no unix socket, which may do anything. */
export const GONE = "gone";

/**
 * The address of the other side; empty on a unix socket. That of a TCP peer that has reset the
 * connection is not known any more, but such a socket still has one of this side.
 */
export function addressOf({ localAddress, remoteAddress }: PeerSocket): string {
  return remoteAddress ?? (localAddress === undefined ? "" : GONE);
}

/** A peer as logs have it. */
export function peerName(address: string, port: number): string {
  if (address === "") {
    return "a unix socket";
  }
  if (address === GONE) {
    return "a peer that was gone at once";
  }
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
