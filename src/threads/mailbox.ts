/**
 * A thread's mailbox in shared memory: numbers of broadcasts that it is to look at.
 *
 *     bell │ next │ 0 │ 17 │ 3 │ 0 │ …
 *             │     │    └────┴─ not read yet
 *             │     └─ the reader's place: read, and 0 again
 *             └─ where the next writer writes
 *
 * Any thread may write, one reads. A writer takes a place, writes there and rings. The reader stops at
 * a 0: whoever has that place has not rung yet. Each broadcast stands here once at most for each
 * thread, so there is room for all: see `wake` in hub/shared.ts.
 *
 * A wake by `Atomics.notify` takes 5 µs on the way where `postMessage` takes 23, and the sender 0.03 µs
 * where that takes 0.35.
 */
import { STREAMS_MAX } from "../core/limits.ts";
import type { Wake } from "../hub/shared.ts";

/** Places of the numbers. */
const BELL = 0;
const NEXT = 1;
const FIRST = 2;

export function newMailbox(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (FIRST + STREAMS_MAX));
}

function ring(places: Int32Array): void {
  Atomics.add(places, BELL, 1);
  Atomics.notify(places, BELL);
}

/** Ways to write to `mailboxes`, by their threads' numbers. */
export function writerTo(mailboxes: readonly SharedArrayBuffer[]): Wake {
  const boxes = mailboxes.map((memory) => new Int32Array(memory));
  /** Threads that have something and have not heard the bell. */
  const due = new Set<number>();
  const ringAll = (): void => {
    boxes.filter((_, thread) => due.has(thread)).forEach(ring);
    due.clear();
  };
  return (thread, id, atOnce) => {
    const places = boxes[thread];
    if (places === undefined) {
      return;
    }
    const next = Atomics.add(places, NEXT, 1) >>> 0;
    Atomics.store(places, FIRST + (next % STREAMS_MAX), id);
    if (atOnce) {
      due.delete(thread);
      ring(places);
      return;
    }
    if (due.size === 0) {
      // Runs when the loop has called the handlers of all sockets that have something.
      setImmediate(ringAll);
    }
    due.add(thread);
  };
}

/** Calls `look` with each number that comes, from now on. A call that throws is told to `failed`. */
export function readMailbox(
  memory: SharedArrayBuffer,
  look: (id: number) => void,
  failed: (error: unknown) => void,
): void {
  const places = new Int32Array(memory);
  // A reader that takes another one's place goes on where that stopped.
  let at = Atomics.load(places, NEXT) >>> 0;
  const lookAt = (id: number): void => {
    try {
      look(id);
    } catch (error) {
      failed(error);
    }
  };
  const empty = (): void => {
    for (;;) {
      const id = Atomics.exchange(places, FIRST + (at % STREAMS_MAX), 0);
      if (id === 0) {
        return;
      }
      at = (at + 1) >>> 0;
      lookAt(id);
    }
  };
  const listen = async (): Promise<void> => {
    for (;;) {
      const rung = Atomics.load(places, BELL);
      empty();
      const { async, value } = Atomics.waitAsync(places, BELL, rung);
      if (async) {
        await value;
      }
    }
  };
  void listen();
}
