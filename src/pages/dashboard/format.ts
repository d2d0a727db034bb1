/** Figures as the page shows them. */
import { formatBytes } from "../../core/units.ts";
import type { ChannelCluster, ChannelStatus, WatcherStatus } from "../../protocol/status.ts";

export { formatBitrate, formatBytes, formatDuration } from "../../core/units.ts";

const COUNT = new Intl.NumberFormat("en");
const NONE = "–";

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** "1 gap", "2 gaps" */
export function formatTimes(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Where a channel is owned, if not here: ", at n2" */
export function formatOwner({ cluster }: ChannelStatus): string {
  return cluster === null || cluster.isOwn ? "" : `, at ${cluster.owner}`;
}

/** Which nodes follow a channel of this one, or how that of another one comes here. */
export function formatLinks({
  followers,
  follows,
  gaps,
  isOwn,
  lag,
  resyncs,
}: ChannelCluster): string {
  if (isOwn) {
    const nodes = followers.map(({ lagBytes, node }) =>
      lagBytes === 0 ? node : `${node}, ${formatBytes(lagBytes)} on the way`,
    );
    return nodes.length === 0 ? "no other node follows it" : `followed by ${nodes.join("; ")}`;
  }
  if (!follows) {
    return "nobody here watches it";
  }
  const behind = lag === null ? [] : [`${formatInterval(lag)} behind`];
  return [...behind, formatTimes(gaps, "gap"), formatTimes(resyncs, "resync")].join(", ");
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
