/**
 * The ring against the plainest model there is: an array of everything that was ever appended.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { append, grow, indexOf, newRing, type Ring } from "../../src/hub/ring.ts";
import { expectSame } from "./stage.ts";

/** What the ring holds, byte by byte as its invariant says. */
function contents(ring: Ring): Uint8Array {
  const held = new Uint8Array(ring.head - ring.tail);
  for (let offset = ring.tail; offset < ring.head; offset++) {
    held[offset - ring.tail] = ring.bytes[offset % ring.capacity] ?? 0;
  }
  return held;
}

/** An append of a part of what fits, or growth by some bytes. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ more: fc.integer({ min: 1, max: 70 }) }) },
);

test("any sequence of appends and grows keeps every byte that is held at its own offset", () => {
  const start = fc.integer({ min: 1, max: 70 });
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 60, size: "max" }), (capacity, steps) => {
      const ring = newRing(capacity);
      const all: number[] = [];
      let tail = 0;
      for (const action of steps) {
        if ("part" in action) {
          const length = Math.round(action.part * ring.capacity);
          const chunk = Uint8Array.from({ length }, (_, i) => (all.length + i) * 7 + 1);
          append(ring, chunk);
          all.push(...chunk);
          tail = Math.max(tail, all.length - ring.capacity);
        } else {
          grow(ring, ring.capacity + action.more);
        }
        expect({ head: ring.head, tail: ring.tail }).toEqual({ head: all.length, tail });
        expectSame(contents(ring), Uint8Array.from(all.slice(tail)));
      }
    }),
    { numRuns: 300 },
  );
});

test("a ring of every size up to 40 keeps its bytes through several turns", () => {
  for (let capacity = 1; capacity <= 40; capacity++) {
    const ring = newRing(capacity);
    for (let offset = 0; offset < 4 * capacity; offset++) {
      append(ring, Uint8Array.of(offset));
      const held = Math.min(offset + 1, capacity);
      const newest = Uint8Array.from({ length: held }, (_, i) => offset + 1 - held + i);
      expectSame(contents(ring), newest);
    }
  }
});

test("growth brings nothing back that was overwritten, and loses nothing that was not", () => {
  const ring = newRing(4);
  append(ring, Uint8Array.of(1, 2, 3));
  append(ring, Uint8Array.of(4, 5, 6));
  grow(ring, 7);
  expect([ring.tail, ring.head, ring.capacity]).toEqual([2, 6, 7]);
  expect([...contents(ring)]).toEqual([3, 4, 5, 6]);
  append(ring, Uint8Array.of(7, 8, 9));
  expect([...contents(ring)]).toEqual([3, 4, 5, 6, 7, 8, 9]);
});

test("the index of an offset is its exact remainder, up to petabytes", () => {
  const capacity = fc.integer({ min: 1, max: 2 ** 30 });
  const offset = fc.oneof(fc.nat(1_000), fc.integer({ min: 0, max: 2 ** 52 }));
  fc.assert(
    fc.property(capacity, offset, (length, any) => {
      const ring = { ...newRing(0), capacity: length };
      // Rounding would show beside a multiple of the capacity first.
      const turn = any - (any % length);
      for (const at of [any, turn, turn + 1, Math.max(turn - 1, 0)]) {
        expect(indexOf(ring, at)).toBe(Number(BigInt(at) % BigInt(length)));
      }
    }),
  );
});

test("offsets far beyond 32 bits still find their bytes after growth", () => {
  const ring = newRing(10);
  ring.head = 2 ** 45 + 3;
  ring.tail = ring.head;
  append(ring, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  grow(ring, 23);
  append(ring, Uint8Array.of(9, 10));
  expect([...contents(ring)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("the chunk may be reused as soon as it is appended", () => {
  const ring = newRing(8);
  const chunk = Uint8Array.of(1, 2, 3);
  append(ring, chunk);
  chunk.fill(0);
  expect([...contents(ring)]).toEqual([1, 2, 3]);
});

test("the bytes lie in shared memory, before and after growth", () => {
  const ring = newRing(8);
  expect(ring.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  grow(ring, 16);
  expect(ring.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(ring.bytes.length).toBe(16);
});
