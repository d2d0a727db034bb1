/**
 * What happens when a broadcaster goes away or falls silent, and when it comes back or does not.
 */
import { describe, expect, test } from "bun:test";
import { HOUSEKEEPING_MS } from "../../src/core/limits.ts";
import { hasForgottenAll, newRelay } from "./relay.ts";

describe("when a broadcaster has gone", () => {
  test("its watchers are kept for the linger time, and told nothing", () => {
    const relay = newRelay({ linger: 10_000 });
    const [station, visitor] = [relay.broadcast(), relay.watch()];
    station.send("one");
    station.end();
    relay.clock.advance(9_999);
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "one"]);
    relay.clock.advance(1);
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], "one"]);
    expect(station.told).toEqual([]);
    expect(hasForgottenAll(relay)).toBe(true);
  });

  test("and returns in time, they go on", () => {
    const relay = newRelay({ linger: 10_000 });
    const visitor = relay.watch();
    for (const word of ["one ", "two ", "three"]) {
      const station = relay.broadcast();
      station.send(word);
      station.end();
      relay.clock.advance(9_999);
    }
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "one two three"]);
    expect(relay.directory.counters).toMatchObject({ broadcasts: 1, takeovers: 0 });
    relay.clock.advance(1);
    expect(visitor.told).toEqual(["admitted", "closed"]);
  });

  test("and returns in time, the linger time that had begun ends nothing", () => {
    const relay = newRelay({ linger: 10_000 });
    const visitor = relay.watch();
    relay.broadcast().end();
    relay.clock.advance(5_000);
    const station = relay.broadcast();
    relay.clock.advance(10_000);
    station.send("one");
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "one"]);
  });

  test("and returns too late, it is a new broadcast, and the old watchers are gone", () => {
    const relay = newRelay({ linger: 10_000 });
    const visitor = relay.watch();
    const first = relay.broadcast();
    first.send("one");
    first.end();
    relay.clock.advance(10_000);
    relay.broadcast().send("two");
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], "one"]);
    expect(relay.directory.counters.broadcasts).toBe(2);
  });

  test("for longer than linger, a blocked watcher gets the rest before its clean close", () => {
    const relay = newRelay({ linger: 1_000 });
    const [station, visitor] = [relay.broadcast(), relay.watch({}, 2)];
    station.send("one two three");
    station.end();
    relay.clock.advance(5_000);
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "on"]);
    visitor.drain(5);
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "one two"]);
    visitor.drain(6);
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], "one two three"]);
    expect(visitor.sent()).toBe(13);
    expect(hasForgottenAll(relay)).toBe(true);
  });

  test("for longer than linger, a watcher that hangs is closed as too slow", () => {
    const relay = newRelay({ linger: 1_000, stall: 15_000 });
    const [station, visitor] = [relay.broadcast(), relay.watch({}, 2)];
    station.send("one");
    station.end();
    relay.clock.advance(14_999);
    expect(visitor.told).toEqual(["admitted"]);
    relay.clock.advance(HOUSEKEEPING_MS);
    expect(visitor.told).toEqual(["admitted", "too-slow"]);
    expect(hasForgottenAll(relay)).toBe(true);
  });

  test("without linger, its watchers get the rest and a clean close at once", () => {
    const relay = newRelay({ linger: 0, coalesce: 1_000 });
    const [station, fast, slow] = [relay.broadcast(), relay.watch(), relay.watch({}, 2)];
    station.send("one ");
    station.send("two");
    station.end();
    expect([fast.told, fast.text()]).toEqual([["admitted", "closed"], "one two"]);
    expect([slow.told, slow.text()]).toEqual([["admitted"], "on"]);
    slow.drain(Infinity);
    expect([slow.told, slow.text()]).toEqual([["admitted", "closed"], "one two"]);
    expect(hasForgottenAll(relay)).toBe(true);
  });

  test("it is not asked again when it says so twice", () => {
    const relay = newRelay({ linger: 10_000 });
    const [station, visitor] = [relay.broadcast(), relay.watch()];
    station.end();
    relay.clock.advance(6_000);
    station.end();
    relay.clock.advance(4_000);
    expect(visitor.told).toEqual(["admitted", "closed"]);
    station.end();
    expect(relay.broadcast().told).toEqual([]);
    station.end();
    relay.clock.advance(20_000);
    expect(relay.watch({ wait: false }).told).toEqual(["admitted"]);
  });
});

describe("who comes in the linger time", () => {
  test("waits for the broadcaster's return", () => {
    const relay = newRelay({ linger: 10_000 });
    const first = relay.broadcast();
    first.send("one ");
    first.end();
    const newcomer = relay.watch();
    expect(newcomer.told).toEqual([]);
    relay.clock.advance(5_000);
    relay.broadcast().send("two");
    expect([newcomer.told, newcomer.text()]).toEqual([["admitted"], "two"]);
  });

  test("goes on waiting when the linger time is over", () => {
    const relay = newRelay({ linger: 10_000 });
    relay.broadcast().end();
    const newcomer = relay.watch();
    relay.clock.advance(3_600_000);
    expect(newcomer.told).toEqual([]);
    relay.broadcast().send("one");
    expect([newcomer.told, newcomer.text()]).toEqual([["admitted"], "one"]);
  });

  test("is refused with not-live where it does not want to wait", () => {
    const relay = newRelay({ linger: 10_000 });
    relay.broadcast().end();
    expect(relay.watch({ wait: false }).told).toEqual(["refused", "not-live"]);
  });

  test("is sent away when the broadcaster returns with a password that it does not know", () => {
    const relay = newRelay({ linger: 10_000 });
    relay.broadcast();
    const old = relay.watch();
    relay.broadcast().end();
    const newcomer = relay.watch();
    relay.broadcast({ channelPassword: "s3cret" });
    expect(newcomer.told).toEqual(["unauthorized"]);
    expect(old.told).toEqual(["admitted", "unauthorized"]);
  });
});

describe("a channel that begins anew while old watchers are on the way to its end", () => {
  test("is another one: neither side gets the other's bytes", () => {
    const relay = newRelay({ linger: 1_000 });
    const [first, old] = [relay.broadcast(), relay.watch({}, 2)];
    first.send("one");
    first.end();
    relay.clock.advance(1_000);
    const newcomer = relay.watch();
    const second = relay.broadcast();
    second.send("two");
    old.drain(Infinity);
    second.send(" three");
    expect([old.told, old.text()]).toEqual([["admitted", "closed"], "one"]);
    expect([newcomer.told, newcomer.text()]).toEqual([["admitted"], "two three"]);
  });

  test("is not forgotten when the last old watcher leaves", () => {
    const relay = newRelay({ linger: 0 });
    const [first, old] = [relay.broadcast(), relay.watch({}, 2)];
    first.send("one");
    first.end();
    const newcomer = relay.watch();
    old.leave();
    relay.broadcast().send("two");
    expect([newcomer.told, newcomer.text()]).toEqual([["admitted"], "two"]);
    expect(old.told).toEqual(["admitted"]);
  });
});

describe("silence", () => {
  test("of a broadcaster is a timeout, and its channel lingers", () => {
    const relay = newRelay({ silence: 30_000, linger: 10_000 });
    const [station, visitor] = [relay.broadcast(), relay.watch()];
    station.send("one");
    relay.clock.advance(29_999);
    expect(station.told).toEqual([]);
    relay.clock.advance(HOUSEKEEPING_MS);
    expect(station.told).toEqual(["timeout"]);
    expect(visitor.told).toEqual(["admitted"]);
    expect(station.send("late")).toBe(true);
    station.end();
    relay.clock.advance(10_000);
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], "one"]);
    expect(station.told).toEqual(["timeout"]);
  });

  test("ends with every byte, also of one that never sent any", () => {
    const relay = newRelay({ silence: 30_000 });
    const [mute, station] = [relay.broadcast({ channel: "mute" }), relay.broadcast()];
    for (let i = 0; i < 10; i++) {
      relay.clock.advance(29_000);
      station.send("x");
    }
    expect([mute.told, station.told]).toEqual([["timeout"], []]);
  });

  test("is nobody's while the channel lingers, and a broadcaster may return after one", () => {
    const relay = newRelay({ silence: 5_000, linger: 60_000 });
    const [first, visitor] = [relay.broadcast(), relay.watch()];
    relay.clock.advance(50_000);
    expect(first.told).toEqual(["timeout"]);
    const second = relay.broadcast();
    second.send("one");
    relay.clock.advance(4_000);
    expect([second.told, visitor.text()]).toEqual([[], "one"]);
  });
});
