/**
 * What a load process of watchers counts, and how that becomes its report.
 */
import { newStudio, type Studio } from "../stream/synthetic.ts";
import { pack } from "../verify/histogram.ts";
import { newKnown, type Known } from "../verify/known.ts";
import { newTally, type Tally } from "../verify/tally.ts";
import { check, newWatch, type Watch } from "../verify/verifier.ts";
import { nowUs, sleepUntil } from "./clock.ts";
import { watchPort } from "./places.ts";
import type { Parent, WatchOrder, WatchResult } from "./messages.ts";

/** Milliseconds between two signs of life. */
const PULSE_MS = 500;

export interface Gauge {
  readonly order: WatchOrder;
  readonly studio: Studio;
  readonly tally: Tally;
  readonly knowns: readonly Known[];
  bytes: number;
  /** Watchers that are there now, by channel. */
  readonly present: number[];
  closed: number;
  /** Probes that have not seen a keyframe yet. */
  looking: number;
  /** Counts what has come and not been read yet. */
  catchUp: () => void;
  readonly firstByteMs: number[];
  readonly firstKeyMs: number[];
}

/** One connection's own part. */
export interface Seat {
  readonly gauge: Gauge;
  readonly channel: number;
  /** Where it connects. */
  readonly port: number;
  readonly watch: Watch;
  /** When it began to connect. */
  readonly since: number;
  /** Whether bytes have come. */
  begun: boolean;
  gone: boolean;
}

export function newGauge(order: WatchOrder): Gauge {
  const studio = newStudio(order.plan);
  const channels = Array.from({ length: order.channels }, (_, channel) => channel);
  return {
    order,
    studio,
    tally: newTally(),
    knowns: channels.map((channel) => newKnown(studio, channel)),
    bytes: 0,
    present: channels.map(() => 0),
    closed: 0,
    looking: 0,
    catchUp() {},
    firstByteMs: [],
    firstKeyMs: [],
  };
}

/** A seat of the number `index` in this process; watchers take the channels in turn. */
export function newSeat(gauge: Gauge, index: number): Seat {
  const { first, target } = gauge.order;
  const channels = gauge.knowns.length;
  const channel = (first + index) % channels;
  const port = watchPort(target, channel, Math.floor((first + index) / channels));
  const known = gauge.knowns[channel];
  if (known === undefined) {
    throw new Error("a run has at least one channel");
  }
  const watch = newWatch(known, gauge.tally);
  return { gauge, channel, port, watch, since: nowUs(), begun: false, gone: false };
}

/** Takes the first `length` bytes of `bytes`, which have just come. */
export function take({ gauge, watch }: Seat, bytes: Buffer, length: number): void {
  gauge.bytes += length;
  if (!gauge.order.sink) {
    check(watch, bytes, 0, length, nowUs());
  }
}

/** Tells the parent every now and then that the work goes on. */
export function pulse(gauge: Gauge, parent: Parent): void {
  setInterval(() => {
    const { bytes, present, tally } = gauge;
    const connected = present.reduce((sum, count) => sum + count, 0);
    parent.tell({ kind: "pulse", bytes, connected, faults: tally.faults });
  }, PULSE_MS);
}

/** Measures from the window's beginning to its end, and then until `settled` resolves. */
export async function measure(
  gauge: Gauge,
  parent: Parent,
  settled: (to: number) => Promise<void>,
): Promise<WatchResult> {
  const window = await parent.window;
  Object.assign(gauge.tally.window, window);
  await sleepUntil(window.from);
  gauge.catchUp();
  const [from, bytes, cpu] = [nowUs(), gauge.bytes, process.cpuUsage()];
  const present = [...gauge.present];
  await sleepUntil(window.to);
  gauge.catchUp();
  const [to, more, used] = [nowUs(), gauge.bytes - bytes, process.cpuUsage(cpu)];
  await settled(window.to);
  return {
    kind: "watch-result",
    habit: gauge.order.habit,
    bytes: more,
    seconds: (to - from) / 1e6,
    delivered: gauge.tally.delivered,
    present,
    faults: gauge.tally.faults,
    setups: gauge.tally.setups,
    slices: gauge.tally.slices.map(pack),
    closed: gauge.closed,
    cpuSeconds: (used.user + used.system) / 1e6,
    firstByteMs: gauge.firstByteMs,
    firstKeyMs: gauge.firstKeyMs,
  };
}
