/**
 * The status line: one line on a terminal's stderr that is drawn over and over, and nothing where
 * stderr is no terminal.
 */
import type { WriteStream } from "node:tty";
import { STANDSTILL_MS, STATUS_MS } from "../core/limits.ts";
import { formatBitrate, formatBytes, formatDuration } from "../core/units.ts";
import { formatTitle } from "../media/format.ts";
import type { Progress } from "./progress.ts";

export interface StatusLine {
  /** Takes the line away, so that something else can be written. */
  clear(): void;
  stop(): void;
}

/** Shows `progress` for a broadcaster or a watcher until it is stopped; on null, nowhere. */
export function statusLine(
  progress: Progress,
  verb: "broadcast" | "watch",
  out: Pick<WriteStream, "write" | "isTTY" | "columns"> | null,
): StatusLine {
  if (out?.isTTY !== true) {
    return { clear() {}, stop() {} };
  }
  const rate = rateMeter();
  const clear = (): void => void out.write("\r\x1b[K");
  const draw = (): void => {
    const now = performance.now();
    const line = statusText(progress, verb, rate(progress.bytes, now), now);
    out.write(`\r\x1b[K${line.slice(0, Math.max(out.columns - 1, 20))}`);
  };
  const timer = setInterval(draw, STATUS_MS);
  return {
    clear,
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}

/** What the line says at `now`. */
export function statusText(
  progress: Progress,
  verb: "broadcast" | "watch",
  bitsPerSecond: number,
  now: number,
): string {
  if (progress.state === "connecting") {
    return "connecting…";
  }
  if (progress.startedAt === undefined || progress.movedAt === undefined) {
    return verb === "watch" ? "waiting for the broadcast…" : "connected, waiting for input…";
  }
  const still = now - progress.movedAt;
  const pieces = [
    formatDuration(now - progress.startedAt),
    formatBytes(progress.bytes),
    formatBitrate(bitsPerSecond),
    verb === "watch" ? format(progress) : "",
    still >= STANDSTILL_MS ? `nothing for ${formatDuration(still)}` : "live",
  ];
  return pieces.filter((piece) => piece !== "").join("  ");
}

/** One line for the end: how much, in what time. */
export function summary(progress: Progress, verb: "broadcast" | "watch"): string {
  const { bytes, startedAt, movedAt } = progress;
  const time = formatDuration((movedAt ?? 0) - (startedAt ?? 0));
  return `${verb === "broadcast" ? "sent" : "received"} ${formatBytes(bytes)} in ${time}`;
}

function format(progress: Progress): string {
  return progress.format === undefined ? "unknown format" : formatTitle(progress.format);
}

/** Bits a second over the last few calls. */
export function rateMeter(): (bytes: number, now: number) => number {
  const samples: { bytes: number; at: number }[] = [];
  return (bytes, now) => {
    samples.push({ bytes, at: now });
    if (samples.length > 6) {
      samples.shift();
    }
    const [first] = samples;
    return first === undefined || now <= first.at
      ? 0
      : ((bytes - first.bytes) * 8_000) / (now - first.at);
  };
}
