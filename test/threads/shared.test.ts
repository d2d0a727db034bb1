/**
 * A ring that one thread writes while another sends from it: no torn byte goes out unnoticed.
 */
import { expect, test } from "bun:test";
import { request } from "../hub/fakes.ts";
import { newChannel } from "../../src/hub/channel.ts";
import { newRing, type Ring } from "../../src/hub/ring.ts";
import { add, flush, LAPPED, newRoster } from "../../src/hub/roster.ts";
import { isLapped, newInlet, newOutlet, type Inlet, type News } from "../../src/hub/shared.ts";
import { newWatcher } from "../../src/hub/watcher.ts";
import { patternAt } from "./pattern.ts";
import type { Race } from "./racer.ts";

const FLUSHES = 2_000_000;

/** Bytes that a sink takes at once, at most: so a flush is short, and there may be millions. */
const TAKEN_MAX = 700;

interface Racing extends Disposable {
  readonly inlet: Inlet;
  readonly ring: Ring;
}

/** A ring that another thread writes at full speed. */
async function race(capacity: number): Promise<Racing> {
  const worker = new Worker(new URL("racer.ts", import.meta.url).href);
  const stop = new SharedArrayBuffer(4);
  const begun = new Promise<Racing>((resolve) => {
    worker.addEventListener("message", ({ data }) => {
      const { news, stream } = data;
      if (data !== "done" && news.kind === "ring") {
        const inlet = newInlet(
          stream,
          1,
          0,
          () => {},
          () => {},
        );
        inlet.generation = news.generation;
        const ring: Ring = {
          ...newRing(0),
          bytes: new Uint8Array(news.bytes),
          guard: inlet.guard,
          capacity,
        };
        resolve({
          inlet,
          ring,
          [Symbol.dispose]() {
            Atomics.store(new Int32Array(stop), 0, 1);
            worker.terminate();
          },
        });
      }
    });
  });
  worker.postMessage({ capacity, stop } satisfies Race);
  return begun;
}

/** A roster with one watcher, whose sink keeps what it has taken since `clear`. */
function newReader() {
  const roster = newRoster();
  const taken = new Uint8Array(2 * TAKEN_MAX);
  let length = 0;
  const sink = {
    write(_: number, bytes: Uint8Array, offset: number, offered: number): number {
      const short = Math.min(offered, TAKEN_MAX);
      // As the kernel does: what is there at this moment.
      taken.set(bytes.subarray(offset, offset + short), length);
      length += short;
      return short;
    },
  };
  const peer = { sink, handle: 0, attendant: { admitted() {}, close() {} } };
  add(roster, newWatcher(newChannel("bob", ""), request("watch"), peer, "raw"), 0);
  return {
    roster,
    clear: () => void (length = 0),
    isRight: (from: number) =>
      Buffer.compare(taken.subarray(0, length), patternAt(from, length)) === 0,
  };
}

for (const capacity of [16 * 1024, 256 * 1024]) {
  test(`${FLUSHES} writes from ${capacity} bytes that are overwritten meanwhile: what is wrong is noticed`, async () => {
    using racing = await race(capacity);
    const { inlet, ring } = racing;
    const { clear, isRight, roster } = newReader();
    const found = { right: 0, wrong: 0, lapped: 0, wrongAndLapped: 0 };
    for (let round = 0; round < FLUSHES; round++) {
      const head = inlet.head();
      // Now close behind the writer, now where it is about to write.
      const from = Math.max(head - ((round * 7_919) % capacity), 0);
      roster.cursors[0] = from;
      clear();
      const result = flush(roster, 0, ring, head);
      if (result === LAPPED) {
        found.lapped++;
        found.wrongAndLapped += isRight(from) ? 0 : 1;
      } else if (result > 0) {
        found.right += isRight(from) ? 1 : 0;
        found.wrong += isRight(from) ? 0 : 1;
      }
    }
    expect(found.wrong).toBe(0);
    expect(found.right).toBeGreaterThan(FLUSHES / 100);
    // Without these there was no race.
    expect(found.wrongAndLapped).toBeGreaterThan(0);
  }, 120_000);
}

/** A stream with its owner's and a reader's side, on one thread. */
function pair() {
  const woken: number[] = [];
  const news: News[] = [];
  const wake = (thread: number): void => void woken.push(thread);
  const tell = (_: number, each: News): void => void news.push(each);
  const outlet = newOutlet({ id: 1, copyId: 2, threads: 3, self: 0, wake, tell });
  const inlet = newInlet(outlet.stream, 1, 0, wake, () => {});
  outlet.renew(newRing(4096));
  newInlet(outlet.stream, 2, 0, wake, () => {}).heard();
  inlet.heard();
  inlet.generation = 1;
  return { inlet, news, outlet, woken };
}

test("a reader is woken once until it has looked, and only while it has watchers", () => {
  const { inlet, outlet, woken } = pair();
  outlet.publish(10, true);
  expect(woken).toEqual([]);
  inlet.want(true);
  outlet.publish(20, true);
  outlet.publish(30, true);
  expect(woken).toEqual([1]);
  expect(inlet.head()).toBe(30);
  outlet.publish(40, true);
  expect(woken).toEqual([1, 1]);
  inlet.want(false);
  expect(inlet.head()).toBe(40);
  outlet.publish(50, true);
  expect(woken).toEqual([1, 1]);
});

test("a reader has no head before it has the ring that the bytes are in", () => {
  const { inlet, news, outlet } = pair();
  outlet.publish(10, true);
  outlet.renew(newRing(8192));
  expect(inlet.head()).toBe(-1);
  outlet.publish(20, true);
  expect(inlet.head()).toBe(-1);
  expect(news.map(({ kind }) => kind)).toEqual(["ring", "ring"]);
  inlet.generation = 2;
  expect(inlet.head()).toBe(20);
});

test("the owner waits for a thread that has not heard of the broadcast: it may have some who wait", () => {
  const outlet = newOutlet({
    id: 1,
    copyId: 2,
    threads: 2,
    self: 0,
    wake: () => {},
    tell: () => {},
  });
  expect(outlet.floor()).toBe(0);
  const inlet = newInlet(
    outlet.stream,
    1,
    0,
    () => {},
    () => {},
  );
  expect(outlet.floor()).toBe(0);
  inlet.heard();
  expect(outlet.floor()).toBe(Infinity);
});

test("the owner waits for the slowest of those who have watchers, unless it has given them up", () => {
  const { inlet, outlet, woken } = pair();
  expect(outlet.floor()).toBe(Infinity);
  outlet.publish(1_000, true);
  inlet.want(true);
  inlet.report(400);
  expect(outlet.floor()).toBe(0);
  inlet.report(10_000);
  expect(outlet.floor()).toBe(10_000 - 4096);
  outlet.abandon(20_000);
  expect(outlet.floor()).toBe(Infinity);
  inlet.report(30_000);
  expect(outlet.floor()).toBe(30_000 - 4096);
  woken.length = 0;
  outlet.hunger(true);
  // Whoever may be in the way is asked, and answers once until it is heard.
  expect(woken).toEqual([1]);
  inlet.report(40_000);
  inlet.report(50_000);
  expect(woken).toEqual([1, 0]);
  outlet.heard();
  inlet.report(60_000);
  expect(woken).toEqual([1, 0, 0]);
  inlet.want(false);
  expect(outlet.floor()).toBe(Infinity);
});

test("frames come over in order; of more than there is room for, the newest", () => {
  const { inlet, outlet } = pair();
  const seen: number[] = [];
  const look = (): number[] => {
    seen.length = 0;
    seen.push(...inlet.frames.subarray(0, inlet.newFrames()));
    return seen;
  };
  [5, 9, 12].forEach((offset) => outlet.frame(offset));
  expect(look()).toEqual([5, 9, 12]);
  expect(look()).toEqual([]);
  for (let offset = 100; offset < 5_100; offset++) {
    outlet.frame(offset);
  }
  expect(look()).toHaveLength(512);
  expect(seen.at(-1)).toBe(5_099);
  expect(look()).toEqual([]);
});

test("the edge is exact to a page, beyond 16 TiB too", () => {
  const { inlet, outlet } = pair();
  for (const base of [0, 2 ** 43, 2 ** 44, 2 ** 50]) {
    outlet.announce(base + 4096 * 3);
    expect(isLapped(inlet.guard, base + 4096 * 3 - 1)).toBe(true);
    expect(isLapped(inlet.guard, base + 4096 * 3)).toBe(false);
    expect(inlet.tail(base + 4096 * 10)).toBe(base + 4096 * 3);
    outlet.announce(base + 4096 * 3 + 1);
    expect(isLapped(inlet.guard, base + 4096 * 3)).toBe(true);
  }
});
