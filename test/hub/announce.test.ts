/**
 * Watchers that have to be told the format before the first byte, as those by HTTP have.
 */
import { expect, test } from "bun:test";
import { PROBE_MAX_MS } from "../../src/core/limits.ts";
import { newDirectory, type Feed } from "../../src/hub/directory.ts";
import type { Known } from "../../src/media/scan.ts";
import type { Request } from "../../src/protocol/request.ts";
import { handClock } from "../support/clock.ts";
import { fakeSink, fakeSource, request, type FakePeer } from "./fakes.ts";
import { film } from "./film.ts";
import { SETTINGS } from "./stage.ts";

const FILM = Buffer.concat(film(30, 10, 100));
const WORDS = Buffer.from("a stream of no format that anybody knows");

function newScene() {
  const clock = handClock();
  const directory = newDirectory(clock, { ...SETTINGS, coalesce: 0, linger: 0 });
  const sink = fakeSink();
  return {
    clock,
    directory,
    live(): Feed {
      const result = directory.broadcast(request("broadcast"), fakeSource());
      if ("refused" in result) {
        throw new Error(result.refused.message);
      }
      return result.feed;
    },
    /** A watcher, and the formats that it was told, each with the bytes that it had by then. */
    watch(changes: Partial<Request> = {}, goesOn = true) {
      const peer: FakePeer = sink.open();
      const told: [Known, number][] = [];
      const announce = (format: Known): boolean => {
        told.push([format, peer.taken]);
        return goesOn;
      };
      directory.watch(request("watch", changes), {
        ...peer,
        attendant: { ...peer.attendant, announce },
      });
      return { peer, told };
    },
  };
}

test("who came before the first byte is told the format once it is known, and gets every byte", () => {
  const scene = newScene();
  const { peer, told } = scene.watch();
  const feed = scene.live();
  for (const byte of FILM) {
    feed.receive(Uint8Array.of(byte));
  }
  feed.end();
  expect(told).toEqual([["ivf", 0]]);
  expect(peer.received()).toEqual(FILM);
  expect(peer.told).toEqual(["admitted", "closed"]);
});

test("who comes later is told at once, and begins at a join point", () => {
  const scene = newScene();
  scene.live().receive(FILM);
  const { peer, told } = scene.watch();
  expect(told).toEqual([["ivf", 0]]);
  expect(peer.received().subarray(0, 4)).toEqual(Buffer.from("DKIF"));
  expect(peer.taken).toBeLessThan(FILM.length);
});

test("with join=raw nobody waits for a format", () => {
  const scene = newScene();
  const feed = scene.live();
  const { peer, told } = scene.watch({ join: "raw" });
  feed.receive(WORDS);
  expect(told).toEqual([[undefined, 0]]);
  expect(peer.received()).toEqual(WORDS);
});

test("a stream that counts as unknown after a while has lost nothing of what came meanwhile", () => {
  const scene = newScene();
  const feed = scene.live();
  feed.receive(FILM.subarray(0, 2));
  const { peer, told } = scene.watch();
  feed.receive(FILM.subarray(2, 3));
  scene.clock.advance(PROBE_MAX_MS + 1000);
  feed.receive(WORDS);
  expect(told).toEqual([["unknown", 0]]);
  expect(peer.received()).toEqual(Buffer.concat([FILM.subarray(2, 3), WORDS]));
});

test("a stream that ends before it has shown what it is is there for who waited", () => {
  const scene = newScene();
  const feed = scene.live();
  const { peer, told } = scene.watch();
  feed.receive(FILM.subarray(0, 3));
  expect(peer.taken).toBe(0);
  feed.end();
  expect(told).toEqual([[undefined, 0]]);
  expect(peer.received()).toEqual(FILM.subarray(0, 3));
  expect(peer.told).toEqual(["admitted", "closed"]);
});

test("a broadcast that ends without a byte is told nobody", () => {
  const scene = newScene();
  const feed = scene.live();
  const { peer, told } = scene.watch();
  feed.end();
  expect(told).toEqual([]);
  expect(peer.told).toEqual(["admitted", "closed"]);
});

test("who waits when another broadcaster takes over is told that one's format", () => {
  const scene = newScene();
  scene.live();
  const { peer, told } = scene.watch();
  scene.live().receive(FILM);
  expect(told).toEqual([["ivf", 0]]);
  expect(peer.received()).toEqual(FILM);
});

test("who wants to know the format alone is closed then, and counts no more", () => {
  const scene = newScene();
  const one = scene.watch({}, false);
  const feed = scene.live();
  feed.receive(FILM);
  const other = scene.watch({}, false);
  feed.receive(FILM);
  for (const { peer, told } of [one, other]) {
    expect(told).toEqual([["ivf", 0]]);
    expect(peer.told).toEqual(["admitted", "closed"]);
    expect(peer.taken).toBe(0);
  }
});
