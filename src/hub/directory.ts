/**
 * All channels of a server, by name, and the way in for broadcasters and watchers.
 */
import type { Clock } from "../core/clock.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import { HOUSEKEEPING_MS } from "../core/limits.ts";
import type { Known } from "../media/scan.ts";
import type { Request } from "../protocol/request.ts";
import { drained, inspect, watchersOf } from "./broadcast.ts";
import { receive } from "./intake.ts";
import { newCounters } from "./counters.ts";
import {
  closeChannel,
  endLive,
  giveWay,
  goLive,
  goSilent,
  isIdle,
  joinChannel,
  leaveChannel,
  linger,
  newChannel,
  type Surroundings,
} from "./channel.ts";
import type { Broadcast, Channel, ChannelSettings, HubCounters, Opens, Watcher } from "./model.ts";
import { mirrorInto, type Mirror } from "./follow.ts";
import type { Reading } from "./mirror.ts";
import { followInto, type Following } from "./far.ts";
import type { Upstream } from "./remote.ts";
import type { SharedStream } from "./shared.ts";
import type { Peer, Source } from "./sink.ts";
import { newQuota, type Quota } from "./quota.ts";
import { bytesSent } from "./watcher.ts";

/** A broadcaster's way into the hub. */
export interface Feed {
  /**
   * Takes the next bytes of the stream. Returns whether it can take more at once; if not, the chunk
   * may not be changed any more, and nothing may be sent before the source is told that it is
   * ready.
   */
  receive(chunk: Uint8Array): boolean;
  /** What the stream is, as far as that is known. */
  format(): Known;
  /** The broadcaster has gone. Harmless when the hub has sent it away itself. */
  end(): void;
}

/** A watcher's way back into the hub. */
export interface Seat {
  readonly watcher: Watcher;
  /** Bytes that the sink has taken. */
  sent(): number;
  /** The sink can take bytes again. */
  drained(): void;
  /** The watcher has gone. Harmless when the hub has sent it away itself. */
  leave(): void;
}

export interface Directory {
  readonly counters: HubCounters;
  /** How many channels there are, with those whose end is still on its way to somebody. */
  channels(): number;
  /** Those that are there now. */
  list(): Iterable<Channel>;
  find(user: string, channel: string): Channel | undefined;
  /** Puts a broadcaster on air, or says why not. */
  broadcast(request: Request, source: Source): { feed: Feed } | { refused: Refusal };
  /**
   * Lets a watcher in or has it wait, or says why neither. The peer may be called before this
   * returns.
   */
  watch(request: Request, peer: Peer): { seat: Seat } | { refused: Refusal };
  /**
   * Ends what is live on a channel or lingers, and sends those away who wait: its broadcaster with
   * `why`, and those who watch cleanly.
   */
  end(channel: Channel, why: Refusal): void;
  /** Puts a broadcaster of another thread on air. */
  mirror(request: Request, stream: SharedStream, reading: Reading): Mirror;
  /**
   * Puts a broadcaster of another node on air. What has to be known to watch it may be a hash, which
   * `opens` compares with.
   */
  follow(request: Request, upstream: Upstream, opens: Opens | null): Following;
  /** A broadcaster of another thread is about to take a channel over from one of this thread. */
  giveWay(channel: Channel): void;
  /** Nobody has taken a channel over after all: who watches it is kept for a while. */
  orphan(channel: Channel): void;
  /** Ends what lingers on a channel. */
  drop(channel: Channel): void;
  /** Ends every broadcast and sends those away who wait. New ones are refused from now on. */
  close(): void;
}

/** Whom a directory tells what becomes of its channels. */
export type Ears = Pick<Surroundings, "began" | "ended" | "noticed" | "silenced">;

const DEAF: Ears = { began() {}, ended() {}, noticed() {}, silenced() {} };

const SHUTTING_DOWN = refusal("shutting-down", "the server is shutting down");

/** A directory without channels. */
export function newDirectory(
  clock: Clock,
  settings: ChannelSettings,
  told: Partial<Ears> = {},
): Directory {
  const channels = new Map<string, Channel>();
  /** Broadcasts that have ended, while somebody is still on the way to their end. */
  const leaving = new Set<Broadcast>();
  const counters = newCounters();
  let closed = false;

  const ears: Ears = { ...DEAF, ...told };
  const around: Surroundings = {
    clock,
    settings,
    counters,
    ...ears,
    ended(channel, broadcast) {
      ears.ended(channel, broadcast);
      if (watchersOf(broadcast).length > 0) {
        leaving.add(broadcast);
      }
      quota.note(channel);
      forgetIfIdle(channel);
    },
  };
  const quota = newQuota(settings, counters, (channel) => endLive(around, channel));

  /**
   * A channel that was forgotten while watchers were on the way to its end may have a namesake by
   * now.
   */
  function forgetIfIdle(channel: Channel): void {
    const key = keyOf(channel.user, channel.name);
    if (isIdle(channel) && channels.get(key) === channel) {
      channels.delete(key);
    }
  }

  const end = (channel: Channel, why: Refusal, isHereOnly: boolean = false): void => {
    closeChannel(around, channel, why, isHereOnly);
    forgetIfIdle(channel);
  };

  const keepHouse = repeating(clock, () => lookAfterAll(around, channels, leaving));
  const hall: Hall = { around, channels, forgetIfIdle, keepHouse, quota };

  return {
    counters,
    channels: () => channels.size + leaving.size,
    list: () => channels.values(),
    find: (user, channel) => channels.get(keyOf(user, channel)),
    broadcast: (request, source) =>
      closed ? { refused: SHUTTING_DOWN } : takeBroadcaster(hall, request, source),
    watch: (request, peer) =>
      closed ? { refused: SHUTTING_DOWN } : takeWatcher(hall, request, peer),
    end: (channel, why) => end(channel, why),
    mirror(request, stream, reading) {
      const channel = channelOf(channels, request);
      keepHouse();
      return mirrorInto(around, channel, request, stream, reading);
    },
    follow(request, upstream, opens) {
      const channel = channelOf(channels, request);
      keepHouse();
      return followInto(around, channel, request, { upstream, opens });
    },
    giveWay: (channel) => giveWay(around, channel),
    orphan: (channel) => (channel.source === null ? linger(around, channel) : undefined),
    drop: (channel) => (channel.source === null ? endLive(around, channel) : undefined),
    close() {
      closed = true;
      channels.forEach((channel) => end(channel, SHUTTING_DOWN, true));
    },
  };
}

/** What the ways in share. */
interface Hall {
  readonly around: Surroundings;
  readonly channels: Map<string, Channel>;
  readonly quota: Quota;
  readonly forgetIfIdle: (channel: Channel) => void;
  readonly keepHouse: () => void;
}

function takeBroadcaster(
  { around, channels, forgetIfIdle, keepHouse, quota }: Hall,
  request: Request,
  source: Source,
): { feed: Feed } | { refused: Refusal } {
  const channel = channelOf(channels, request);
  const result = quota.makeWay(channel) ?? goLive(around, channel, request, source);
  if ("code" in result) {
    forgetIfIdle(channel);
    return { refused: result };
  }
  quota.note(channel);
  keepHouse();
  return { feed: newFeed(around, channel, result, source) };
}

function takeWatcher(
  { around, channels, forgetIfIdle }: Hall,
  request: Request,
  peer: Peer,
): { seat: Seat } | { refused: Refusal } {
  const channel = channelOf(channels, request);
  const result = joinChannel(around, channel, request, peer);
  forgetIfIdle(channel);
  return "code" in result ? { refused: result } : { seat: newSeat(result, forgetIfIdle) };
}

/** The channel that is asked for, which begins where there is none. */
function channelOf(channels: Map<string, Channel>, { user, channel: name }: Request): Channel {
  const key = keyOf(user, name);
  const channel = channels.get(key) ?? newChannel(user, name);
  channels.set(key, channel);
  return channel;
}

/** Says whether anything is left to look after. */
function lookAfterAll(
  around: Surroundings,
  channels: ReadonlyMap<string, Channel>,
  leaving: Set<Broadcast>,
): boolean {
  channels.forEach((channel) => lookAfter(around, channel));
  inspectLeaving(leaving);
  return channels.size + leaving.size > 0;
}

/** Looks after broadcasts that have ended, and forgets those whose last watcher is gone. */
function inspectLeaving(leaving: Set<Broadcast>): void {
  for (const broadcast of leaving) {
    inspect(broadcast);
    if (watchersOf(broadcast).length === 0) {
      leaving.delete(broadcast);
    }
  }
}

/**
 * Calls `work` every HOUSEKEEPING_MS from the first call of the returned function on, until it says
 * that nothing is left to look after; then a further call begins anew.
 */
function repeating(clock: Clock, work: () => boolean): () => void {
  let running = false;
  const run = (): void => {
    let more = true;
    try {
      more = work();
    } finally {
      // Also where one peer's mistake ends this round early: the others need the next one.
      running = more;
      if (more) {
        clock.after(HOUSEKEEPING_MS, run);
      }
    }
  };
  return () => {
    if (!running) {
      running = true;
      clock.after(HOUSEKEEPING_MS, run);
    }
  };
}

/** A user's name holds no slash, so no two channels have the same key. */
export function keyOf(user: string, name: string): string {
  return `${user}/${name}`;
}

/** Once in a while: who has stalled, and who has fallen silent. */
function lookAfter(around: Surroundings, channel: Channel): void {
  if (channel.live === null) {
    return;
  }
  inspect(channel.live);
  const { source } = channel;
  const isOurs = channel.live.inlet === null && channel.live.remote === null;
  const quiet = around.clock.now() - channel.live.heardAt;
  if (source !== null && isOurs && quiet >= around.settings.silence) {
    goSilent(around, channel, source);
    source.close(refusal("timeout", "the broadcaster sent nothing for too long"));
  }
}

/** The feed of `source`, dead as soon as another broadcaster has taken its place. */
function newFeed(
  around: Surroundings,
  channel: Channel,
  broadcast: Broadcast,
  source: Source,
): Feed {
  return {
    receive(chunk) {
      return channel.source !== source || receive(broadcast, chunk);
    },
    format: () => broadcast.scan.format,
    end: () => goSilent(around, channel, source),
  };
}

function newSeat(watcher: Watcher, forgetIfIdle: (channel: Channel) => void): Seat {
  return {
    watcher,
    sent: () => bytesSent(watcher),
    drained() {
      if (watcher.broadcast !== null) {
        drained(watcher.broadcast, watcher);
      }
    },
    leave() {
      leaveChannel(watcher);
      forgetIfIdle(watcher.channel);
    },
  };
}
