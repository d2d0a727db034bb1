/**
 * What the server asks before it lets a connection in. One interface; the users folder is one
 * driver, a module of the operator's own is another.
 */
import type { Refusal } from "../core/errors.ts";

/** Who wants what, from where. */
export interface AuthRequest {
  readonly verb: "broadcast" | "watch";
  /** The user whose channel it is; for a broadcast also the one who claims to be sending. */
  readonly user: string;
  /** What the broadcaster sent as `user-password`; undefined where it sent none. */
  readonly userPassword: string | undefined;
  /** The channel's name; empty for the user's unnamed channel. */
  readonly channel: string;
  /** What the peer sent as `channel-password`. The hub compares it: an authenticator need not. */
  readonly channelPassword: string | undefined;
  /** The peer's IP address; empty on a unix socket. */
  readonly address: string;
  /** A number that no other connection of the server has. */
  readonly connection: number;
}

/**
 * MUST NOT throw for a wrong password: it answers. An answer of null lets the connection in. MAY
 * take its time; the caller pauses the connection meanwhile, and refuses it when the bound in
 * core/limits has passed.
 */
export interface Authenticator {
  authenticate(request: AuthRequest): Promise<Refusal | null>;
}
