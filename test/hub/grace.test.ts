/**
 * Bytes that would lap somebody too soon are held: for how long, for whom, and what ends it.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { GRACE_MS } from "../../src/core/limits.ts";
import { endLive, goLive, goSilent } from "../../src/hub/channel.ts";
import { bytesSent } from "../../src/hub/watcher.ts";
import { fakeSource, request } from "./fakes.ts";
import { expectAll, expectExact, newStage, type Guest, type Stage } from "./stage.ts";

const RING = 800;

/** A ring that may not grow, full of what a blocked watcher lacks, and one who takes everything. */
function fullRing(changes: Parameters<typeof newStage>[0] = {}) {
  const stage = newStage({ ring: RING, window: RING, coalesce: 0, ...changes });
  const [slow, fast] = [stage.join(0), stage.join()];
  expect(stage.send(RING)).toBe(true);
  return { stage, slow, fast };
}

function wasExpelled(guest: Guest): boolean {
  return guest.told.includes("too-slow");
}

describe("a chunk that would lap a watcher within its grace", () => {
  test("is held, and nobody is left behind or told anything yet", () => {
    const { stage, slow, fast } = fullRing();
    expect(stage.send(100)).toBe(false);
    stage.pass(GRACE_MS - 1);
    expect(stage.broadcast.ring.head).toBe(RING);
    expect([slow.told, fast.told]).toEqual([["admitted"], ["admitted"]]);
    expect(stage.source.readied).toBe(0);
  });

  test("goes in when the watcher drains, and then there is room again", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(100);
    stage.pass(10);
    slow.drain(Infinity);
    expect(stage.source.readied).toBe(1);
    expectAll(stage, slow);
    expectAll(stage, fast);
    stage.pass(1_000);
    expect(stage.source.readied).toBe(1);
    expect(stage.send(100)).toBe(true);
    expect(stage.clock.pending()).toBe(0);
  });

  test("goes in when the grace is over, and the watcher is closed", () => {
    const { stage, slow, fast } = fullRing();
    stage.pass(100);
    expect(stage.send(100)).toBe(false);
    stage.pass(GRACE_MS - 100 - 1);
    expect([stage.source.readied, wasExpelled(slow)]).toEqual([0, false]);
    stage.pass(1);
    expect([stage.source.readied, wasExpelled(slow)]).toEqual([1, true]);
    expectAll(stage, fast);
    expectExact(slow);
    slow.drain(Infinity);
    stage.pass(1_000);
    expect(stage.source.readied).toBe(1);
    expect(stage.clock.pending()).toBe(0);
  });

  test("stays held while the watcher takes too little to make room", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(200);
    slow.drain(199);
    expect(stage.source.readied).toBe(0);
    slow.drain(0);
    expect(stage.source.readied).toBe(0);
    slow.drain(1);
    expect(stage.source.readied).toBe(1);
    expectExact(slow);
    expectAll(stage, fast);
    expect(wasExpelled(slow)).toBe(false);
  });

  test("waits for the slowest of several, whoever drains first", () => {
    const { stage, slow, fast } = fullRing();
    const second = stage.join(0);
    slow.drain(1);
    stage.send(100);
    const third = stage.join(0);
    slow.drain(Infinity);
    expect(stage.source.readied).toBe(1);
    [slow, fast].forEach((guest) => expectAll(stage, guest));
    [second, third].forEach((guest) => guest.drain(Infinity));
    expectAll(stage, second);
    expectAll(stage, third);
  });

  test("does not wait for a watcher that has left", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(100);
    slow.leave();
    stage.pass(GRACE_MS);
    expect(stage.source.readied).toBe(1);
    expectAll(stage, fast);
    expect(slow.told).toEqual(["admitted"]);
  });

  test("is large: as much of it as fits goes out to the others meanwhile", () => {
    const stage = newStage({ ring: RING, window: RING, coalesce: 0 });
    const [slow, fast] = [stage.join(0), stage.join()];
    stage.send(10);
    expect(stage.send(RING)).toBe(false);
    expect(fast.taken).toBeGreaterThan(RING / 2);
    slow.drain(Infinity);
    expectAll(stage, slow);
    expectAll(stage, fast);
  });

  test("is larger than the ring: it goes in piece by piece, as room comes", () => {
    const { stage, slow, fast } = fullRing();
    expect(stage.send(5 * RING)).toBe(false);
    for (let taken = 0; stage.source.readied === 0; taken += 50) {
      expect(taken).toBeLessThan(6 * RING);
      slow.drain(50);
      stage.pass(1);
    }
    slow.drain(Infinity);
    stage.pass(5);
    expectAll(stage, slow);
    expectAll(stage, fast);
    expect(stage.source.readied).toBe(1);
  });

  test("lets those who come meanwhile begin with the next byte that goes in", () => {
    const { stage, slow } = fullRing();
    stage.send(100);
    const late = stage.join();
    slow.drain(Infinity);
    expect(late.from).toBe(RING);
    expectAll(stage, late);
  });
});

describe("when bytes are held", () => {
  test("a takeover lets them in at once, and the new stream begins behind them", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(100);
    const second = fakeSource();
    goLive(stage.around, stage.channel, request("broadcast"), second);
    expect(wasExpelled(slow)).toBe(true);
    expectAll(stage, fast);
    expect(stage.send(100)).toBe(true);
    expectAll(stage, fast);
    stage.pass(1_000);
    expect(stage.source.told).toEqual(["busy"]);
    expect([stage.source.readied, second.readied]).toEqual([0, 0]);
  });

  test("the end of the broadcast lets them in at once, before the clean close", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(100);
    endLive(stage.around, stage.channel);
    expect(wasExpelled(slow)).toBe(true);
    expectAll(stage, fast);
    expect(fast.told).toEqual(["admitted", "closed"]);
    expect(stage.clock.pending()).toBe(0);
  });

  test("a broadcaster that goes is not told that there is room, and nothing of it is lost", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(100);
    goSilent(stage.around, stage.channel, stage.source);
    stage.pass(50);
    slow.drain(Infinity);
    expectAll(stage, slow);
    expectAll(stage, fast);
    stage.pass(1_000);
    expect([stage.source.readied, stage.source.told]).toEqual([0, []]);
  });

  test("a broadcaster that returns goes on behind them", () => {
    const { stage, slow, fast } = fullRing();
    stage.send(100);
    goSilent(stage.around, stage.channel, stage.source);
    goLive(stage.around, stage.channel, request("broadcast"), fakeSource());
    expect(stage.send(100)).toBe(true);
    expectAll(stage, fast);
    expect(wasExpelled(slow)).toBe(true);
  });
});

describe("the grace", () => {
  test("of a byte counts from its own arrival, however long before those around it came", () => {
    const stage = newStage({ ring: RING, window: RING, coalesce: 0 });
    const fast = stage.join();
    stage.send(50);
    stage.pass(1_000);
    const slow = stage.join(0);
    expect(stage.send(RING - 50)).toBe(true);
    expect(stage.send(100)).toBe(false);
    stage.pass(GRACE_MS - 1);
    expect(wasExpelled(slow)).toBe(false);
    slow.drain(Infinity);
    expectAll(stage, slow);
    expectAll(stage, fast);
  });

  test("of one watcher does not end with another's", () => {
    const stage = newStage({ ring: RING, window: RING, coalesce: 0 });
    const [old, fast] = [stage.join(0), stage.join()];
    stage.send(100);
    stage.pass(1_000);
    const young = stage.join(0);
    stage.send(RING - 100);
    expect(stage.send(RING / 4)).toBe(false);
    expect([old, young].map(wasExpelled)).toEqual([true, false]);
    young.drain(Infinity);
    expectAll(stage, young);
    expectAll(stage, fast);
  });

  test("holds in rings whose length is no multiple of eight, wherever chunks end", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 40, size: "max" });
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 90 }), sizes, (ring, chunks) => {
        const stage = newStage({ ring, window: ring, coalesce: 0 });
        stage.send(7);
        stage.pass(10 * GRACE_MS);
        const slow = stage.join(0);
        for (const size of chunks) {
          if (stage.sent + size - slow.from > ring) {
            expect(stage.send(size)).toBe(false);
            break;
          }
          expect(stage.send(size)).toBe(true);
        }
        expect(slow.told).toEqual(["admitted"]);
      }),
    );
  });

  test("never holds a stream that takes longer than that to fill its ring", () => {
    for (let from = 0; from < RING; from += 7) {
      const stage = newStage({ ring: RING, window: RING, coalesce: 0 });
      const fast = stage.join();
      stage.send(from);
      stage.pass(10 * GRACE_MS);
      const slow = stage.join(0);
      let turns = 0;
      while (!wasExpelled(slow)) {
        expect(stage.send(RING / 80)).toBe(true);
        stage.pass(GRACE_MS / 40);
        expect(++turns).toBeLessThan(100);
      }
      expect(stage.source.readied).toBe(0);
      expectAll(stage, fast);
    }
  });

  test("never lasts longer than that, even for many who lag one behind the other", () => {
    const stage = newStage({ ring: RING, window: RING, coalesce: 0, stall: 60_000 });
    const fast = stage.join();
    const slow = Array.from({ length: 40 }, () => {
      const guest = stage.join(0);
      stage.send(RING / 40);
      stage.pass(1);
      return guest;
    });
    expect(stage.send(RING)).toBe(false);
    stage.pass(GRACE_MS);
    expect(stage.source.readied).toBe(1);
    expect(slow.every(wasExpelled)).toBe(true);
    expectAll(stage, fast);
  });
});

test("whoever stays loses and repeats nothing, however often bytes are held", () => {
  const turn = fc.record({
    size: fc.integer({ min: 1, max: 3 * RING }),
    eats: fc.array(fc.nat(RING), { maxLength: 20, size: "max" }),
    ms: fc.nat(40),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 20, size: "max" }), (turns) => {
      const stage: Stage = newStage({ ring: RING, window: RING });
      const guests = [stage.join(0), stage.join(100), stage.join(), stage.join(3 * RING)];
      let asked = 0;
      for (const { size, eats, ms } of turns) {
        if (stage.broadcast.held === null) {
          asked += stage.send(size) ? 0 : 1;
        }
        for (const [i, bytes] of eats.entries()) {
          guests[i % 2]?.drain(bytes);
          stage.pass(ms);
        }
        expect(asked - stage.source.readied).toBe(stage.broadcast.held === null ? 0 : 1);
      }
      stage.pass(2 * GRACE_MS);
      guests.filter((guest) => !wasExpelled(guest)).forEach((guest) => guest.drain(Infinity));
      stage.pass(10);
      expect(stage.source.readied).toBe(asked);
      for (const guest of guests) {
        expectExact(guest);
        expect(bytesSent(guest.watcher)).toBe(guest.taken);
        expect(wasExpelled(guest) || guest.taken === stage.sent).toBe(true);
      }
      expect(guests.slice(2, 3).some(wasExpelled)).toBe(false);
    }),
  );
});
