/**
 * Which channels have series of their own:
 *
 *     first seen ──► on air, and a slot is free? ──yes──► labelled, as long as the channel exists
 *                         │ no
 *                         └──► has counted something? ──yes──► among the others, as long as it exists
 *                                   └─ no: asked again at the next scrape
 *
 * The others are all there is, less what is labelled and what has been. Invariant: the others' counters
 * never fall, and never jump: what has been among them stays there, and a labelled channel that is over
 * takes its counts along, as its series end. So no rate shows a byte twice.
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
  /** Who has a slot, with its counts: they go on being counted to the channel's end. */
  const holders = new Map<object, Counts>();
  const others = new WeakSet<object>();
  let over: Counts = { bytesIn: 0, bytesOut: 0, framesIn: 0, skips: 0, ringGrowths: 0 };

  return ({ channels, counts }) => {
    // Those that are over free their slots first.
    const present = new Set(channels.map(({ identity }) => identity));
    for (const [identity, last] of holders) {
      if (!present.has(identity)) {
        over = combined(over, last, 1);
        holders.delete(identity);
      }
    }
    for (const channel of channels) {
      const { identity, isOnAir } = channel;
      if (isOnAir && holders.size < most && !others.has(identity)) {
        holders.set(identity, channel.counts);
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
        counts: labelled.reduce(
          (rest, channel) => combined(rest, channel.counts, -1),
          combined(counts, over, -1),
        ),
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

function combined(a: Counts, b: Counts, sign: 1 | -1): Counts {
  return {
    bytesIn: a.bytesIn + sign * b.bytesIn,
    bytesOut: a.bytesOut + sign * b.bytesOut,
    framesIn: a.framesIn + sign * b.framesIn,
    skips: a.skips + sign * b.skips,
    ringGrowths: a.ringGrowths + sign * b.ringGrowths,
  };
}

function sum(levels: readonly Levels[], name: keyof Levels): number {
  return levels.reduce((total, level) => total + level[name], 0);
}
