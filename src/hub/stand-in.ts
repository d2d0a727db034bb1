/**
 * What stands in a channel for a broadcaster that is somewhere else: on another thread, or at another
 * node. What becomes of that one becomes of the channel here.
 */
import { endLive, linger, type Surroundings } from "./channel.ts";
import type { Broadcast, Channel } from "./model.ts";
import type { Source } from "./sink.ts";

export interface StandIn {
  /** Its broadcaster has gone; where its node `isLost`, the same one may come back. */
  silence(isLost?: boolean): void;
  /** Its broadcaster has gone, and another one is about to come. */
  giveWay(): void;
  /** It has ended. */
  end(): void;
}

/** The source of a broadcast that nobody sends here. */
export function newAbsentee(): Source {
  return { ready: () => {}, close: () => {} };
}

/** What becomes of `broadcast`, whose `source` is an absentee. */
export function standInFor(
  around: Surroundings,
  channel: Channel,
  broadcast: Broadcast,
  source: Source,
): StandIn {
  const isPresent = (): boolean => channel.live === broadcast;
  return {
    silence(isLost = false) {
      // It may have given way to another one that did not come after all.
      if (isPresent() && (channel.source === source || channel.source === null)) {
        channel.source = null;
        linger(around, channel, isLost);
      }
    },
    giveWay() {
      if (channel.source === source) {
        channel.source = null;
      }
    },
    end() {
      if (isPresent()) {
        channel.source = null;
        endLive(around, channel);
      }
    },
  };
}

/** Of what is noticed here only mistakes are told: who has the broadcaster tells the rest. */
export function toldOfFaults(around: Surroundings): Surroundings {
  return {
    ...around,
    noticed(channel, notice) {
      if (notice.kind === "fault") {
        around.noticed(channel, notice);
      }
    },
  };
}
