/**
 * The whole hub: its end, and that it keeps nothing of what is over.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { GRACE_MS, RING_MIN_BYTES } from "../../src/core/limits.ts";
import { hasForgottenAll, newRelay, type Station, type Visitor } from "./relay.ts";

describe("a directory that closes", () => {
  test("tells broadcasters and those who wait that it is shutting down", () => {
    const relay = newRelay();
    const stations = [relay.broadcast({ channel: "a" }), relay.broadcast({ channel: "b" })];
    const waiting = [relay.watch({ channel: "c" }), relay.watch({ channel: "c" })];
    relay.directory.close();
    expect(stations.map(({ told }) => told)).toEqual([["shutting-down"], ["shutting-down"]]);
    expect(waiting.map(({ told }) => told)).toEqual([["shutting-down"], ["shutting-down"]]);
  });

  test("gives watchers the rest and a clean end, the blocked ones after their drain", () => {
    const relay = newRelay({ coalesce: 1_000 });
    const [station, fast, slow] = [relay.broadcast(), relay.watch(), relay.watch({}, 2)];
    station.send("one ");
    station.send("two");
    relay.directory.close();
    expect([fast.told, fast.text()]).toEqual([["admitted", "closed"], "one two"]);
    expect([slow.told, slow.text()]).toEqual([["admitted"], "on"]);
    slow.drain(Infinity);
    expect([slow.told, slow.text()]).toEqual([["admitted", "closed"], "one two"]);
  });

  test("ends what lingers too, for those who watch and for those who came to wait", () => {
    const relay = newRelay();
    const [station, visitor] = [relay.broadcast(), relay.watch()];
    station.send("one");
    station.end();
    const newcomer = relay.watch();
    relay.directory.close();
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], "one"]);
    expect(newcomer.told).toEqual(["shutting-down"]);
  });

  test("gives watchers the bytes that were held", () => {
    const relay = newRelay({ window: RING_MIN_BYTES });
    const [station, fast] = [relay.broadcast(), relay.watch()];
    relay.watch({}, 0);
    station.send(RING_MIN_BYTES);
    expect(station.send(1_000)).toBe(false);
    relay.directory.close();
    expect(fast.told).toEqual(["admitted", "closed"]);
    expect(fast.taken).toBe(RING_MIN_BYTES + 1_000);
    expect(station.readied).toBe(0);
  });

  test("refuses whoever comes later", () => {
    const relay = newRelay();
    relay.directory.close();
    expect(relay.broadcast().told).toEqual(["refused", "shutting-down"]);
    expect(relay.watch().told).toEqual(["refused", "shutting-down"]);
    expect(relay.watch({ wait: false }).told).toEqual(["refused", "shutting-down"]);
  });

  test("takes nothing more from a broadcaster, and is not disturbed by one that goes", () => {
    const relay = newRelay();
    const [station, visitor] = [relay.broadcast(), relay.watch()];
    relay.directory.close();
    expect(station.send("late")).toBe(true);
    station.end();
    relay.directory.close();
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], ""]);
    expect(station.told).toEqual(["shutting-down"]);
  });

  test("leaves no timer behind, although nobody whom it sent away says goodbye", () => {
    const relay = newRelay();
    relay.broadcast({ channel: "a" }).send("one");
    relay.watch({ channel: "a" });
    relay.broadcast({ channel: "b" }).end();
    relay.watch({ channel: "b" });
    relay.watch({ channel: "c" });
    relay.directory.close();
    relay.clock.advance(1_000);
    expect(relay.clock.pending()).toBe(0);
  });

  test("looks after those who are on the way to the end until the last has gone", () => {
    const relay = newRelay({ stall: 15_000 });
    const station = relay.broadcast();
    const [drains, hangs] = [relay.watch({}, 0), relay.watch({}, 0)];
    station.send("one");
    relay.directory.close();
    relay.clock.advance(10_000);
    drains.drain(Infinity);
    relay.clock.advance(6_000);
    expect([drains.told, hangs.told]).toEqual([
      ["admitted", "closed"],
      ["admitted", "too-slow"],
    ]);
    relay.clock.advance(1_000);
    expect(relay.clock.pending()).toBe(0);
  });
});

describe("housekeeping", () => {
  test("sends away who hangs while the broadcast is live", () => {
    const relay = newRelay({ stall: 15_000, silence: 60_000 });
    const [station, slow, fast] = [relay.broadcast(), relay.watch({}, 0), relay.watch()];
    station.send("one");
    relay.clock.advance(14_999);
    expect(slow.told).toEqual(["admitted"]);
    relay.clock.advance(250);
    expect([slow.told, fast.told]).toEqual([["admitted", "too-slow"], ["admitted"]]);
    expect(relay.directory.counters.tooSlow).toBe(1);
  });

  test("takes one timer, however many channels there are and however often they begin", () => {
    const relay = newRelay();
    for (let i = 0; i < 10; i++) {
      relay.broadcast({ channel: String(i % 5) });
      relay.clock.advance(100);
    }
    expect(relay.clock.pending()).toBe(1);
  });
});

/** What happens, and to whom of a few, so that much happens to each. */
const step = fc.record({
  do: fc.constantFrom("broadcast", "watch", "send", "end", "leave", "drain", "vanish", "pass"),
  n: fc.nat(3_000),
});

function perform(
  { do: action, n }: { do: string; n: number },
  relay: ReturnType<typeof newRelay>,
  stations: Station[],
  visitors: Visitor[],
): void {
  const channel = String(n % 2);
  const channelPassword = n % 5 === 0 ? "s3cret" : undefined;
  const station = stations[n % stations.length];
  const visitor = visitors[n % visitors.length];
  if (action === "broadcast") {
    stations.push(relay.broadcast({ channel, channelPassword }));
  } else if (action === "watch") {
    const wish = { channel, channelPassword, wait: n % 7 !== 0 };
    visitors.push(relay.watch(wish, n % 3 === 0 ? n * 20 : Infinity));
  } else if (action === "send" && station?.full() === false) {
    station.send(n * 100);
  } else if (action === "end") {
    station?.end();
  } else if (action === "leave") {
    visitor?.leave();
  } else if (action === "drain") {
    visitor?.drain(n * 10);
  } else if (action === "vanish" && visitor !== undefined) {
    visitor.gone = true;
  } else if (action === "pass") {
    relay.clock.advance(n);
  }
}

describe("a channel is forgotten", () => {
  test("when nobody is left, however it came to that", () => {
    const relay = newRelay({ takeover: "refuse" });
    relay.watch({ channel: "refused", wait: false });
    relay.watch({ channel: "left" }).leave();
    relay.broadcast({ channel: "ended" }).end();
    const busy = relay.broadcast({ channel: "busy" });
    relay.broadcast({ channel: "busy" });
    busy.end();
    relay.broadcast({ channel: "silent" });
    const [station, visitor] = [relay.broadcast({ channel: "x" }), relay.watch({ channel: "x" })];
    station.send("one");
    visitor.leave();
    station.end();
    const refused = relay.broadcast({ channel: "secret", channelPassword: "x" });
    relay.watch({ channel: "secret" });
    refused.end();
    relay.clock.advance(60_000);
    expect(hasForgottenAll(relay)).toBe(true);
  });

  test("not while somebody waits for it", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    relay.watch().leave();
    relay.watch({ wait: false });
    expect(hasForgottenAll(relay)).toBe(false);
    expect(relay.directory.channels()).toBe(1);
    visitor.leave();
    expect(hasForgottenAll(relay)).toBe(true);
    expect(relay.directory.channels()).toBe(0);
  });

  test("without a timer ever having run for it where nobody broadcast", () => {
    const relay = newRelay();
    relay.watch().leave();
    relay.watch({ wait: false });
    expect(relay.clock.pending()).toBe(0);
  });

  test("and no timer is left, whatever has happened, once everyone has gone", () => {
    const settings = fc.record({
      linger: fc.constantFrom(0, 2_000),
      coalesce: fc.constantFrom(0, 5),
      takeover: fc.constantFrom("replace" as const, "refuse" as const),
      stall: fc.constantFrom(1_000, 5_000),
      silence: fc.constantFrom(2_000, 30_000),
    });
    const steps = fc.array(step, { maxLength: 60, size: "max" });
    fc.assert(
      fc.property(settings, steps, fc.boolean(), (changes, actions, closes) => {
        const relay = newRelay(changes);
        const stations: Station[] = [];
        const visitors: Visitor[] = [];
        actions.forEach((action) => perform(action, relay, stations, visitors));
        if (closes) {
          relay.directory.close();
        } else {
          stations.forEach((station) => station.end());
          visitors.forEach((visitor) => visitor.leave());
        }
        relay.clock.advance(60_000);
        expect(relay.clock.pending()).toBe(0);
        expect(hasForgottenAll(relay)).toBe(true);
        for (const { told } of visitors) {
          expect(told.length).toBeLessThanOrEqual(2);
        }
        for (const { told } of stations) {
          expect(told.length).toBeLessThanOrEqual(told[0] === "refused" ? 2 : 1);
        }
      }),
    );
  });
});

test("a broadcaster that is held is called back once, by the source that it came with", () => {
  const relay = newRelay({ window: RING_MIN_BYTES });
  const [station, slow] = [relay.broadcast(), relay.watch({}, 0)];
  station.send(RING_MIN_BYTES);
  expect(station.send(1)).toBe(false);
  relay.clock.advance(GRACE_MS);
  expect(station.readied).toBe(1);
  expect(slow.told).toEqual(["admitted", "too-slow"]);
  expect(station.send(1)).toBe(true);
});
