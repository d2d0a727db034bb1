/**
 * How many channels of one user are on air.
 *
 *     bob ──► main, side, …      live or lingering, in the order in which they went on air
 *
 * Watchers who wait for a channel count for nothing here: anyone may wait for any name, and must not
 * use up what is the user's. Invariant: a channel stands here exactly while it has a live broadcast,
 * and a user exactly while one of its channels does.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import type { Channel, ChannelSettings, HubCounters } from "./model.ts";

export interface Quota {
  /**
   * Says why `channel` may not go on air; null where it may. Where its user has all that one may have, one that merely
   * lingers is ended in its favour: its ring is what the limit is there for.
   */
  makeWay(channel: Channel): Refusal | null;
  /** To be called when `channel` may have gone on air, or off. */
  note(channel: Channel): void;
}

const FULL = refusal("limit", "the user has all the channels on air that one may have");

export function newQuota(
  settings: ChannelSettings,
  counters: HubCounters,
  end: (channel: Channel) => void,
): Quota {
  const onAir = new Map<string, Set<Channel>>();
  return {
    makeWay(channel) {
      const most = settings["max-channels-per-user"];
      const others = onAir.get(channel.user);
      if (most === 0 || others === undefined || others.has(channel) || others.size < most) {
        return null;
      }
      // More than one only where the limit has been lowered.
      const excess = others.size - most + 1;
      const lingering = [...others].filter(({ source }) => source === null).slice(0, excess);
      if (lingering.length < excess) {
        counters.channelsRefused++;
        return FULL;
      }
      lingering.forEach(end);
      return null;
    },
    note(channel) {
      const { user } = channel;
      const all = onAir.get(user) ?? new Set();
      if (channel.live === null) {
        all.delete(channel);
      } else {
        all.add(channel);
      }
      if (all.size === 0) {
        onAir.delete(user);
      } else {
        onAir.set(user, all);
      }
    },
  };
}
