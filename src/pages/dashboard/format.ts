/** Figures as the page shows them. */
import type { ChannelStatus, WatcherStatus } from "../../protocol/status.ts";

export { formatBitrate, formatBytes, formatDuration } from "../../core/units.ts";

const COUNT = new Intl.NumberFormat("en");
const NONE = "–";

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** From one place to join to the next, or how far behind: "480 ms", "2.0 s". */
export function formatInterval(ms: number | null): string {
  if (ms === null) {
    return NONE;
  }
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** "H.264 · 1280×720" */
export function formatMedia({ title, width, height }: ChannelStatus): string {
  const size = width === null || height === null ? "" : `${width}×${height}`;
  return [title, size].filter((part) => part !== "").join(" · ") || NONE;
}

export function nameOf({
  user,
  channel,
}: {
  readonly user: string;
  readonly channel: string;
}): string {
  return `${user}/${channel}`;
}

export function formatLag({ state, lag }: WatcherStatus): string {
  return state === "waiting" ? "waiting" : formatInterval(lag);
}
