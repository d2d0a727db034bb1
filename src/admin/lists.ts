/**
 * Lists in pages: `?offset=0&limit=50&query=text&sort=name`. Of what is not on the page nothing but
 * the sort key is looked at.
 */
import type { Channel } from "../hub/model.ts";
import type { Bounds, ChannelStatus, Page, WatcherStatus } from "../protocol/status.ts";
import { channelStatus, watcherStatus, type Subject } from "./snapshot.ts";

/** Entries of a page, at most and unless asked for otherwise. */
const LIMIT_MAX = 500;
const LIMIT = 50;

/** By name, the smallest first; by all else, the largest. */
const SORTS: Readonly<Record<string, (subject: Subject, channel: Channel) => number>> = {
  bitsOut: ({ rates }, channel) => rates.now(channel).bitsOut,
  bitsIn: ({ rates }, channel) => rates.now(channel).bitsIn,
  watchers: (_, { watchers }) => watchers,
  skips: (_, { tally }) => tally.skips,
  uptime: (_, { live }) => -(live?.cameAt ?? Infinity),
};

/** The channels that `?query=` matches, sorted, or a sentence that says what is wrong. */
export function listChannels(
  subject: Subject,
  params: URLSearchParams,
): Page<ChannelStatus> | string {
  const bounds = readBounds(params);
  const sort = params.get("sort") ?? "name";
  const weigh = Object.hasOwn(SORTS, sort) ? SORTS[sort] : undefined;
  if (typeof bounds === "string") {
    return bounds;
  }
  if (weigh === undefined && sort !== "name") {
    return `sort is one of name, ${Object.keys(SORTS).join(", ")}`;
  }
  const query = (params.get("query") ?? "").toLowerCase();
  const found = [...subject.server.directory.list()]
    .map((channel) => ({ channel, name: `${channel.user}/${channel.name}` }))
    .filter(({ name }) => name.toLowerCase().includes(query))
    .map((row) => ({ ...row, weight: weigh?.(subject, row.channel) ?? 0 }))
    .toSorted((a, b) => b.weight - a.weight || compare(a.name, b.name));
  const { limit, offset } = bounds;
  const items = found
    .slice(offset, offset + limit)
    .map(({ channel }) => channelStatus(subject, channel));
  return { total: found.length, offset, items };
}

/** The watchers, of one channel where that is asked for, those that came first first. */
export async function listWatchers(
  subject: Subject,
  params: URLSearchParams,
): Promise<Page<WatcherStatus> | string> {
  const bounds = readBounds(params);
  if (typeof bounds === "string") {
    return bounds;
  }
  const { elsewhere } = subject.server;
  return elsewhere === undefined
    ? pageOfWatchers(subject, params, bounds)
    : elsewhere.watchers(params.toString(), bounds);
}

/** Those of this thread. */
export function pageOfWatchers(
  subject: Pick<Subject, "server" | "clock" | "epoch">,
  params: URLSearchParams,
  { limit, offset }: Bounds,
): Page<WatcherStatus> {
  const [user, name] = [params.get("user"), params.get("channel")];
  const items: WatcherStatus[] = [];
  let total = 0;
  for (const connection of subject.server.local) {
    const watcher = connection.seat?.watcher;
    if (
      watcher === undefined ||
      !watcher.counted ||
      (user !== null && watcher.channel.user !== user) ||
      (name !== null && watcher.channel.name !== name)
    ) {
      continue;
    }
    if (total >= offset && items.length < limit) {
      items.push(watcherStatus(subject, connection, watcher));
    }
    total++;
  }
  return { total, offset, items };
}

function readBounds(params: URLSearchParams): Bounds | string {
  const [limit, offset] = [readCount(params, "limit", LIMIT), readCount(params, "offset", 0)];
  return limit === undefined || offset === undefined
    ? "limit and offset are whole numbers"
    : { limit: Math.min(limit, LIMIT_MAX), offset };
}

function readCount(params: URLSearchParams, name: string, usual: number): number | undefined {
  const said = params.get(name);
  if (said === null) {
    return usual;
  }
  return /^\d{1,9}$/.test(said) ? Number(said) : undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
