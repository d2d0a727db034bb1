/**
 * Rates of channels: once a second what a channel has received and sent in all is noted, and the
 * difference is the rate of that second.
 *
 *     entry      0     1     2            179
 *              ┌─────┬─────┬─────┬──────┬─────┐
 *     bitsIn   │ 2.1M│ 2.0M│ 1.9M│  …   │ 2.0M│   bits a second
 *     bitsOut  │  1G │  1G │  1G │  …   │  1G │
 *              └─────┴─────┴─────┴──────┴─────┘
 *                       ▲ next: the oldest goes
 *
 * Only what is on air or lingers has a history. Nothing here is called by the media path.
 */
import type { Clock } from "../core/clock.ts";
import type { Channel } from "../hub/model.ts";
import type { Server } from "../server/server.ts";
import type { RatePoint } from "../protocol/status.ts";

/** Milliseconds between two entries. */
export const RATE_STEP_MS = 1_000;

/** Entries that are kept: three minutes, for a small plot. */
const RATES_KEPT = 180;

/** Entries that a present rate is the mean of: a keyframe's second looks like any other then. */
const RATES_MEANT = 3;

export interface Rates {
  /** The rates of late; zeros where nothing is known. */
  now(channel: Channel): RatePoint;
  /** Oldest first. */
  history(channel: Channel): RatePoint[];
  /** Of all channels together. */
  all(): RatePoint;
  stop(): void;
}

interface History {
  readonly bitsIn: Float64Array;
  readonly bitsOut: Float64Array;
  count: number;
  /** The totals at the last look. */
  received: number;
  sent: number;
  sampledAt: number;
}

const NONE: RatePoint = { bitsIn: 0, bitsOut: 0 };

/** Begins to look at the channels of `directory` once a second. */
export function newRates(clock: Clock, { directory, elsewhere }: Server): Rates {
  const histories = new Map<Channel, History>();
  const sample = async (): Promise<void> => {
    await elsewhere?.refresh();
    const now = clock.now();
    for (const channel of directory.list()) {
      note(histories, channel, now);
    }
    for (const [channel, { sampledAt }] of histories) {
      if (sampledAt !== now) {
        histories.delete(channel);
      }
    }
    cancel = stopped ? cancel : clock.after(RATE_STEP_MS, () => void sample());
  };
  let stopped = false;
  let cancel = clock.after(RATE_STEP_MS, () => void sample());
  const now = (channel: Channel): RatePoint => {
    const history = histories.get(channel);
    return history === undefined ? NONE : mean(points(history, RATES_MEANT));
  };
  return {
    now,
    history(channel) {
      const history = histories.get(channel);
      return history === undefined ? [] : points(history, RATES_KEPT);
    },
    all() {
      const sum = { bitsIn: 0, bitsOut: 0 };
      for (const channel of histories.keys()) {
        const { bitsIn, bitsOut } = now(channel);
        sum.bitsIn += bitsIn;
        sum.bitsOut += bitsOut;
      }
      return sum;
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}

function note(histories: Map<Channel, History>, channel: Channel, now: number): void {
  const { bytesIn, bytesOut } = channel.tally;
  if (channel.live === null) {
    return;
  }
  const history = histories.get(channel);
  if (history === undefined) {
    histories.set(channel, {
      bitsIn: new Float64Array(RATES_KEPT),
      bitsOut: new Float64Array(RATES_KEPT),
      count: 0,
      received: bytesIn,
      sent: bytesOut,
      sampledAt: now,
    });
    return;
  }
  const toBits = 8_000 / Math.max(now - history.sampledAt, 1);
  const place = history.count % RATES_KEPT;
  history.bitsIn[place] = (bytesIn - history.received) * toBits;
  history.bitsOut[place] = (bytesOut - history.sent) * toBits;
  history.count++;
  history.received = bytesIn;
  history.sent = bytesOut;
  history.sampledAt = now;
}

function points({ bitsIn, bitsOut, count }: History, most: number): RatePoint[] {
  const length = Math.min(count, most, RATES_KEPT);
  return Array.from({ length }, (_, i) => {
    const place = (count - length + i) % RATES_KEPT;
    return { bitsIn: Math.round(bitsIn[place] ?? 0), bitsOut: Math.round(bitsOut[place] ?? 0) };
  });
}

function mean(rates: readonly RatePoint[]): RatePoint {
  const share = 1 / Math.max(rates.length, 1);
  const sum = { bitsIn: 0, bitsOut: 0 };
  for (const { bitsIn, bitsOut } of rates) {
    sum.bitsIn += bitsIn * share;
    sum.bitsOut += bitsOut * share;
  }
  return { bitsIn: Math.round(sum.bitsIn), bitsOut: Math.round(sum.bitsOut) };
}
