/**
 * The life of a channel:
 *
 *                  broadcaster comes                broadcaster goes
 *     waiting ───────────────────────► live ─────────────────────────► lingering
 *        ▲                              ▲ │ another one comes              │   │
 *        │                              │ └─ takeover: stays live          │   │ linger time is over
 *        │                              └──── one returns in time ◄────────┘   │
 *        └─────────────────────────────────────────────────────────────────────┘
 *
 * Each arrow is one function here. Watchers may come in every state.
 */
import { sameSecret } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import type { Request } from "../protocol/request.ts";
import { canFollow } from "../media/scan.ts";
import { finish, newBroadcast, watchersOf, withCopy } from "./broadcast.ts";
import { fanOut } from "./fan-out.ts";
import { settleHeld } from "./intake.ts";
import { endAtFrame } from "./closing.ts";
import { newTally } from "./counters.ts";
import { admit } from "./course.ts";
import type {
  Broadcast,
  Channel,
  ChannelSettings,
  HubCounters,
  Notice,
  Opens,
  Watcher,
} from "./model.ts";
import type { Remote } from "./remote.ts";
import type { Peer, Source } from "./sink.ts";
import { close, count, discount, dismiss, expel, newWatcher } from "./watcher.ts";

/** What a channel needs of the world. */
export interface Surroundings {
  readonly clock: Clock;
  readonly settings: ChannelSettings;
  readonly counters: HubCounters;
  /**
   * Called when a broadcast receives no more; some of its watchers may still be on the way to its
   * end.
   */
  readonly ended: (channel: Channel, broadcast: Broadcast) => void;
  /** Called when a broadcast begins, before its first byte and before anybody is let in. */
  readonly began: (channel: Channel, broadcast: Broadcast) => void;
  /** Called when a channel's broadcaster has gone, and its watchers are kept for a while. */
  readonly silenced: (channel: Channel, broadcast: Broadcast) => void;
  /** Told what becomes known of a channel's stream. */
  readonly noticed: (channel: Channel, notice: Notice) => void;
}

/** What is different where another node has the broadcaster. */
export interface Far {
  readonly remote: Remote;
  readonly opens: Opens | null;
}

const WRONG_PASSWORD = refusal("unauthorized", "the channel has another password");
const CROWDED = refusal("limit", "the channel has all the watchers that it may have");
const TAKEN_OVER = refusal("busy", "another broadcaster has taken the channel over");

/** A channel that nobody has come to yet. */
export function newChannel(user: string, name: string): Channel {
  return {
    user,
    name,
    tally: newTally(),
    waiting: new Set(),
    waitingElsewhere: 0,
    watchers: 0,
    live: null,
    source: null,
    password: "",
    opens: null,
    lingering: null,
  };
}

/** Says whether nobody is here and nothing is kept, so that the channel may be forgotten. */
export function isIdle(channel: Channel): boolean {
  return channel.live === null && channel.waiting.size === 0;
}

/** Puts `source` on air, or says why not. Those who wait and know the password are let in. */
export function goLive(
  around: Surroundings,
  channel: Channel,
  request: Request,
  source: Source,
  far: Far | null = null,
): Broadcast | Refusal {
  const previous = channel.source;
  if (previous !== null && around.settings.takeover === "refuse") {
    return refusal("busy", "the channel has a broadcaster");
  }
  channel.source = source;
  channel.lingering?.();
  channel.lingering = null;
  if (previous !== null) {
    around.counters.takeovers++;
    previous.close(TAKEN_OVER);
  }
  const former = channel.live;
  changePassword(channel, request.channelPassword ?? "", far?.opens ?? null);
  const broadcast = newBroadcast({
    ...around,
    tally: channel.tally,
    notify: (notice) => around.noticed(channel, notice),
    remote: far?.remote ?? null,
    before: former?.scan.format,
  });
  broadcast.onRoom = () => {
    // Whoever has gone or was replaced while bytes were held is not called any more.
    if (channel.source === source) {
      source.ready();
    }
  };
  channel.live = broadcast;
  around.began(channel, broadcast);
  if (former === null) {
    around.counters.broadcasts++;
  } else {
    finish(former, broadcast);
    around.ended(channel, former);
  }
  admitWaiting(channel, broadcast);
  return broadcast;
}

/** Those who were let in with another password than the one that now rules are sent away. */
function changePassword(channel: Channel, password: string, opens: Opens | null): void {
  const { live } = channel;
  if (channel.password === password) {
    return;
  }
  channel.password = password;
  channel.opens = opens;
  for (const watcher of live === null ? [] : watchersOf(live)) {
    if (watcher.broadcast !== null && !watcher.tap && !knowsPassword(channel, watcher.password)) {
      expel(watcher.broadcast, watcher, WRONG_PASSWORD);
    }
  }
}

export function admitWaiting(channel: Channel, broadcast: Broadcast): void {
  for (const watcher of takeWaiting(channel)) {
    if (knowsPassword(channel, watcher.password)) {
      admit(broadcast, watcher);
    } else {
      close(watcher, WRONG_PASSWORD);
    }
  }
}

/** Empties the list of those who wait, and hands them over. */
function takeWaiting(channel: Channel): Watcher[] {
  const waiting = [...channel.waiting];
  channel.waiting.clear();
  return waiting;
}

/**
 * `source` has gone: its watchers are kept for the linger time. A source that was replaced may say
 * so too.
 */
export function goSilent(around: Surroundings, channel: Channel, source: Source): void {
  if (channel.source !== source) {
    return;
  }
  channel.source = null;
  linger(around, channel);
  const { live } = channel;
  if (live !== null) {
    if (live.outlet !== null) {
      publishAll(live);
    }
    around.silenced(channel, live);
  }
}

/**
 * Keeps those who watch a channel that has no broadcaster for a while, where that is of any use: what
 * cannot be followed by another stream has nothing to wait for, unless the same one may come back.
 */
export function linger(around: Surroundings, channel: Channel, isLost: boolean = false): void {
  const mayReturn = channel.live === null || isLost || canFollow(channel.live.scan.format);
  if (around.settings.linger === 0 || !mayReturn) {
    endLive(around, channel);
  } else {
    channel.lingering?.();
    channel.lingering = around.clock.after(around.settings.linger, () => endLive(around, channel));
  }
}

/** What was received is there for other threads, whose word that no more comes is on its way. */
function publishAll(broadcast: Broadcast): void {
  settleHeld(broadcast);
  withCopy(broadcast).forEach(fanOut);
}

/** Another thread's broadcaster is about to take the channel over: this one's gets no further word. */
export function giveWay(around: Surroundings, channel: Channel): void {
  const { live, source } = channel;
  channel.source = null;
  if (source !== null && live !== null) {
    around.counters.takeovers++;
    publishAll(live);
    source.close(TAKEN_OVER);
  }
}

/**
 * Ends what is live or lingers. Everyone who watches gets what was received, and then a clean
 * close.
 */
export function endLive(around: Surroundings, channel: Channel): void {
  const broadcast = channel.live;
  channel.lingering?.();
  channel.lingering = null;
  channel.live = null;
  channel.password = "";
  channel.opens = null;
  if (broadcast !== null) {
    finish(broadcast, null);
    around.ended(channel, broadcast);
  }
}

/**
 * Sends those away who wait, with `why`, and ends what is live where its present frame does: for those
 * who watch it cleanly, for its broadcaster with `why`. Nobody waits for another one. What another node
 * has is ended there, unless it is to end `isHereOnly`.
 */
export function closeChannel(
  around: Surroundings,
  channel: Channel,
  why: Refusal,
  isHereOnly: boolean = false,
): void {
  const { live, source } = channel;
  for (const watcher of takeWaiting(channel)) {
    close(watcher, why);
  }
  if (live !== null && live.remote !== null && !isHereOnly) {
    live.remote.upstream.end(why);
    if (source !== null) {
      return;
    }
  }
  if (live !== null && live.inlet !== null && source !== null) {
    // Its thread finds out where its present frame ends, and tells.
    return;
  }
  const end = (): void => {
    if (channel.live !== live) {
      // It has ended meanwhile, or another broadcaster has taken the channel over.
      return;
    }
    if (channel.source !== null) {
      channel.source = null;
      source?.close(why);
    }
    endLive(around, channel);
  };
  if (live === null || source === null) {
    end();
  } else {
    endAtFrame(live, end);
  }
}

/** Lets a watcher in, has it wait, or says why neither. */
export function joinChannel(
  { counters, settings }: Surroundings,
  channel: Channel,
  request: Request,
  peer: Peer,
): Watcher | Refusal {
  if (channel.source === null && !request.wait) {
    return refusal("not-live", "the channel is not live");
  }
  if (channel.live !== null && !knowsPassword(channel, request.channelPassword)) {
    return WRONG_PASSWORD;
  }
  const most = settings["max-watchers"];
  if (most > 0 && channel.watchers >= most) {
    counters.watchersRefused++;
    return CROWDED;
  }
  const watcher = newWatcher(channel, request, peer, request.join ?? settings.join);
  count(watcher);
  if (channel.source !== null && channel.live !== null) {
    admit(channel.live, watcher);
  } else {
    channel.waiting.add(watcher);
  }
  return watcher;
}

/** Forgets a watcher that has gone, wherever it is. Harmless when it is nowhere. */
export function leaveChannel(watcher: Watcher): void {
  discount(watcher);
  if (watcher.broadcast !== null) {
    dismiss(watcher.broadcast, watcher);
  } else {
    watcher.channel.waiting.delete(watcher);
  }
}

function knowsPassword(channel: Channel, offered: string | undefined): boolean {
  const { opens, password } = channel;
  return password === "" || (opens?.(offered ?? "") ?? sameSecret(offered ?? "", password));
}
