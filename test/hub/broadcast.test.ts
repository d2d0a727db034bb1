/**
 * One broadcast and those who receive it: that every byte arrives, when, and in how many writes.
 * Those who fall too far behind are in slow.test.ts.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { GRACE_MS } from "../../src/core/limits.ts";
import { finish } from "../../src/hub/broadcast.ts";
import { endLive } from "../../src/hub/channel.ts";
import { bytesSent } from "../../src/hub/watcher.ts";
import {
  expectAll,
  expectExact,
  expectInvariants,
  newStage,
  type Guest,
  type Stage,
} from "./stage.ts";

/** Many sends with some time in between; every watcher but the blocked ones gets each at once. */
function sendAll(stage: Stage, sizes: readonly number[], ms = 50): void {
  for (const size of sizes) {
    expect(stage.send(size)).toBe(true);
    stage.pass(ms);
  }
}

/** One step; `n` is a size, a time, or somebody and how much they take. */
function perform(stage: Stage, guests: Guest[], action: string, n: number): void {
  const somebody = guests[n % guests.length];
  if (action === "send" && stage.broadcast.held === null) {
    stage.send(n);
  } else if (action === "pass") {
    stage.pass(n);
  } else if (action === "join" || action === "joinHungry") {
    guests.push(stage.join(action === "join" ? n : Infinity));
  } else if (action === "drain") {
    somebody?.drain(Math.floor(n / 10));
  } else if (action === "spurious") {
    somebody?.drain(0);
  } else if (action === "leave") {
    somebody?.leave();
  } else if (action === "vanish" && somebody !== undefined) {
    somebody.gone = true;
  }
}

/** Whoever is sent away has stood still long enough, or lacks a byte that nobody had to keep. */
function watchExpulsion(stage: Stage, guest: Guest): void {
  guest.onTold = (word) => {
    expect(word).toBe("too-slow");
    const next = guest.from + guest.taken;
    const lapped = stage.sent - next > stage.broadcast.ring.capacity;
    const age = stage.clock.now() - stage.arrivedAt(next);
    const stalled = guest.blocked && age >= stage.broadcast.settings.stall;
    expect(stalled || (lapped && age >= GRACE_MS)).toBe(true);
  };
}

describe("whatever is sent, taken, drained, joined and left in whatever order", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("send"), n: fc.nat(150) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("pass"), n: fc.nat(400) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("join"), n: fc.nat(200) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("joinHungry"), n: fc.nat(1) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("drain"), n: fc.nat(3_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("spurious"), n: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave"), n: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("vanish"), n: fc.nat(100) }) },
  );
  const options = fc.record({
    coalesce: fc.constantFrom(0, 5, 60),
    ring: fc.integer({ min: 16, max: 100 }),
    window: fc.integer({ min: 16, max: 700 }),
    stall: fc.constantFrom(1_000, 15_000),
  });

  test("everyone gets exactly what was sent from where they joined, until they leave", () => {
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 80, size: "max" }), (settings, steps) => {
        const stage = newStage(settings);
        const guests: Guest[] = [];
        for (const { do: action, n } of steps) {
          const before = guests.length;
          perform(stage, guests, action, n);
          guests.slice(before).forEach((guest) => watchExpulsion(stage, guest));
          guests.forEach(expectExact);
          expectInvariants(stage);
        }
        guests.forEach((guest) => guest.drain(Infinity));
        stage.pass(1_000);
        for (const guest of guests) {
          expectExact(guest);
          if (guest.watcher.broadcast !== null && !guest.gone) {
            expectAll(stage, guest);
          }
          expect(bytesSent(guest.watcher)).toBe(guest.taken);
        }
        expect(stage.source.told).toEqual([]);
        expect(stage.clock.pending()).toBe(0);
      }),
      { numRuns: 400 },
    );
  });
});

test("everyone who keeps up gets a chunk larger than the ring, whole", () => {
  const stage = newStage({ ring: 64, window: 64 });
  const guests = [stage.join(), stage.join()];
  expect(stage.send(1_000)).toBe(true);
  stage.pass(5);
  guests.forEach((guest) => expectAll(stage, guest));
  expect(stage.broadcast.ring.capacity).toBe(64);
});

test("a drain resumes exactly where the last write stopped, and goes on until refused", () => {
  const stage = newStage({ coalesce: 0 });
  const guest = stage.join(10);
  sendAll(stage, [100, 100]);
  expect(guest.taken).toBe(10);
  guest.drain(25);
  expectExact(guest);
  expect(guest.taken).toBe(35);
  guest.drain(Infinity);
  expectAll(stage, guest);
});

test("a drain goes on across the ring's end", () => {
  const stage = newStage({ ring: 100, window: 100, coalesce: 0 });
  const guest = stage.join(20);
  sendAll(stage, [20, 20, 20, 20, 20, 10], 300);
  guest.drain(Infinity);
  expectAll(stage, guest);
  expect(guest.taken).toBe(110);
});

test("nothing is written to a watcher between its refusal and its drain", () => {
  const stage = newStage({ coalesce: 0 });
  const refusing = stage.join(0);
  const short = stage.join(10);
  sendAll(stage, [100, 100, 100]);
  expect([refusing.writes, short.writes]).toEqual([1, 1]);
  refusing.drain(Infinity);
  short.drain(Infinity);
  expect([refusing.writes, short.writes]).toEqual([2, 2]);
  expectAll(stage, refusing);
  expectAll(stage, short);
});

test("a drain that nobody waits for is harmless", () => {
  const stage = newStage({ coalesce: 0 });
  const guest = stage.join();
  guest.drain(0);
  sendAll(stage, [100]);
  guest.drain(0);
  guest.drain(0);
  sendAll(stage, [100]);
  expectAll(stage, guest);
  expect(guest.told).toEqual(["admitted"]);
});

test("a drain before its fan-out has come is harmless too", () => {
  const stage = newStage({ coalesce: 50 });
  const guest = stage.join();
  stage.send(10);
  stage.send(10);
  guest.drain(0);
  stage.send(10);
  stage.pass(50);
  expectAll(stage, guest);
});

test("a peer whose connection has broken is forgotten without a word, unnoticed by others", () => {
  const stage = newStage({ coalesce: 0 });
  const guests = Array.from({ length: 5 }, () => stage.join());
  const [first, , third] = guests;
  sendAll(stage, [100]);
  [first, third].forEach((guest) => guest && (guest.gone = true));
  sendAll(stage, [100, 100]);
  expect(guests.map(({ writes }) => writes)).toEqual([2, 3, 2, 3, 3]);
  expect(guests.every(({ told }) => told.join() === "admitted")).toBe(true);
  guests.filter(({ gone }) => !gone).forEach((guest) => expectAll(stage, guest));
  expect(stage.broadcast.roster.count).toBe(3);
});

test("a blocked peer whose connection has broken is forgotten when its drain finds out", () => {
  const stage = newStage({ coalesce: 0 });
  const guest = stage.join(0);
  sendAll(stage, [100]);
  guest.gone = true;
  guest.drain(0);
  expect(guest.told).toEqual(["admitted"]);
  expect(stage.broadcast.roster.count).toBe(0);
});

test("whoever leaves in the middle of a fan-out takes nobody with them", () => {
  const count = 7;
  for (let leaver = 0; leaver < count; leaver++) {
    for (let during = 0; during < count; during++) {
      const stage = newStage({ coalesce: 0 });
      const guests = Array.from({ length: count }, () => stage.join());
      // A clean end is the moment at which the hub calls out in the middle of a fan-out.
      const leaving = guests[leaver];
      const moment = guests[during];
      if (leaving !== undefined && moment !== undefined) {
        moment.onTold = () => leaving.leave();
      }
      sendAll(stage, [100]);
      const blocked = stage.join(0);
      stage.send(50);
      finish(stage.broadcast, null);
      for (const guest of guests) {
        expectAll(stage, guest);
        expect(guest.told.length).toBeLessThanOrEqual(2);
        expect(guest === leaving || guest.told[1] === "closed").toBe(true);
      }
      blocked.drain(Infinity);
      expectAll(stage, blocked);
      expect(stage.broadcast.roster.count).toBe(0);
    }
  }
});

test("whoever has left gets no further byte and no word", () => {
  const stage = newStage({ coalesce: 0 });
  const [stays, leaves, blocked] = [stage.join(), stage.join(), stage.join(0)];
  sendAll(stage, [100]);
  leaves.leave();
  blocked.leave();
  blocked.drain(Infinity);
  leaves.leave();
  sendAll(stage, [100]);
  endLive(stage.around, stage.channel);
  expectAll(stage, stays);
  expect([leaves.writes, blocked.writes]).toEqual([1, 1]);
  expect([leaves.told, blocked.told]).toEqual([["admitted"], ["admitted"]]);
});

describe("coalescing", () => {
  test("sends at once what comes after a quiet time", () => {
    const stage = newStage({ coalesce: 5 });
    const guest = stage.join();
    for (let i = 1; i <= 10; i++) {
      stage.send(100);
      expect(guest.writes).toBe(i);
      expectAll(stage, guest);
      stage.pass(5);
    }
  });

  test("makes one write of all that comes within the interval", () => {
    const stage = newStage({ coalesce: 5 });
    const guest = stage.join();
    stage.send(100);
    for (let i = 0; i < 4; i++) {
      stage.pass(1);
      stage.send(100);
    }
    expect(guest.writes).toBe(1);
    stage.pass(1);
    expect(guest.writes).toBe(2);
    expectAll(stage, guest);
    stage.pass(100);
    expect(guest.writes).toBe(2);
  });

  test("keeps its interval from one late fan-out to the next", () => {
    const stage = newStage({ coalesce: 5 });
    const guest = stage.join();
    const times: number[] = [];
    for (let ms = 0, writes = 0; ms < 30; ms++) {
      stage.send(10);
      if (guest.writes > writes) {
        writes = guest.writes;
        times.push(ms);
      }
      stage.pass(1);
      if (guest.writes > writes) {
        writes = guest.writes;
        times.push(ms + 1);
      }
    }
    expect(times).toEqual([0, 5, 10, 15, 20, 25, 30]);
    expectAll(stage, guest);
  });

  test("is off at 0: every chunk goes out as it comes", () => {
    const stage = newStage({ coalesce: 0 });
    const guest = stage.join();
    for (let i = 1; i <= 10; i++) {
      stage.send(100);
      expect(guest.writes).toBe(i);
      expectAll(stage, guest);
    }
    expect(stage.clock.pending()).toBe(0);
  });

  test("holds nothing back at the end of a broadcast", () => {
    const stage = newStage({ coalesce: 1_000 });
    const guest = stage.join();
    stage.send(100);
    stage.send(100);
    expect(guest.taken).toBe(100);
    endLive(stage.around, stage.channel);
    expectAll(stage, guest);
    expect(guest.told).toEqual(["admitted", "closed"]);
    expect(stage.clock.pending()).toBe(0);
  });
});

test("bytes are counted as they come in and as they are taken", () => {
  const stage = newStage({ coalesce: 0 });
  stage.join();
  const short = stage.join(30);
  sendAll(stage, [100, 0, 50]);
  const { counters } = stage.around;
  expect(counters).toMatchObject({ bytesIn: 150, bytesOut: 180, watchers: 2, broadcasts: 1 });
  expect(bytesSent(short.watcher)).toBe(30);
  short.drain(100);
  expect(counters.bytesOut).toBe(280);
  short.leave();
  expect(bytesSent(short.watcher)).toBe(130);
});
