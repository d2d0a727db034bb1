/**
 * The roster against a plain list of who is in it, and its write to one watcher.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { newChannel } from "../../src/hub/channel.ts";
import type { Watcher } from "../../src/hub/model.ts";
import { append, newRing } from "../../src/hub/ring.ts";
import { add, cursorAt, flush, lowestCursor, newRoster, remove } from "../../src/hub/roster.ts";
import type { Roster } from "../../src/hub/roster.ts";
import type { Sink } from "../../src/hub/sink.ts";
import { newWatcher } from "../../src/hub/watcher.ts";
import { request, streamBytes } from "./fakes.ts";
import { expectSame } from "./stage.ts";

function watcherOf(handle: number, sink: Sink = { write: () => 0 }): Watcher {
  const attendant = { admitted: () => {}, close: () => {} };
  const peer = { sink, handle, attendant };
  return newWatcher(newChannel("bob", ""), request("watch"), peer, "keyframe");
}

/** What the model knows of one watcher. */
interface Entry {
  readonly watcher: Watcher;
  readonly cursor: number;
  readonly blocked: number;
  readonly movedAt: number;
}

/** What the roster says of the watcher in `slot`. */
function entryAt(roster: Roster, slot: number): object {
  return {
    watcher: roster.watchers[slot],
    cursor: cursorAt(roster, slot),
    blocked: roster.blocked[slot],
    movedAt: roster.movedAt[slot],
    handle: roster.handles[slot],
    sink: roster.sinks[slot],
  };
}

function expectSameAs(roster: Roster, model: readonly Entry[]): void {
  expect(roster.count).toBe(model.length);
  expect(roster.watchers.length).toBe(model.length);
  expect(roster.sinks.length).toBe(model.length);
  for (const entry of model) {
    const { watcher } = entry;
    expect(roster.watchers[watcher.slot] === watcher).toBe(true);
    expect(entryAt(roster, watcher.slot)).toEqual({
      ...entry,
      handle: watcher.handle,
      sink: watcher.sink,
    });
  }
  const head = 1_000;
  const lowest = Math.min(head, ...model.map(({ cursor }) => cursor));
  expect(lowestCursor(roster, head)).toBe(lowest);
}

describe("a roster", () => {
  const coming = fc.record({
    cursor: fc.nat(2_000),
    blocked: fc.nat(1),
    movedAt: fc.nat(5_000),
  });
  const going = fc.record({ who: fc.nat(100) });
  const steps = fc.array(
    fc.oneof({ weight: 3, arbitrary: coming }, { weight: 2, arbitrary: going }),
    { maxLength: 80, size: "max" },
  );

  test("holds who is in it with all that is theirs, in whatever order they come and go", () => {
    fc.assert(
      fc.property(steps, (actions) => {
        const roster = newRoster();
        const model: Entry[] = [];
        let handle = 0;
        for (const action of actions) {
          if ("cursor" in action) {
            const watcher = watcherOf(++handle);
            add(roster, watcher, action.cursor);
            expect(entryAt(roster, watcher.slot)).toMatchObject({ blocked: 0, movedAt: 0 });
            roster.blocked[watcher.slot] = action.blocked;
            roster.movedAt[watcher.slot] = action.movedAt;
            model.push({ ...action, watcher });
          } else if (model.length > 0) {
            const [left] = model.splice(action.who % model.length, 1);
            if (left !== undefined) {
              remove(roster, left.watcher);
              expect(left.watcher.slot).toBe(-1);
            }
          }
          expectSameAs(roster, model);
        }
      }),
    );
  });

  test("grows beyond its first slots without losing anything of anyone", () => {
    const roster = newRoster();
    const model: Entry[] = [];
    for (let i = 0; i < 1_000; i++) {
      const watcher = watcherOf(i);
      add(roster, watcher, i);
      roster.blocked[i] = i % 2;
      roster.movedAt[i] = i * 3;
      model.push({ watcher, cursor: i, blocked: i % 2, movedAt: i * 3 });
    }
    expectSameAs(roster, model);
  });

  test("lets a loop from the last slot to the first remove whom it is at", () => {
    const roster = newRoster();
    const everyone = Array.from({ length: 20 }, (_, i) => watcherOf(i));
    everyone.forEach((watcher) => add(roster, watcher, 0));
    const visited: number[] = [];
    for (let slot = roster.count - 1; slot >= 0; slot--) {
      const watcher = roster.watchers[slot];
      if (watcher !== undefined) {
        visited.push(watcher.handle);
        if (watcher.handle % 3 === 0) {
          remove(roster, watcher);
        }
      }
    }
    expect(visited.toSorted((a, b) => a - b)).toEqual(everyone.map(({ handle }) => handle));
    expect(roster.count).toBe(13);
  });

  test("of nobody has its lowest cursor at the head", () => {
    expect(lowestCursor(newRoster(), 77)).toBe(77);
  });
});

/** A ring of ten bytes that holds the offsets 5 to 15, and one watcher at `cursor`. */
function oneWatcher(cursor: number, write: (length: number) => number) {
  const ring = newRing(10);
  append(ring, streamBytes(0, 10));
  append(ring, streamBytes(10, 15));
  const calls: { handle: number; bytes: Uint8Array }[] = [];
  const roster = newRoster();
  const sink: Sink = {
    write(handle, buffer, offset, length) {
      calls.push({ handle, bytes: buffer.slice(offset, offset + length) });
      return write(length);
    },
  };
  add(roster, watcherOf(42, sink), cursor);
  return { ring, roster, calls };
}

describe("a flush", () => {
  test("offers what the watcher lacks in two pieces where the ring's end lies between", () => {
    const { ring, roster, calls } = oneWatcher(7, (length) => length);
    expect(flush(roster, 0, ring, ring.head)).toBe(8);
    expect(calls.map(({ handle }) => handle)).toEqual([42, 42]);
    expectSame(calls[0]?.bytes ?? new Uint8Array(), streamBytes(7, 10));
    expectSame(calls[1]?.bytes ?? new Uint8Array(), streamBytes(10, 15));
    expect([cursorAt(roster, 0), roster.blocked[0]]).toEqual([15, 0]);
  });

  test("offers nothing more once a write fell short, and the slot is blocked", () => {
    const { ring, roster, calls } = oneWatcher(7, () => 2);
    expect(flush(roster, 0, ring, ring.head)).toBe(2);
    expect(calls.length).toBe(1);
    expect([cursorAt(roster, 0), roster.blocked[0]]).toEqual([9, 1]);
  });

  test("is blocked too when the first piece goes and the second is refused", () => {
    const { ring, roster, calls } = oneWatcher(7, (length) => (length === 3 ? 3 : 0));
    expect(flush(roster, 0, ring, ring.head)).toBe(3);
    expect(calls.length).toBe(2);
    expect([cursorAt(roster, 0), roster.blocked[0]]).toEqual([10, 1]);
  });

  test("stops at the end that it is given", () => {
    const { ring, roster, calls } = oneWatcher(7, (length) => length);
    expect(flush(roster, 0, ring, 12)).toBe(5);
    expect(calls.map(({ bytes }) => bytes.length)).toEqual([3, 2]);
    expect([cursorAt(roster, 0), roster.blocked[0]]).toEqual([12, 0]);
  });

  test("unblocks a slot that lacks nothing, without a write", () => {
    const { ring, roster, calls } = oneWatcher(15, () => 0);
    roster.blocked[0] = 1;
    expect(flush(roster, 0, ring, ring.head)).toBe(0);
    expect(calls).toEqual([]);
    expect(roster.blocked[0]).toBe(0);
  });

  test("says when the peer is gone, and when there is none", () => {
    const { ring, roster } = oneWatcher(7, () => -1);
    expect(flush(roster, 0, ring, ring.head)).toBe(-1);
    expect(flush(roster, 1, ring, ring.head)).toBe(-1);
  });
});
