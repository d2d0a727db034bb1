/**
 * How many watchers a channel may have, and how many channels a user.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { newQuota } from "../../src/hub/quota.ts";
import { newChannel } from "../../src/hub/channel.ts";
import { fakeSource } from "./fakes.ts";
import { hasForgottenAll, newRelay, type Station, type Visitor } from "./relay.ts";
import { newStage, SETTINGS } from "./stage.ts";

const TWO_WATCHERS = { "max-watchers": 2 };
const TWO_CHANNELS = { "max-channels-per-user": 2 };
const LIMIT = ["refused", "limit"];

describe("a channel that may have two watchers", () => {
  test("refuses a third, counts that, and lets one in when another has left", () => {
    const relay = newRelay(TWO_WATCHERS);
    relay.broadcast();
    const [first] = [relay.watch(), relay.watch()];
    expect(relay.watch().told).toEqual(LIMIT);
    expect(relay.watch({ channel: "other" }).told).toEqual([]);
    expect(relay.directory.counters.watchersRefused).toBe(1);
    first.leave();
    first.leave();
    expect(relay.watch().told).toEqual(["admitted"]);
    expect(relay.watch().told).toEqual(LIMIT);
  });

  test("counts those who wait for it, and has room for them when it goes live", () => {
    const relay = newRelay(TWO_WATCHERS);
    const waiting = [relay.watch(), relay.watch()];
    expect(relay.watch().told).toEqual(LIMIT);
    relay.broadcast();
    expect(waiting.map(({ told }) => told)).toEqual([["admitted"], ["admitted"]]);
    expect(relay.watch().told).toEqual(LIMIT);
  });

  test("says first that the password is wrong: who may not watch learns nothing", () => {
    const relay = newRelay(TWO_WATCHERS);
    const channelPassword = "s3cret";
    relay.broadcast({ channelPassword });
    relay.watch({ channelPassword });
    relay.watch({ channelPassword });
    expect(relay.watch().told).toEqual(["refused", "unauthorized"]);
    expect(relay.watch({ channelPassword }).told).toEqual(LIMIT);
  });

  test("has room where a wrong password or a stall has sent one away", () => {
    const relay = newRelay(TWO_WATCHERS);
    relay.watch({ channelPassword: "wrong" });
    const hangs = relay.watch({ channelPassword: "s3cret" }, 0);
    const station = relay.broadcast({ channelPassword: "s3cret" });
    station.send("one");
    const second = relay.watch({ channelPassword: "s3cret" });
    expect(second.told).toEqual(["admitted"]);
    expect(relay.watch({ channelPassword: "s3cret" }).told).toEqual(LIMIT);
    relay.clock.advance(16_000);
    expect(hangs.told.at(-1)).toBe("too-slow");
    expect(relay.watch({ channelPassword: "s3cret" }).told).toEqual(["admitted"]);
  });

  test("counts who is still on the way to the end of the broadcast before", () => {
    const relay = newRelay(TWO_WATCHERS);
    relay.broadcast().send("one");
    const slow = [relay.watch({ join: "raw" }, 0), relay.watch({ join: "raw" }, 0)];
    const [station] = [relay.broadcast()];
    station.send("two");
    expect(relay.watch().told).toEqual(LIMIT);
    slow.forEach((visitor) => visitor.leave());
    expect(relay.watch().told).toEqual(["admitted"]);
  });

  test("loses count of nobody, whatever happens", () => {
    const step = fc.record({
      do: fc.constantFrom("broadcast", "watch", "send", "end", "leave", "drain", "pass"),
      n: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        // The channel is never over: it would not count those who are on the way to its end.
        const relay = newRelay({ "max-watchers": 3, stall: 5_000, linger: 3_600_000 });
        const stations: Station[] = [];
        const visitors = new Set<Visitor>();
        const present = (): Visitor[] =>
          [...visitors].filter(({ told }) => told.every((word) => word === "admitted"));
        for (const { do: action, n } of steps) {
          const channelPassword = n % 5 === 0 ? "s3cret" : undefined;
          const station = stations[n % stations.length];
          const visitor = [...visitors][n % visitors.size];
          if (action === "broadcast") {
            stations.push(relay.broadcast({ channelPassword }));
          } else if (action === "watch") {
            const before = present().length;
            const newcomer = relay.watch({ channelPassword }, n % 3 === 0 ? n * 20 : Infinity);
            expect(newcomer.told[1] === "limit").toBe(
              before >= 3 && newcomer.told[1] !== "unauthorized",
            );
            visitors.add(newcomer);
          } else if (action === "send" && station?.full() === false) {
            station.send(n * 100);
          } else if (action === "end") {
            station?.end();
          } else if (action === "leave" && visitor !== undefined) {
            visitor.leave();
            visitors.delete(visitor);
          } else if (action === "drain") {
            visitor?.drain(n * 10);
          } else {
            relay.clock.advance(n);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a user who may have two channels", () => {
  test("is refused a third, which is counted, and leaves other users alone", () => {
    const relay = newRelay(TWO_CHANNELS);
    relay.broadcast({ channel: "a" });
    relay.broadcast({ channel: "b" });
    expect(relay.broadcast({ channel: "c" }).told).toEqual(LIMIT);
    expect(relay.broadcast({ channel: "c", user: "eve" }).told).toEqual([]);
    expect(relay.directory.counters.channelsRefused).toBe(1);
  });

  test("may take over each of them, and come back to one that lingers", () => {
    const relay = newRelay(TWO_CHANNELS);
    relay.broadcast({ channel: "a" });
    const station = relay.broadcast({ channel: "b" });
    expect(relay.broadcast({ channel: "a" }).told).toEqual([]);
    station.end();
    expect(relay.broadcast({ channel: "b" }).told).toEqual([]);
    expect(relay.broadcast({ channel: "c" }).told).toEqual(LIMIT);
  });

  test("begins a third in the place of one that lingers, whose watchers get a clean end", () => {
    const relay = newRelay(TWO_CHANNELS);
    const station = relay.broadcast({ channel: "a" });
    const visitor = relay.watch({ channel: "a" });
    relay.broadcast({ channel: "b" });
    station.send("one");
    station.end();
    expect(relay.broadcast({ channel: "c" }).told).toEqual([]);
    expect([visitor.told, visitor.text()]).toEqual([["admitted", "closed"], "one"]);
    expect(relay.broadcast({ channel: "a" }).told).toEqual(LIMIT);
  });

  test("has as many again when they have ended", () => {
    const relay = newRelay(TWO_CHANNELS);
    const stations = [relay.broadcast({ channel: "a" }), relay.broadcast({ channel: "b" })];
    stations.forEach((station) => station.end());
    relay.clock.advance(60_000);
    expect([
      relay.broadcast({ channel: "c" }).told,
      relay.broadcast({ channel: "d" }).told,
    ]).toEqual([[], []]);
    expect(relay.broadcast({ channel: "e" }).told).toEqual(LIMIT);
  });

  test("loses none of them to strangers who wait for names", () => {
    const relay = newRelay(TWO_CHANNELS);
    for (const channel of ["x", "y", "z"]) {
      relay.watch({ channel });
    }
    expect(relay.broadcast({ channel: "a" }).told).toEqual([]);
    expect(relay.broadcast({ channel: "z" }).told).toEqual([]);
  });

  test("leaves nothing behind when it is refused", () => {
    const relay = newRelay(TWO_CHANNELS);
    const stations = [relay.broadcast({ channel: "a" }), relay.broadcast({ channel: "b" })];
    relay.broadcast({ channel: "c" });
    stations.forEach((station) => station.end());
    relay.clock.advance(60_000);
    expect(hasForgottenAll(relay)).toBe(true);
  });
});

test("a limit that was lowered ends as many lingering channels as it takes, or none", () => {
  const settings = { ...SETTINGS, "max-channels-per-user": 3 };
  const ended: string[] = [];
  const quota = newQuota(settings, newStage().around.counters, (channel) => {
    ended.push(channel.name);
    channel.live = null;
    quota.note(channel);
  });
  const channels = ["a", "b", "c"].map((name) => newChannel("bob", name));
  for (const channel of channels) {
    channel.live = newStage().broadcast;
    quota.note(channel);
  }
  settings["max-channels-per-user"] = 1;
  const [first] = channels;
  Object.assign(first ?? {}, { source: fakeSource() });
  expect(quota.makeWay(newChannel("bob", "d"))).toHaveProperty("code", "limit");
  expect(ended).toEqual([]);
  Object.assign(first ?? {}, { source: null });
  expect(quota.makeWay(newChannel("bob", "d"))).toBeNull();
  expect(quota.makeWay(newChannel("bob", "d"))).toBeNull();
  expect(ended).toEqual(["a", "b", "c"]);
});
