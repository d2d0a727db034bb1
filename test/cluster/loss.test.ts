/**
 * A link that loses messages: between the hub of a broadcaster and that of its watchers, with nothing
 * but the loss in between.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { newClusterCounters } from "../../src/cluster/figures.ts";
import { newFollowings } from "../../src/cluster/follow.ts";
import { newLead, type Own } from "../../src/cluster/lead.ts";
import type { Stream, ToOne } from "../../src/cluster/words.ts";
import { BEAT_MS, LINK_QUIET_MS } from "../../src/core/limits.ts";
import { newDirectory } from "../../src/hub/directory.ts";
import { handClock } from "../support/clock.ts";
import { fakeSink, fakeSource, request, type FakePeer } from "../hub/fakes.ts";
import { film, numbers } from "../hub/film.ts";
import { SETTINGS } from "../hub/stage.ts";

const STREAM: Stream = {
  seq: 1,
  epoch: 5,
  user: "bob",
  channel: "",
  lock: "",
  silent: false,
  format: "",
};

/** A frame takes several messages. */
const MESSAGE = 64;
const FRAME = 300;
const GOP = 4;

/** Two hubs and the messages on their way, each of which `loses` may take away by its number. */
function newScene(loses: (message: number) => boolean, window: number = SETTINGS.window) {
  const clock = handClock();
  const settings = { ...SETTINGS, coalesce: 0, slow: "skip", window } as const;
  const counters = newClusterCounters();
  const [near, far] = [newDirectory(clock, settings), newDirectory(clock, settings)];
  const taken = near.broadcast(request("broadcast"), fakeSource());
  const channel = near.find("bob", "");
  const broadcast = channel?.live;
  if (!("feed" in taken) || channel === undefined || !broadcast) {
    throw new Error("nothing is on air");
  }
  const own: Own = { channel, broadcast, stream: STREAM, isFinished: false, links: new Map() };
  const waiting: (() => void)[] = [];
  let count = 0;
  const lead = newLead({
    clock,
    counters,
    self: "near",
    most: () => MESSAGE,
    ready: () => true,
    subjectOf: () => "",
    publish: (_, message) =>
      loses(count++) ? undefined : void waiting.push(() => followings.message(message)),
    tell: (_, word) =>
      word.k === "lapsed" && waiting.push(() => followings.lapsed("near", word.session)),
  });
  const hear = (word: ToOne): void => {
    if (word.k === "follow") {
      lead.follow(own, word);
    } else if (word.k === "taken") {
      lead.taken("far", word.session, word.at);
    } else if (word.k === "leave") {
      lead.leave("far", word.session);
    }
  };
  const tell = (_: string, word: ToOne): void => void waiting.push(() => hear(word));
  const followings = newFollowings({ clock, counters, self: "far", tell });
  const link = followings.open("near", STREAM);
  followings.ready(link, far.follow(request("broadcast"), link.upstream, null));
  const sink = fakeSink();
  return {
    counters,
    link,
    feed: taken.feed,
    /** Has all arrive that is on its way, and what that causes. */
    settle() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        next();
      }
    },
    /** Lets the time pass after which a link that hears nothing asks anew. */
    wait() {
      clock.advance(LINK_QUIET_MS + BEAT_MS);
      followings.tick(() => true);
    },
    watch(): FakePeer {
      const peer = sink.open();
      const result = far.watch(request("watch"), peer);
      if ("seat" in result) {
        peer.onDrain = () => result.seat.drained();
      }
      return peer;
    },
  };
}

type Scene = ReturnType<typeof newScene>;

/** Sends frames one by one, each of which arrives before the next. */
function play(scene: Scene, frames: readonly Uint8Array[]): void {
  for (const frame of frames) {
    scene.feed.receive(frame);
    scene.settle();
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

describe("a link", () => {
  test("that loses nothing brings all of it, and asks once", () => {
    const scene = newScene(() => false);
    const watcher = scene.watch();
    scene.settle();
    play(scene, film(40, GOP, FRAME));
    expect(numbers(watcher.received())).toEqual(upTo(40));
    expect(scene.counters).toMatchObject({ gaps: 0, resyncs: 0, skips: 0 });
  });

  test("that loses any one message brings all of it nevertheless", () => {
    for (let lost = 0; lost < 60; lost++) {
      const scene = newScene((message) => message === lost);
      const watcher = scene.watch();
      scene.settle();
      play(scene, film(12, GOP, FRAME));
      scene.wait();
      scene.settle();
      expect(numbers(watcher.received())).toEqual(upTo(12));
      expect(scene.counters.skips).toBe(0);
    }
  });

  test("that loses messages at random never tears a frame, and comes to the newest one", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(99)), fc.integer({ min: 1, max: 5 }), (dice, most) => {
        let isLossy = true;
        const scene = newScene(() => isLossy && Number(dice.next().value) < most);
        const watchers = [scene.watch()];
        scene.settle();
        film(60, GOP, FRAME).forEach((frame, number) => {
          play(scene, [frame]);
          if (number % 20 === 10) {
            watchers.push(scene.watch());
          }
        });
        isLossy = false;
        scene.wait();
        scene.settle();
        for (const watcher of watchers) {
          expect(watcher.told).toEqual(["admitted"]);
          expect(numbers(watcher.received()).at(-1)).toBe(59);
        }
        expect(numbers(watchers[0]?.received() ?? new Uint8Array(0))).toEqual(upTo(60));
      }),
      { numRuns: 60 },
    );
  });

  test("that was away for longer than the ring lasts skips between two frames", () => {
    let isAway = false;
    const window = 256 * 1024;
    const scene = newScene(() => isAway, window);
    const watcher = scene.watch();
    scene.settle();
    const frames = film(100, GOP, 20_000);
    play(scene, frames.slice(0, 5));
    isAway = true;
    play(scene, frames.slice(5, 90));
    isAway = false;
    scene.wait();
    scene.settle();
    play(scene, frames.slice(90));
    const seen = numbers(watcher.received());
    expect([seen[0], seen.at(-1), watcher.told]).toEqual([0, 99, ["admitted"]]);
    expect(seen.length).toBeLessThan(100);
    expect(scene.counters.skips).toBeGreaterThan(0);
  });
});
