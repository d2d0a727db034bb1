/**
 * How a client's work stands: plain values that the connection writes and the status line reads.
 */
import type { Format } from "../media/format.ts";

export interface Progress {
  state: "connecting" | "waiting" | "live";
  /** Bytes sent or received over all connections. */
  bytes: number;
  /** By performance.now(): when the first byte went or came, and the newest one. */
  startedAt: number | undefined;
  movedAt: number | undefined;
  /** What a watcher receives, once its first bytes say so. */
  format: Format | undefined;
}

export function newProgress(): Progress {
  return {
    state: "connecting",
    bytes: 0,
    startedAt: undefined,
    movedAt: undefined,
    format: undefined,
  };
}

/** Notes that `count` bytes have moved. */
export function moved(progress: Progress, count: number): void {
  const now = performance.now();
  progress.state = "live";
  progress.bytes += count;
  progress.startedAt ??= now;
  progress.movedAt = now;
}
