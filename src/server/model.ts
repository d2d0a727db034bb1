/**
 * The server's nouns: a connection, what all connections share, and why one ends.
 *
 *     Shared ◄── Connection ──► Feed (a broadcaster's way into the hub)
 *                    │    └───► Seat (a watcher's way back into it)
 *                    └─► Socket ──data──► Connection
 */
import type { Socket } from "bun";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Allowance } from "../core/allowance.ts";
import type { Clock } from "../core/clock.ts";
import type { Refusal } from "../core/errors.ts";
import type { Directory, Feed, Seat } from "../hub/directory.ts";
import type { Handshake } from "../protocol/handshake.ts";
import type { HttpHead } from "../protocol/http.ts";
import type { ProxyHeader } from "../protocol/proxy.ts";
import type { Request } from "../protocol/request.ts";
import type { Admission } from "./admission.ts";
import type { Settings } from "./settings.ts";
import type { SocketSink } from "./socket-sink.ts";
import type { Transport } from "./transport.ts";

/** What all connections of a server share. */
export interface Shared {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly admission: Admission;
  /** The number of the next connection. */
  readonly nextId: () => number;
  readonly authenticator: Authenticator;
  /** As they are at the moment. */
  readonly settings: Pick<Settings, "handshake-timeout" | "cors">;
  /** Where watchers' bytes go. */
  readonly sink: SocketSink;
  readonly transport: Transport;
  /** Told of each connection that starts to broadcast or to watch, and of each one's end. */
  readonly witness: Witness;
  /** A mistake of ours, which costs its own connection alone. */
  failed(error: unknown): void;
}

export interface Witness {
  started(connection: Connection): void;
  closed(connection: Connection, reason: Reason): void;
}

/** Why a connection ended: a code of the protocol, or what the peer did. */
export type Reason =
  Refusal | { readonly code: "left" | "reset" | "ended"; readonly message: string };

export type State = "handshake" | "checking" | "broadcasting" | "watching" | "parting" | "closed";

export interface Connection {
  /** A number that no other connection of the process has. */
  readonly id: number;
  readonly shared: Shared;
  readonly socket: Socket<Connection | undefined>;
  /** Whose it is, and from where: what a proxy says, where one passes it on. */
  peer: string;
  address: string;
  /** What of its address counts towards the limit for addresses; empty where it takes no place. */
  place: string;
  readonly openedAt: number;
  state: State;
  /** The header of a proxy, as long as it is not complete; null for everybody else. */
  proxy: ProxyHeader | null;
  /** Whether bytes can go either way: at once on plain sockets, after its handshake on TLS. */
  secured: boolean;
  /** Whether the peer has said, over TLS, that it sends nothing more. */
  finished: boolean;
  handshake: Handshake | null;
  /** What a peer that speaks HTTP has asked; null for everybody else. */
  http: HttpHead | null;
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
  /** What a broadcaster may still send, where that is bounded. */
  allowance: Allowance | null;
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
