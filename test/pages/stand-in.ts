/** A server with made-up channels that speaks the API and has the dashboard. */
import dashboard from "../../src/pages/dashboard/index.html";
import type { ChannelStatus, ServerStatus, WatcherStatus } from "../../src/protocol/status.ts";

export interface StandIn extends AsyncDisposable {
  readonly url: string;
  readonly channels: ChannelStatus[];
  readonly watchers: WatcherStatus[];
  /** Paths of what has been ended or kicked, with the header that proves the page's own doing. */
  readonly deleted: string[];
  /** Sends the status, as the real server does each second. */
  tick(): void;
}

export function madeUpChannel(user: string, channel: string, index = 0): ChannelStatus {
  const bitsIn = 2_000_000 + (index % 7) * 731_000;
  const since = Date.now() - 60_000 * (index + 1);
  return {
    user,
    channel,
    state: index % 11 === 9 ? "lingering" : "live",
    format: "h264",
    title: "H.264",
    contentType: "video/h264",
    width: 1280,
    height: 720,
    since,
    uptime: Date.now() - since,
    bytesIn: 123_456_789,
    bytesOut: 1_234_567_890,
    framesIn: 54_321,
    bitsIn,
    bitsOut: bitsIn * (1 + (index % 13)),
    watchers: 1 + (index % 13),
    waiting: 0,
    skips: index % 5,
    joinInterval: 2_000,
    farApart: false,
    ringBytes: 16_777_216,
    locked: index % 17 === 3,
    cluster: null,
    history: Array.from({ length: 180 }, (_, at) => ({
      bitsIn: bitsIn * (1 + 0.15 * Math.sin(at / 5 + index)),
      bitsOut: bitsIn * (1.8 + 0.3 * Math.cos(at / 9 + index)),
    })),
  };
}

export function madeUpWatcher(user: string, channel: string, index: number): WatcherStatus {
  return {
    id: `w${index}`,
    user,
    channel,
    address: `192.0.2.${index % 250}:${40_000 + index}`,
    via: index % 3 === 0 ? "http" : "tcp",
    state: "watching",
    since: Date.now() - index * 1_000,
    lag: 20 + (index % 40),
    lagBytes: 8_192,
    bytes: 12_345_678 + index,
    skips: index % 4,
  };
}

export function madeUpStatus(
  channels: readonly ChannelStatus[],
  watchers: readonly WatcherStatus[],
): ServerStatus {
  return {
    version: "0.1.0",
    since: Date.now(),
    channels: channels.length,
    live: channels.length,
    watchers: watchers.length,
    connections: channels.length + watchers.length,
    bitsIn: channels.reduce((sum, one) => sum + one.bitsIn, 0),
    bitsOut: channels.reduce((sum, one) => sum + one.bitsOut, 0),
    bytesIn: 0,
    bytesOut: 0,
    skips: 12,
    residentBytes: 96_000_000,
    port: 61_920,
    historyStep: 1_000,
    cluster: null,
  };
}

export function standIn(token = "", port = 0): StandIn {
  const channels: ChannelStatus[] = [];
  const watchers: WatcherStatus[] = [];
  const deleted: string[] = [];
  const listeners = new Set<() => void>();
  const began = Date.now() - 93_000_000;

  const status = (): ServerStatus => ({ ...madeUpStatus(channels, watchers), since: began });
  const find = (url: URL): number => {
    const [user = "", channel = ""] = url.pathname.split("/").slice(3).map(decodeURIComponent);
    return channels.findIndex((one) => one.user === user && one.channel === channel);
  };
  const events = (request: Request): Response => {
    const { readable, writable } = new TransformStream<string, string>();
    const writer = writable.getWriter();
    const send = (): void => {
      const text = `event: status\ndata: ${JSON.stringify(status())}\n\n`;
      writer.write(text).catch(() => listeners.delete(send));
    };
    listeners.add(send);
    send();
    request.signal.addEventListener("abort", () => listeners.delete(send));
    return new Response(readable.pipeThrough(new TextEncoderStream()), {
      headers: { "content-type": "text/event-stream" },
    });
  };
  const answer = (request: Request): Response => {
    const url = new URL(request.url);
    const given =
      request.headers.get("authorization")?.replace("Bearer ", "") ?? url.searchParams.get("token");
    if (token !== "" && given !== token) {
      return Response.json({ code: 401, message: "token" }, { status: 401 });
    }
    if (request.method === "DELETE") {
      deleted.push(`${request.headers.get("x-fstream")} ${url.pathname}`);
      return Response.json({});
    }
    switch (url.pathname) {
      case "/api/status":
        return Response.json(status());
      case "/api/events":
        return events(request);
      case "/api/channels":
        return Response.json(page(sorted(channels, url), url));
      case "/api/watchers":
        return Response.json(page(watchersOf(watchers, url), url));
      default: {
        const found = channels[find(url)];
        return found === undefined
          ? Response.json({ code: 404, message: "no such channel" }, { status: 404 })
          : Response.json(found);
      }
    }
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    development: false,
    routes: { "/": dashboard },
    fetch: answer,
  });
  return {
    url: server.url.href,
    channels,
    watchers,
    deleted,
    tick: () => [...listeners].forEach((send) => send()),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function page(all: readonly unknown[], url: URL): object {
  const offset = Number(url.searchParams.get("offset"));
  const limit = Number(url.searchParams.get("limit"));
  return { total: all.length, offset, items: all.slice(offset, offset + limit) };
}

function sorted(channels: readonly ChannelStatus[], url: URL): readonly ChannelStatus[] {
  const query = url.searchParams.get("query") ?? "";
  const matching = channels.filter(({ user, channel }) => `${user}/${channel}`.includes(query));
  return url.searchParams.get("sort") === "watchers"
    ? matching.toSorted((one, other) => other.watchers - one.watchers)
    : matching;
}

function watchersOf(watchers: readonly WatcherStatus[], url: URL): readonly WatcherStatus[] {
  const [user, channel] = ["user", "channel"].map((name) => url.searchParams.get(name));
  return watchers.filter((one) => one.user === user && one.channel === channel);
}
