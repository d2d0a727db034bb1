/**
 * Who may come to a channel and what they meet there: waiting, passwords, takeovers.
 */
import { describe, expect, test } from "bun:test";
import { newRelay } from "./relay.ts";

describe("a watcher that comes first", () => {
  test("waits, and gets everything from the first byte", () => {
    const relay = newRelay();
    const early = [relay.watch(), relay.watch(), relay.watch()];
    relay.clock.advance(3_600_000);
    expect(early.map(({ told }) => told)).toEqual([[], [], []]);
    const station = relay.broadcast();
    station.send("one ");
    station.send("two");
    for (const visitor of early) {
      expect(visitor.told).toEqual(["admitted"]);
      expect(visitor.text()).toBe("one two");
      expect(visitor.sent()).toBe(7);
    }
  });

  test("is told that it is let in before the first byte comes", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    relay.broadcast();
    expect(visitor.told).toEqual(["admitted"]);
    expect(visitor.writes).toBe(0);
  });

  test("may leave again, and hears nothing of what comes later", () => {
    const relay = newRelay();
    const [left, stays] = [relay.watch(), relay.watch()];
    left.drain(0);
    left.leave();
    left.leave();
    relay.broadcast().send("one");
    expect([left.told, left.text(), left.sent()]).toEqual([[], "", 0]);
    expect(stays.text()).toBe("one");
  });

  test("is refused with not-live where it does not want to wait", () => {
    const relay = newRelay();
    expect(relay.watch({ wait: false }).told).toEqual(["refused", "not-live"]);
    const station = relay.broadcast();
    expect(relay.watch({ wait: false }).told).toEqual(["admitted"]);
    station.end();
    expect(relay.watch({ wait: false }).told).toEqual(["refused", "not-live"]);
    relay.clock.advance(60_000);
    expect(relay.watch({ wait: false }).told).toEqual(["refused", "not-live"]);
  });
});

test("a watcher that comes later gets what is sent from then on", () => {
  const relay = newRelay();
  const station = relay.broadcast();
  station.send("one, and more than that, for nobody ");
  const late = relay.watch();
  station.send("two");
  expect(late.text()).toBe("two");
  expect(late.sent()).toBe(3);
});

test("channels of other names and of other users are other channels", () => {
  const relay = newRelay();
  const names = [{ channel: "a" }, { channel: "A" }, { channel: "" }, { user: "eve" }] as const;
  const visitors = names.map((name) => relay.watch(name));
  for (const [i, name] of names.entries()) {
    relay.broadcast(name).send(String(i));
  }
  expect(visitors.map((visitor) => visitor.text())).toEqual(["0", "1", "2", "3"]);
  const slashes = relay.watch({ user: "a", channel: "b/c" });
  relay.broadcast({ user: "a", channel: "b" }).send("no");
  relay.broadcast({ user: "a", channel: "b/c" }).send("yes");
  expect(slashes.text()).toBe("yes");
});

describe("a channel's password", () => {
  const secret = { channelPassword: "s3cret" };

  test("is asked of everyone who comes while the channel is live", () => {
    const relay = newRelay();
    const station = relay.broadcast(secret);
    const right = relay.watch(secret);
    const wrong = ["S3cret", "s3cre", "s3crets", "", undefined].map((channelPassword) =>
      relay.watch({ channelPassword }),
    );
    station.send("one");
    expect([right.told, right.text()]).toEqual([["admitted"], "one"]);
    for (const { told, writes } of wrong) {
      expect([told, writes]).toEqual([["refused", "unauthorized"], 0]);
    }
  });

  test("is asked of those who wait when the broadcaster comes", () => {
    const relay = newRelay();
    const right = relay.watch(secret);
    const wrong = [relay.watch({ channelPassword: "guess" }), relay.watch()];
    expect(wrong.map(({ told }) => told)).toEqual([[], []]);
    relay.broadcast(secret).send("one");
    expect([right.told, right.text()]).toEqual([["admitted"], "one"]);
    for (const { told, writes } of wrong) {
      expect([told, writes]).toEqual([["unauthorized"], 0]);
    }
  });

  test("that is empty or missing leaves the channel open, whatever is offered", () => {
    for (const channelPassword of ["", undefined]) {
      const relay = newRelay();
      const waiting = relay.watch(secret);
      const station = relay.broadcast({ channelPassword });
      const visitors = [waiting, relay.watch(), relay.watch(secret)];
      station.send("one");
      expect(visitors.map((visitor) => visitor.text())).toEqual(["one", "one", "one"]);
    }
  });

  test("is not mentioned where not-live is the answer", () => {
    const relay = newRelay();
    relay.broadcast(secret).end();
    expect(relay.watch({ wait: false }).told).toEqual(["refused", "not-live"]);
  });

  test("that changes with a takeover sends away those who do not know the new one", () => {
    const relay = newRelay();
    const first = relay.broadcast(secret);
    const knowsOne = [relay.watch(secret), relay.watch(secret, 2), relay.watch(secret)];
    first.send("one ");
    const second = relay.broadcast({ channelPassword: "other" });
    const knowsOther = relay.watch({ channelPassword: "other" });
    second.send("two");
    for (const visitor of knowsOne) {
      expect(visitor.told).toEqual(["admitted", "unauthorized"]);
      expect(visitor.text()).not.toContain("two");
      visitor.drain(Infinity);
    }
    expect(knowsOther.text()).toBe("two");
    expect(relay.watch(secret).told).toEqual(["refused", "unauthorized"]);
  });

  test("that a takeover lifts or repeats sends nobody away", () => {
    for (const channelPassword of ["s3cret", undefined]) {
      const relay = newRelay();
      relay.broadcast(secret).send("one ");
      const visitor = relay.watch(secret);
      relay.broadcast({ channelPassword }).send("two");
      expect([visitor.told, visitor.text()]).toEqual([["admitted"], "two"]);
    }
  });

  test("that a takeover sets sends away whoever came while the channel was open", () => {
    const relay = newRelay();
    relay.broadcast();
    const [stranger, friend] = [relay.watch(), relay.watch(secret)];
    relay.broadcast(secret).send("one");
    expect(stranger.told).toEqual(["admitted", "unauthorized"]);
    expect([friend.told, friend.text()]).toEqual([["admitted"], "one"]);
  });

  test("holds through the linger time, and is forgotten with the broadcast", () => {
    const relay = newRelay({ linger: 1_000 });
    relay.broadcast(secret).end();
    expect(relay.watch().told).toEqual(["refused", "unauthorized"]);
    relay.clock.advance(1_000);
    const visitor = relay.watch();
    expect(visitor.told).toEqual([]);
    relay.broadcast().send("one");
    expect(visitor.text()).toBe("one");
  });
});

describe("a second broadcaster, where takeover=replace", () => {
  test("takes the first one's place, which is told busy, and the watchers go on", () => {
    const relay = newRelay();
    const first = relay.broadcast();
    const [fast, slow] = [relay.watch(), relay.watch({}, 2)];
    first.send("one ");
    const second = relay.broadcast();
    second.send("two");
    slow.drain(Infinity);
    expect([first.told, second.told]).toEqual([["busy"], []]);
    for (const visitor of [fast, slow]) {
      expect([visitor.told, visitor.text()]).toEqual([["admitted"], "one two"]);
    }
    expect(relay.directory.counters).toMatchObject({ takeovers: 1, broadcasts: 1 });
  });

  test("leaves the first one's feed dead", () => {
    const relay = newRelay();
    const [first, visitor] = [relay.broadcast(), relay.watch()];
    const second = relay.broadcast();
    expect(first.send("late")).toBe(true);
    first.end();
    relay.clock.advance(20_000);
    second.send("two");
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "two"]);
    expect(relay.directory.counters.bytesIn).toBe(3);
  });

  test("is not in the way of a third", () => {
    const relay = newRelay();
    const [first, visitor] = [relay.broadcast(), relay.watch()];
    const [second, third] = [relay.broadcast(), relay.broadcast()];
    first.send("1");
    second.send("2");
    third.send("3");
    expect([first.told, second.told, third.told]).toEqual([["busy"], ["busy"], []]);
    expect(visitor.text()).toBe("3");
    expect(relay.directory.counters.takeovers).toBe(2);
  });

  test("has the whole silence time before it is taken for dead", () => {
    const relay = newRelay({ silence: 30_000 });
    relay.broadcast();
    relay.clock.advance(29_000);
    const second = relay.broadcast();
    relay.clock.advance(29_000);
    expect(second.told).toEqual([]);
    relay.clock.advance(1_250);
    expect(second.told).toEqual(["timeout"]);
  });
});

describe("a second broadcaster, where takeover=refuse", () => {
  test("is refused with busy, and the first one does not notice", () => {
    const relay = newRelay({ takeover: "refuse" });
    const [first, visitor] = [relay.broadcast(), relay.watch()];
    const second = relay.broadcast({ channelPassword: "other" });
    expect(second.told).toEqual(["refused", "busy"]);
    first.send("one");
    expect([first.told, visitor.told, visitor.text()]).toEqual([[], ["admitted"], "one"]);
    expect(relay.watch().told).toEqual(["admitted"]);
    expect(relay.directory.counters.takeovers).toBe(0);
  });

  test("is let in as soon as the first one has gone", () => {
    const relay = newRelay({ takeover: "refuse" });
    const [first, visitor] = [relay.broadcast(), relay.watch()];
    first.send("one ");
    first.end();
    relay.broadcast().send("two");
    expect([visitor.told, visitor.text()]).toEqual([["admitted"], "one two"]);
  });
});
