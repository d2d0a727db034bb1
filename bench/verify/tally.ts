/**
 * What watchers have seen, counted together. Every frame that is not delivered well has one name:
 *
 *     lost        it never came, and what stands around it is whole
 *     torn        it was cut, cut short, or spliced with something else
 *     corrupt     it has its length and its place, but other bytes
 *     repeated    it came again
 *     reordered   it came after a later one
 */
import { newHistogram, record, type Histogram } from "./histogram.ts";

export interface Faults {
  lost: number;
  torn: number;
  corrupt: number;
  repeated: number;
  reordered: number;
  /** Frames of another channel. */
  foreign: number;
}

/** The measured time, in microseconds since the epoch. Frames count by when they are due. */
export interface Window {
  from: number;
  to: number;
}

export interface Tally {
  readonly faults: Faults;
  readonly window: Window;
  /** Frames that were due within the window and came whole, for the first time, to a watcher. */
  delivered: number;
  /** Parameter sets that the relay has put before a frame by itself. */
  setups: number;
  /** From when a frame was due to its last byte, by the part of the window it was due in. */
  readonly slices: Histogram[];
}

/** Parts of the window whose latency is told apart. A plot is not wider than that. */
export const SLICES = 120;

export function newFaults(): Faults {
  return { lost: 0, torn: 0, corrupt: 0, repeated: 0, reordered: 0, foreign: 0 };
}

/** All of them together. */
export function addFaults(all: readonly Faults[]): Faults {
  const sum = newFaults();
  for (const faults of all) {
    sum.lost += faults.lost;
    sum.torn += faults.torn;
    sum.corrupt += faults.corrupt;
    sum.repeated += faults.repeated;
    sum.reordered += faults.reordered;
    sum.foreign += faults.foreign;
  }
  return sum;
}

/** A tally whose window is still to come. */
export function newTally(): Tally {
  return {
    faults: newFaults(),
    window: { from: Infinity, to: Infinity },
    delivered: 0,
    setups: 0,
    slices: Array.from({ length: SLICES }, newHistogram),
  };
}

/** Counts a frame that was due at `due` and has come whole at `now`. */
export function deliver(tally: Tally, due: number, now: number): void {
  const { from, to } = tally.window;
  if (due >= from && due < to) {
    tally.delivered++;
    const slice = tally.slices[Math.floor(((due - from) / (to - from)) * SLICES)];
    if (slice !== undefined) {
      record(slice, now - due);
    }
  }
}
