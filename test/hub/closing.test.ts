/**
 * A directory that closes ends every broadcast where a frame does, however its bytes come.
 */
import { expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { LAST_FRAME_MS } from "../../src/core/limits.ts";
import { film, numbers } from "./film.ts";
import { hasForgottenAll, newRelay } from "./relay.ts";

const SIZE = 1_000;
const FILM = concatBytes(...film(20, 5, SIZE));
const FRAME = SIZE + 12;

test("it is cut as soon as the next frame begins, and nobody gets a byte of that", () => {
  for (let cut = 32 + FRAME + 1; cut < 32 + 4 * FRAME; cut += 97) {
    for (const step of [1, 50, FRAME, 5 * FRAME]) {
      const relay = newRelay({ coalesce: 5 });
      const broadcaster = relay.broadcast();
      const watcher = relay.watch();
      const slow = relay.watch({}, 500);
      broadcaster.sendBytes(FILM.subarray(0, cut));
      relay.directory.close();
      for (let at = cut; broadcaster.told.length === 0; at += step) {
        broadcaster.sendBytes(FILM.subarray(at, at + step));
        relay.clock.advance(step / 10);
      }
      expect(broadcaster.told).toEqual(["shutting-down"]);
      expect(watcher.told).toEqual(["admitted", "closed"]);
      expect(slow.told).toEqual(["admitted"]);
      slow.drain(Infinity);
      expect(slow.told).toEqual(["admitted", "closed"]);
      const whole = Math.ceil((cut - 32) / FRAME);
      expect(numbers(watcher.received())).toEqual(Array.from({ length: whole }, (_, n) => n));
      expect(slow.received()).toEqual(watcher.received());
      relay.clock.advance(60_000);
      expect(relay.clock.pending()).toBe(0);
    }
  }
});

test("a frame that does not end in time holds nobody up", () => {
  const relay = newRelay();
  const broadcaster = relay.broadcast();
  const watcher = relay.watch();
  broadcaster.sendBytes(FILM.subarray(0, 32 + FRAME + 500));
  relay.directory.close();
  relay.clock.advance(LAST_FRAME_MS - 1);
  expect([...broadcaster.told, ...watcher.told]).toEqual(["admitted"]);
  relay.clock.advance(1);
  expect(broadcaster.told).toEqual(["shutting-down"]);
  expect(watcher.told).toEqual(["admitted", "closed"]);
});

test("nor does a broadcaster that goes meanwhile, and it is told nothing", () => {
  const relay = newRelay();
  const broadcaster = relay.broadcast();
  const watcher = relay.watch();
  broadcaster.sendBytes(FILM.subarray(0, 32 + FRAME + 500));
  relay.directory.close();
  broadcaster.end();
  relay.clock.advance(LAST_FRAME_MS);
  expect(broadcaster.told).toEqual([]);
  expect(watcher.told).toEqual(["admitted", "closed"]);
});

test("a stream without frames, one that lingers and those who wait end at once", () => {
  const relay = newRelay();
  const noise = relay.broadcast({ channel: "noise" });
  const listener = relay.watch({ channel: "noise" });
  noise.send("no format that anybody knows ".repeat(100));
  const gone = relay.broadcast({ channel: "gone" });
  const left = relay.watch({ channel: "gone" });
  gone.send("x");
  gone.end();
  const waiting = relay.watch({ channel: "none" });
  relay.directory.close();
  expect(noise.told).toEqual(["shutting-down"]);
  expect(listener.told).toEqual(["admitted", "closed"]);
  expect(left.told).toEqual(["admitted", "closed"]);
  expect(waiting.told).toEqual(["shutting-down"]);
  expect(hasForgottenAll(relay)).toBe(true);
});
