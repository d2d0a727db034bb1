/**
 * A channel whose broadcaster another node has: what watchers get of what comes, and of what does not.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HOUSEKEEPING_MS } from "../../src/core/limits.ts";
import { newDirectory } from "../../src/hub/directory.ts";
import type { Start } from "../../src/hub/far.ts";
import type { ChannelSettings } from "../../src/hub/model.ts";
import { NOTHING } from "../../src/media/scanner.ts";
import type { Request } from "../../src/protocol/request.ts";
import { handClock } from "../support/clock.ts";
import { fakeSink, request, streamBytes, type FakePeer } from "./fakes.ts";
import { SETTINGS } from "./stage.ts";

/** More than lies between two frames that are both kept of so small a ring. */
const FRAME = 300;
/** As much of the stream as any test sends. */
const WHOLE: Uint8Array = streamBytes(0, 1_000_000);
const SETUP = new Uint8Array([1, 2, 3]);
const SPLICE = new Uint8Array([4, 5]);

interface Visitor extends FakePeer {
  leave(): void;
}

/** A directory that follows bob's channel, of which the test is the owner's node. */
function newScene(changes: Partial<ChannelSettings> = {}, secret?: string) {
  const clock = handClock();
  const asked: string[] = [];
  const directory = newDirectory(clock, { ...SETTINGS, coalesce: 0, slow: "skip", ...changes });
  const sink = fakeSink();
  const upstream = {
    want: (wanted: boolean) => void asked.push(wanted ? "want" : "leave"),
    ready: () => void asked.push("ready"),
    end: ({ code }: { code: string }) => void asked.push(`end ${code}`),
  };
  const far = directory.follow(
    request("broadcast", { channelPassword: secret && "a hash" }),
    upstream,
    secret === undefined ? null : (offered) => offered === secret,
  );
  return {
    clock,
    directory,
    asked,
    far,
    channel: () => directory.find("bob", ""),
    begin: (start: Partial<Start> = {}) =>
      far.begin({ offset: 0, clean: true, format: "h264", ...start }),
    /** Frames of FRAME bytes from the absolute offset `from` on, the last one only as far as `to`. */
    frames: (from: number, to: number): boolean => {
      const hasRoom = far.take(streamBytes(from, to));
      for (let offset = Math.ceil(from / FRAME) * FRAME; offset < to; offset += FRAME) {
        far.frame(offset);
      }
      return hasRoom;
    },
    join: (offset: number) =>
      far.join({ offset, setup: SETUP, splice: SPLICE, clean: true }, false),
    watch: (wish: Partial<Request> = {}, appetite?: number): Visitor => {
      const peer = sink.open(appetite);
      const result = directory.watch(request("watch", wish), peer);
      if ("refused" in result) {
        peer.told.push("refused", result.refused.code);
        return Object.assign(peer, { leave: () => {} });
      }
      peer.onDrain = () => result.seat.drained();
      return Object.assign(peer, { leave: () => result.seat.leave() });
    },
  };
}

const bytes = (...parts: readonly (Uint8Array | readonly [number, number])[]): Buffer =>
  Buffer.concat(parts.map((part) => (part instanceof Uint8Array ? part : streamBytes(...part))));

describe("the bytes of a channel of another node", () => {
  test("are asked for when the first watcher comes, and no more when the last has gone", () => {
    const { asked, channel, clock, watch } = newScene();
    expect(asked).toEqual([]);
    const [first, second] = [watch(), watch()];
    first.leave();
    clock.advance(2 * HOUSEKEEPING_MS);
    expect(asked).toEqual(["want"]);
    second.leave();
    clock.advance(2 * HOUSEKEEPING_MS);
    expect(asked).toEqual(["want", "leave"]);
    expect(channel()?.live?.ring.capacity).toBe(0);
    watch();
    expect(asked).toEqual(["want", "leave", "want"]);
  });

  test("go to nobody before it is known where they begin", () => {
    const { begin, frames, join, watch } = newScene();
    const [usual, raw] = [watch(), watch({ join: "raw" })];
    expect([usual.told, usual.taken, raw.taken]).toEqual([["admitted"], 0, 0]);
    begin({ offset: 5_000 });
    join(5_000);
    frames(5_000, 5_250);
    expect(usual.received()).toEqual(bytes(SETUP, [5_000, 5_250]));
    expect(raw.received()).toEqual(bytes([5_000, 5_250]));
  });

  test("go from the newest join point on to who comes later", () => {
    const { begin, frames, join, watch } = newScene();
    const first = watch();
    begin({ offset: 1_000 });
    join(1_000);
    frames(1_000, 1_400);
    join(1_200);
    const second = watch();
    frames(1_400, 1_500);
    expect(first.received()).toEqual(bytes(SETUP, [1_000, 1_500]));
    expect(second.received()).toEqual(bytes(SETUP, [1_200, 1_500]));
  });

  test("begin anew after a time without watchers, with nothing of what was before", () => {
    const { begin, clock, frames, join, watch } = newScene();
    const first = watch();
    begin({ offset: 0 });
    join(0);
    frames(0, 500);
    first.leave();
    clock.advance(2 * HOUSEKEEPING_MS);
    const second = watch();
    expect(second.taken).toBe(0);
    begin({ offset: 9_000 });
    join(9_000);
    frames(9_000, 9_100);
    expect(second.received()).toEqual(bytes(SETUP, [9_000, 9_100]));
  });
});

describe("when bytes are missing", () => {
  test("who has all of a frame goes on at the next join point, and that counts as a skip", () => {
    const { begin, directory, frames, join, watch } = newScene();
    const visitor = watch();
    begin({ offset: 300 });
    join(300);
    frames(300, 900);
    begin({ offset: 6_000, clean: true });
    expect(visitor.told).toEqual(["admitted"]);
    join(6_000);
    frames(6_000, 6_150);
    expect(visitor.received()).toEqual(bytes(SETUP, [300, 900], SPLICE, [6_000, 6_150]));
    expect(directory.counters.skips).toBe(1);
  });

  test("who has a part of a frame is closed", () => {
    const { begin, frames, join, watch } = newScene();
    const visitor = watch();
    begin({ offset: 300 });
    join(300);
    frames(300, 950);
    begin({ offset: 6_000, clean: false });
    expect(visitor.told).toEqual(["admitted", "too-slow"]);
    expect(visitor.received()).toEqual(bytes(SETUP, [300, 950]));
  });

  test("who lags finishes its frame, and goes on there", () => {
    const { begin, frames, join, watch } = newScene();
    const lagging = watch({}, SETUP.length + 350);
    begin({ offset: 300 });
    join(300);
    frames(300, 950);
    begin({ offset: 6_000, clean: false });
    join(6_000);
    frames(6_000, 6_150);
    lagging.drain(Infinity);
    expect(lagging.told).toEqual(["admitted"]);
    expect(lagging.received()).toEqual(bytes(SETUP, [300, 900], SPLICE, [6_000, 6_150]));
  });

  test("who comes in between waits for the join point behind them", () => {
    const { begin, frames, join, watch } = newScene();
    watch();
    begin();
    join(0);
    frames(0, 300);
    begin({ offset: 6_000 });
    const newcomer = watch();
    expect(newcomer.taken).toBe(0);
    join(6_000);
    frames(6_000, 6_100);
    expect(newcomer.received()).toEqual(bytes(SETUP, [6_000, 6_100]));
  });

  test("nobody notices where they come after all", () => {
    const { begin, directory, frames, join, watch } = newScene();
    const visitor = watch();
    begin();
    join(0);
    frames(0, 250);
    begin({ offset: 250, clean: false });
    frames(250, 400);
    expect(visitor.received()).toEqual(bytes([0, 400]));
    expect(directory.counters.skips).toBe(0);
  });

  test("a stream without frames that are known has no place to go on at", () => {
    const { begin, far, watch } = newScene({ slow: "close" });
    const visitor = watch();
    begin({ format: "unknown" });
    far.take(streamBytes(0, 300));
    begin({ offset: 400, clean: false, format: "unknown" });
    far.take(streamBytes(400, 500));
    expect(visitor.told).toEqual(["admitted", "too-slow"]);
  });

  test("no watcher ever gets a part of a frame and then something else", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 1_000 }) }) },
      fc.record({ gap: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ drain: fc.nat(1_000) }),
      fc.record({ come: fc.nat(800) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { begin, frames, join, watch } = newScene();
        const visitors = [watch({}, 100), watch()];
        let at = FRAME;
        begin({ offset: at });
        join(at);
        for (const each of steps) {
          if ("take" in each) {
            frames(at, at + each.take);
            at += each.take;
          } else if ("gap" in each) {
            const clean = at % FRAME === 0;
            at = (Math.floor(at / FRAME) + each.gap) * FRAME;
            begin({ offset: at, clean });
            join(at);
          } else if ("drain" in each) {
            visitors.forEach((visitor) => visitor.told.length === 1 && visitor.drain(each.drain));
          } else {
            visitors.push(watch({}, each.come));
          }
        }
        visitors.forEach((visitor) => expectWhole(visitor.received()));
      }),
      { numRuns: 300 },
    );
  });
});

/** Holds that `received` is runs of the stream that end where frames do, but for the last. */
function expectWhole(received: Uint8Array): void {
  const all = Buffer.from(received);
  const whole = Buffer.from(WHOLE);
  let at = Math.min(SETUP.length, all.length);
  expect(all.subarray(0, at)).toEqual(Buffer.from(SETUP.subarray(0, at)));
  // A few bytes stand in too many places.
  while (at < all.length - 8) {
    // Who had no more than the set-up may skip too.
    at += SPLICE.every((byte, i) => all[at + i] === byte) ? SPLICE.length : 0;
    const rest = all.subarray(at);
    const start = whole.indexOf(rest.subarray(0, 8));
    expect(start % FRAME).toBe(0);
    let length = 0;
    while (length < rest.length && rest[length] === whole[start + length]) {
      length++;
    }
    if (length < rest.length) {
      // A splice may begin as the next frame would have.
      length -= length % FRAME;
      expect(length).toBeGreaterThan(0);
      const splice = rest.subarray(length, length + SPLICE.length);
      expect(splice).toEqual(Buffer.from(SPLICE.subarray(0, splice.length)));
      length += splice.length;
    }
    at += length;
  }
}

describe("when its broadcaster has gone", () => {
  test("watchers linger, and go on where they were if the same one is there again", () => {
    const { begin, clock, far, frames, join, watch } = newScene({ linger: 1_000 });
    const visitor = watch();
    begin({ offset: 300 });
    join(300);
    frames(300, 450);
    far.silence(true);
    clock.advance(900);
    const newcomer = watch();
    expect(newcomer.told).toEqual([]);
    expect(far.revive()).toBe(true);
    clock.advance(10_000);
    begin({ offset: 450 });
    frames(450, 600);
    expect(visitor.received()).toEqual(bytes(SETUP, [300, 600]));
    expect(newcomer.received()).toEqual(bytes(SETUP, [300, 600]));
  });

  test("they are closed after that time, and it cannot come back", () => {
    const { begin, channel, clock, far, frames, watch } = newScene({ linger: 1_000 });
    const visitor = watch();
    begin();
    frames(0, 150);
    far.silence(true);
    clock.advance(1_001);
    expect(visitor.told).toEqual(["admitted", "closed"]);
    expect(far.revive()).toBe(false);
    expect(channel()).toBeUndefined();
  });

  test("one here takes its place, and watchers go on with it at its first join point", () => {
    const { begin, directory, far, frames, join, watch } = newScene();
    const visitor = watch({ join: "raw" });
    begin({ format: "unknown" });
    join(0);
    frames(0, 200);
    far.giveWay();
    const source = { ready: () => {}, close: () => {} };
    const result = directory.broadcast(request("broadcast"), source);
    expect("feed" in result).toBe(true);
    if ("feed" in result) {
      result.feed.receive(new Uint8Array([9, 9]));
    }
    expect(visitor.received()).toEqual(bytes([0, 200], new Uint8Array([9, 9])));
  });
});

test("an end that is asked for here is asked for at its node", () => {
  const { asked, channel, directory, watch } = newScene();
  const visitor = watch();
  const far = channel();
  if (far !== undefined) {
    directory.end(far, { code: "forbidden", message: "ended" });
  }
  expect(asked).toEqual(["want", "end forbidden"]);
  expect(visitor.told).toEqual(["admitted"]);
});

test("a directory that closes ends it here, and asks nobody", () => {
  const { asked, begin, directory, frames, watch } = newScene();
  const visitor = watch({ join: "raw" });
  begin();
  frames(0, 300);
  directory.close();
  frames(300, 400);
  expect(asked).toEqual(["want"]);
  expect(visitor.told).toEqual(["admitted", "closed"]);
});

test("what has to be known to watch it may be a hash", () => {
  const { watch } = newScene({}, "secret");
  const told = [
    watch(),
    watch({ channelPassword: "a hash" }),
    watch({ channelPassword: "secret" }),
  ];
  expect(told.map((each) => each.told)).toEqual([
    ["refused", "unauthorized"],
    ["refused", "unauthorized"],
    ["admitted"],
  ]);
});

test("where there is no room more is asked for when there is", () => {
  const { asked, begin, clock, frames, join, watch } = newScene({ window: 256 * 1024 });
  watch({}, 10);
  begin();
  join(0);
  let at = 0;
  while (frames(at, at + 50_000)) {
    at += 50_000;
  }
  expect(asked).toEqual(["want"]);
  clock.advance(300);
  expect(asked).toEqual(["want", "ready"]);
});

test("bytes that make nobody's set-up have none", () => {
  const { begin, far, frames, watch } = newScene();
  const visitor = watch();
  begin({ offset: 700 });
  far.join({ offset: 700, setup: NOTHING, splice: NOTHING, clean: true }, false);
  frames(700, 800);
  expect(visitor.received()).toEqual(bytes([700, 800]));
});
