/**
 * The connections of all threads, counted in shared memory, so that each thread knows at once whether
 * there is a place for one more.
 *
 *     lock │ open 0 │ open 1 │ …               how many each thread has
 *          │ silent 0 │ silent 1 │ …           how many of them have not said what they want
 *     slot      0      1      2      3
 *            ┌──────┬──────┬──────┬──────┐
 *     keys   │ a,a' │  –   │ b,b' │ c,c' │   two hashes of a place, which has one of the RUN slots from
 *            ├──────┼──────┼──────┼──────┤   where the first one leads
 *     counts │  3   │  0   │  1   │  0   │   of thread 0
 *            │  1   │  0   │  0   │  2   │   of thread 1
 *            └──────┴──────┴──────┴──────┘
 *
 * Places are taken and left under a lock, for some hundred nanoseconds and never on a byte's way. A
 * thread that is no more takes its row along. Two places with the same 64 bits would count as one; the
 * seed is another one in each process.
 */
import type { Census } from "../server/census.ts";

/** Several for each connection that a process may have, so that a free one is always near. */
const SLOTS = 98_304;

/** Slots that a place may have one of. With a fifth of all taken, that all of a run are is past belief. */
const RUN = 64;

/** Turns that a thread waits for the lock before it takes it: whoever had it that long is no more. */
const SPINS_MAX = 100_000_000;

/** Places of the numbers. */
const LOCK = 0;
const SEED = 1;
const OPEN = 2;

/** Memory for the census of `threads` threads. */
export function newCensusMemory(threads: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(4 * (OPEN + 2 * threads + SLOTS * (2 + threads)));
  new Int32Array(memory)[SEED] = Math.floor(Math.random() * 2 ** 31);
  return memory;
}

/** The census as one thread sees it. */
export function censusOf(memory: SharedArrayBuffer, threads: number, self: number): Census {
  const numbers = new Int32Array(memory);
  const seed = numbers[SEED] ?? 0;
  const silent = OPEN + threads;
  const keys = silent + threads;
  const counts = keys + 2 * SLOTS;
  const countAt = (thread: number, slot: number): number => counts + thread * SLOTS + slot;

  const sumAt = (slot: number): number => {
    let sum = 0;
    for (let thread = 0; thread < threads; thread++) {
      sum += numbers[countAt(thread, slot)] ?? 0;
    }
    return sum;
  };

  /** The slot of a place, or the one that it may take: there are five for each connection. */
  const slotOf = (place: string): number => {
    const low = Bun.hash.xxHash32(place, seed) | 0;
    const high = Bun.hash.xxHash32(place, ~seed >>> 0) | 0;
    const first = (low >>> 0) % (SLOTS - RUN);
    let free = first;
    for (let slot = first + RUN - 1; slot >= first; slot--) {
      const at = keys + 2 * slot;
      if (numbers[at] === low && numbers[at + 1] === high) {
        return slot;
      }
      free = sumAt(slot) === 0 ? slot : free;
    }
    numbers[keys + 2 * free] = low;
    numbers[keys + 2 * free + 1] = high;
    return free;
  };

  const locked = <Result>(work: () => Result): Result => {
    for (let spins = 0; Atomics.compareExchange(numbers, LOCK, 0, 1) !== 0; spins++) {
      if (spins > SPINS_MAX) {
        break;
      }
    }
    try {
      return work();
    } finally {
      Atomics.store(numbers, LOCK, 0);
    }
  };

  const change = (place: string, by: 1 | -1): void =>
    locked(() => {
      const at = countAt(self, slotOf(place));
      numbers[at] = Math.max((numbers[at] ?? 0) + by, 0);
    });

  const sumFrom = (first: number): number => {
    let sum = 0;
    for (let thread = 0; thread < threads; thread++) {
      sum += Atomics.load(numbers, first + thread);
    }
    return sum;
  };

  return {
    opened: () => void Atomics.add(numbers, OPEN + self, 1),
    closed: () => void Atomics.sub(numbers, OPEN + self, 1),
    all: () => sumFrom(OPEN),
    silent: (by) => void Atomics.add(numbers, silent + self, by),
    allSilent: () => sumFrom(silent),
    take: (place) => change(place, 1),
    leave: (place) => change(place, -1),
    countOf: (place) => locked(() => sumAt(slotOf(place))),
  };
}

/** Forgets what a thread had that is no more. */
export function forgetThread(memory: SharedArrayBuffer, threads: number, thread: number): void {
  const numbers = new Int32Array(memory);
  const row = OPEN + 2 * threads + SLOTS * (2 + thread);
  Atomics.store(numbers, OPEN + thread, 0);
  Atomics.store(numbers, OPEN + threads + thread, 0);
  numbers.fill(0, row, row + SLOTS);
}
