/**
 * A peer is a server that can be put under the same load as the relay. It is one small file, and a
 * line in `table.ts`.
 */
import type { Target } from "../load/messages.ts";

export interface Peer {
  /** The name in tables and messages. */
  readonly name: string;
  /** How many processes it is. */
  readonly processes?: number;
  /** Why it cannot run on this machine; undefined where it can. */
  missing(): string | undefined;
  /** MUST listen on the loopback alone, on a port that the system chose. */
  start(options: PeerOptions): Promise<Subject>;
  /**
   * What a broadcaster or a watcher of a channel sends before anything else. Behind it MUST follow
   * the stream, byte for byte; whatever a watcher gets before its first frame is passed over.
   */
  broadcast(target: Target, channel: number): string | Uint8Array;
  watch(target: Target, channel: number): string | Uint8Array;
}

export interface PeerOptions {
  /** What to put before the command, so that it keeps to some cores. */
  readonly prefix: readonly string[];
  /** Further arguments for the server's command line. */
  readonly flags: readonly string[];
}

/** A server under load. */
export interface Subject {
  readonly target: Target;
  /** Its processes. None where it runs elsewhere: then its CPU and memory stay unknown. */
  readonly parts: readonly Part[];
  stop(): Promise<void>;
}

export interface Part {
  readonly name: string;
  readonly pid: number;
}

/** The name of a channel on every peer. */
export function channelName(channel: number): string {
  return `bench-${channel}`;
}
