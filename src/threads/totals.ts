/**
 * What all threads have counted together, put where a server of one thread has it: in the main thread's
 * own directory and its counters.
 */
import { keyOf, type Directory } from "../hub/directory.ts";
import { newChannel } from "../hub/channel.ts";
import { newTally } from "../hub/counters.ts";
import type { Channel, HubCounters, Tally } from "../hub/model.ts";
import type { AdmissionCounters } from "../server/admission.ts";
import type { Closes } from "../server/witness.ts";
import { addBuckets, addNumbers, type Figures } from "./figures.ts";
import type { Reply } from "./messages.ts";
import type { Registry } from "./registry.ts";

const TALLY = ["bytesIn", "bytesOut", "framesIn", "skips", "ringGrowths"] as const;

/** The main thread counts the others itself: broadcasts and takeovers. */
const HUB = [...TALLY, "watchers", "tooSlow"] as const;

const DOOR = ["connections", "connectionsPerAddress", "handshakes", "bitrate", "networks"] as const;

export interface Totals {
  readonly closes: Closes;
  readonly refused: AdmissionCounters;
  /** Channels that nobody has but those who wait for them. */
  quiet(): readonly Channel[];
  /** Takes the figures of all threads that there are. */
  take(replies: ReadonlyMap<number, Reply>): void;
  /** A thread is no more: what it had counted stays counted. */
  lost(thread: number): void;
}

/** Adds up into `directory` and what is returned. */
export function newTotals(directory: Directory, registry: Registry): Totals {
  const latest = new Map<number, Figures>();
  const over: Figures[] = [];
  const closes: Closes = new Map();
  let quiet: readonly Channel[] = [];
  const refused = {
    connections: 0,
    connectionsPerAddress: 0,
    handshakes: 0,
    bitrate: 0,
    networks: 0,
  };
  return {
    closes,
    refused,
    quiet: () => quiet,
    take(replies) {
      for (const [thread, reply] of replies) {
        if (reply.kind === "figures") {
          latest.set(thread, reply.figures);
        }
      }
      const all = [...over, ...latest.values()];
      sumHub(directory.counters, all, registry);
      sumDoor(closes, refused, all);
      quiet = sumChannels(directory, [...latest.values()]);
    },
    lost(thread) {
      const last = latest.get(thread);
      latest.delete(thread);
      if (last !== undefined) {
        over.push(last);
      }
    },
  };
}

function sumHub(sum: HubCounters, all: readonly Figures[], registry: Registry): void {
  HUB.forEach((name) => {
    sum[name] = 0;
  });
  for (const buckets of [sum.joinWaits, sum.fanOutLags]) {
    buckets.counts.fill(0);
    buckets.sum = 0;
  }
  for (const { counters } of all) {
    addNumbers(sum, counters, HUB);
    addBuckets(sum.joinWaits, counters.joinWaits);
    addBuckets(sum.fanOutLags, counters.fanOutLags);
  }
  sum.takeovers = registry.counters.takeovers;
  sum.watchersRefused = registry.guests.refused.watchers;
  sum.channelsRefused = registry.counters.channelsRefused;
}

function sumDoor(closes: Closes, refused: AdmissionCounters, all: readonly Figures[]): void {
  closes.clear();
  DOOR.forEach((name) => {
    refused[name] = 0;
  });
  for (const figures of all) {
    figures.closes.forEach(([reason, count]) =>
      closes.set(reason, (closes.get(reason) ?? 0) + count),
    );
    addNumbers(refused, figures.refused, DOOR);
  }
}

interface ChannelSum {
  readonly user: string;
  readonly name: string;
  readonly tally: Tally;
  watchers: number;
  waiting: number;
}

/** Puts the sums into the channels of `directory`, and returns those that only wait, on other threads. */
function sumChannels(directory: Directory, all: readonly Figures[]): Channel[] {
  const sums = new Map<string, ChannelSum>();
  for (const { channels } of all) {
    for (const { channel: name, tally, user, waiting, watchers } of channels) {
      const key = keyOf(user, name);
      const sum = sums.get(key) ?? { user, name, tally: newTally(), watchers: 0, waiting: 0 };
      sums.set(key, sum);
      addNumbers(sum.tally, tally, TALLY);
      sum.watchers += watchers;
      sum.waiting += waiting;
    }
  }
  const channelOf = ({ name, user }: ChannelSum): Channel =>
    directory.find(user, name) ?? newChannel(user, name);
  const channels = Array.from(sums.values(), (sum) => {
    const channel = channelOf(sum);
    Object.assign(channel.tally, sum.tally);
    channel.watchers = sum.watchers;
    channel.waitingElsewhere = sum.waiting;
    return channel;
  });
  return channels.filter(({ name, user }) => directory.find(user, name) === undefined);
}
