/**
 * What the API says of a server, from the plain numbers that the hub and the server hold anyway.
 */
import packageJson from "../../package.json" with { type: "json" };
import type { Clock } from "../core/clock.ts";
import { ringBytesOf } from "../hub/broadcast.ts";
import { firstFrameFrom, timeAt } from "../hub/marks.ts";
import type { Broadcast, Channel, Watcher } from "../hub/model.ts";
import { cursorAt } from "../hub/roster.ts";
import { bytesSent } from "../hub/watcher.ts";
import { contentType, formatTitle } from "../media/format.ts";
import type { Known } from "../media/scan.ts";
import type { ChannelStatus, RatePoint, ServerStatus, WatcherStatus } from "../protocol/status.ts";
import type { Connection } from "../server/model.ts";
import type { Server } from "../server/server.ts";
import { channelCluster, isLive, linksOf, serverCluster, stateOf } from "./cluster.ts";
import { pictureSize } from "./picture-size.ts";
import { RATE_STEP_MS, type Rates } from "./rates.ts";

/** What a snapshot is taken of. */
export interface Subject {
  readonly server: Server;
  readonly clock: Clock;
  readonly rates: Rates;
  /** Milliseconds since the epoch at the clock's zero. */
  readonly epoch: number;
  /** When the server started, by the clock. */
  readonly startedAt: number;
}

/** The state of one channel, with its history where that is asked for. */
export function channelStatus(
  { clock, epoch, rates, server }: Subject,
  channel: Channel,
  history: readonly RatePoint[] = [],
): ChannelStatus {
  const { live, name, tally, user, waiting, waitingElsewhere, watchers } = channel;
  const links = linksOf(server, channel);
  const now = clock.now();
  const since = live === null ? null : live.cameAt;
  return {
    user,
    channel: name,
    state: stateOf(channel, links),
    ...formatOf(live?.scan.format),
    ...(live === null ? { width: null, height: null } : pictureSize(live)),
    since: since === null ? null : Math.round(epoch + since),
    uptime: since === null ? 0 : Math.round(now - since),
    bytesIn: tally.bytesIn,
    bytesOut: tally.bytesOut,
    framesIn: tally.framesIn,
    ...rates.now(channel),
    watchers,
    waiting: waiting.size + (live?.awaiting.size ?? 0) + waitingElsewhere,
    skips: tally.skips,
    joinInterval: live === null || live.marks.joins < 2 ? null : Math.round(live.marks.period),
    farApart: live?.farApart ?? false,
    ringBytes: live === null ? 0 : ringBytesOf(live),
    locked: channel.password !== "",
    cluster: channelCluster(links),
    history,
  };
}

/** A format as the API has it: null for one that is not known. */
export function formatOf(known: Known): Pick<ChannelStatus, "format" | "title" | "contentType"> {
  return known === undefined || known === "unknown"
    ? { format: null, title: "", contentType: null }
    : { format: known, title: formatTitle(known), contentType: contentType(known) };
}

/** The state of one watcher; `connection` is one that watches. */
export function watcherStatus(
  { clock, epoch }: Pick<Subject, "clock" | "epoch">,
  connection: Connection,
  watcher: Watcher,
): WatcherStatus {
  const { broadcast, channel, slot } = watcher;
  const lagBytes = lagOf(broadcast, slot);
  return {
    id: String(connection.id),
    user: channel.user,
    channel: channel.name,
    address: connection.peer,
    via: viaOf(connection),
    state: slot === -1 ? "waiting" : "watching",
    since: Math.round(epoch + connection.openedAt),
    lag: Math.round(broadcast === null ? 0 : lagTime(broadcast, lagBytes, clock.now())),
    lagBytes,
    bytes: bytesSent(watcher),
    skips: watcher.skips,
  };
}

function viaOf({ address, http, shared }: Connection): WatcherStatus["via"] {
  if (http !== null) {
    return "http";
  }
  if (address === "") {
    return "unix";
  }
  return shared.transport.kind === "tls" ? "tls" : "tcp";
}

function lagOf(broadcast: Broadcast | null, slot: number): number {
  return broadcast === null || slot === -1
    ? 0
    : Math.max(broadcast.ring.head - cursorAt(broadcast.roster, slot), 0);
}

/** By when the first frame that is lacked came; where none is known, by the pace of the stream. */
function lagTime({ marks, pace, ring }: Broadcast, lagBytes: number, now: number): number {
  if (lagBytes === 0) {
    return 0;
  }
  const time = timeAt(marks, firstFrameFrom(marks, ring.head - lagBytes));
  if (time !== Infinity) {
    return now - time;
  }
  return pace === 0 ? 0 : lagBytes / pace;
}

/** The state of the whole server. */
export function serverStatus({ epoch, rates, server, startedAt }: Subject): ServerStatus {
  const { counters } = server.directory;
  let [channels, live, watchers] = [0, 0, 0];
  for (const channel of server.directory.list()) {
    channels++;
    live += isLive(server, channel) ? 1 : 0;
    watchers += channel.watchers;
  }
  return {
    version: packageJson.version,
    since: Math.round(epoch + startedAt),
    channels,
    live,
    watchers,
    connections: server.connections.size,
    ...rates.all(),
    bytesIn: counters.bytesIn,
    bytesOut: counters.bytesOut,
    skips: counters.skips,
    residentBytes: process.memoryUsage.rss(),
    port: mediaPort(server),
    historyStep: RATE_STEP_MS,
    cluster: serverCluster(server.cluster),
  };
}

/** The port of the media without TLS; null where there is none. */
export function mediaPort({ addresses }: Server): number | null {
  const address = addresses.find(({ kind }) => kind === "tcp");
  return address?.kind === "tcp" ? address.port : null;
}
