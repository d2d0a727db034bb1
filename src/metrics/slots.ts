/**
 * Which channels have series of their own:
 *
 *     first seen ──► on air, and a slot is free? ──yes──► labelled, as long as the channel exists
 *                         │ no
 *                         └──► has counted something? ──yes──► among the others, as long as it exists
 *                                   └─ no: asked again at the next scrape
 *
 * The others are all there is less what is labelled, so nothing is lost or counted twice. Invariant:
 * the others' counters never fall: what has been among them stays there, and a channel that is over
 * adds to them what it had.
 */
import { LABELLED_CHANNELS_MAX } from "../core/limits.ts";
import type { ChannelNumbers, Counts, Levels, Numbers } from "./numbers.ts";

/** The channels of one scrape. */
export interface Division {
  readonly labelled: readonly ChannelNumbers[];
  readonly others: { readonly counts: Counts; readonly levels: Levels };
}

/** Remembers who has a slot from one scrape to the next. */
export function newSlots(most: number = LABELLED_CHANNELS_MAX): (numbers: Numbers) => Division {
  let holders = new Set<object>();
  const others = new WeakSet<object>();

  return ({ channels, counts }) => {
    // Those that are over free their slots first.
    holders = new Set(channels.map((channel) => channel.identity).filter((id) => holders.has(id)));
    for (const channel of channels) {
      const { identity, isOnAir } = channel;
      if (isOnAir && holders.size < most && !others.has(identity)) {
        holders.add(identity);
      } else if (!holders.has(identity) && hasCounted(channel.counts)) {
        others.add(identity);
      }
    }
    const labelled = channels.filter(({ identity }) => holders.has(identity));
    const all = channels.map(({ levels }) => levels);
    const own = labelled.map(({ levels }) => levels);
    return {
      labelled,
      others: {
        counts: labelled.reduce((rest, channel) => less(rest, channel.counts), counts),
        levels: {
          watchers: sum(all, "watchers") - sum(own, "watchers"),
          ringBytes: sum(all, "ringBytes") - sum(own, "ringBytes"),
        },
      },
    };
  };
}

function hasCounted(counts: Counts): boolean {
  return counts.bytesIn > 0 || counts.bytesOut > 0 || counts.skips > 0;
}

function less(from: Counts, counts: Counts): Counts {
  return {
    bytesIn: from.bytesIn - counts.bytesIn,
    bytesOut: from.bytesOut - counts.bytesOut,
    framesIn: from.framesIn - counts.framesIn,
    skips: from.skips - counts.skips,
    ringGrowths: from.ringGrowths - counts.ringGrowths,
  };
}

function sum(levels: readonly Levels[], name: keyof Levels): number {
  return levels.reduce((total, level) => total + level[name], 0);
}
