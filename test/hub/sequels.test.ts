/**
 * A broadcaster that comes after another one: who watched goes on at a join point of the new stream,
 * or gets a clean end where a decoder could not follow.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { HOUSEKEEPING_MS, SEQUEL_MAX_MS } from "../../src/core/limits.ts";
import { film, HEADER, numbers } from "./film.ts";
import { newRelay, type Relay, type Station } from "./relay.ts";

/** Bytes of a frame of sound behind its header. */
const SOUND_BYTES = 60;
const HEAD_BYTES = 7;

/** ADTS frames (ISO/IEC 13818-7, section 6.2) with the numbers `from` to `to` - 1 in them. */
function sound(from: number, to: number): Uint8Array {
  const length = HEAD_BYTES + SOUND_BYTES;
  const head = [0xff, 0xf1, 0x4c, 0x80 | (length >> 11), (length >> 3) & 0xff];
  const frames = Array.from({ length: to - from }, (_, n) =>
    Uint8Array.from([
      ...head,
      ((length & 7) << 5) | 0x1f,
      0xfc,
      ...Array(SOUND_BYTES).fill(from + n),
    ]),
  );
  return concatBytes(...frames);
}

/** The numbers of the frames that a watcher received. Throws where one is not whole. */
function heard(received: Uint8Array): number[] {
  const length = HEAD_BYTES + SOUND_BYTES;
  return Array.from({ length: received.length / length }, (_, n) => {
    const number = received[n * length + HEAD_BYTES] ?? 0;
    const frame = received.subarray(n * length, (n + 1) * length);
    if (Buffer.compare(frame, sound(number, number + 1)) !== 0) {
      throw new Error(`frame ${n} is not whole`);
    }
    return number;
  });
}

/** A relay with a broadcast of sound that one watcher has had from the start. */
function playing(relay: Relay = newRelay()): { relay: Relay; first: Station } {
  const first = relay.broadcast();
  first.sendBytes(sound(0, 10));
  return { relay, first };
}

describe("a broadcaster that returns with the same format", () => {
  test("is followed from its first frame on, when it begins anew", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    const { first } = playing(relay);
    first.end();
    relay.clock.advance(5_000);
    relay.broadcast().sendBytes(sound(100, 110));
    expect(heard(visitor.received())).toEqual([...Array(10).keys(), ...range(100, 110)]);
    expect(visitor.told).toEqual(["admitted"]);
  });

  test("is followed from its first whole frame on, when it goes on in the middle of one", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    const { first } = playing(relay);
    first.end();
    const second = relay.broadcast();
    second.sendBytes(sound(100, 120).subarray(30));
    second.sendBytes(sound(120, 125));
    const got = heard(visitor.received());
    expect(got.slice(0, 10)).toEqual(range(0, 10));
    expect(got[10]).toBeWithin(101, 105);
    expect(got.slice(11)).toEqual(range((got[10] ?? 0) + 1, 125));
  });

  test("by taking the channel over, is followed just so", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    const { first } = playing(relay);
    relay.broadcast().sendBytes(sound(100, 110));
    expect(first.told).toEqual(["busy"]);
    expect(heard(visitor.received())).toEqual([...range(0, 10), ...range(100, 110)]);
  });

  test("is followed by a watcher that lags only when that has the rest of the first stream", () => {
    const relay = newRelay();
    const visitor = relay.watch({}, 100);
    const { first } = playing(relay);
    first.end();
    const second = relay.broadcast();
    second.sendBytes(sound(100, 110));
    second.sendBytes(sound(110, 120));
    expect(visitor.taken).toBe(100);
    visitor.drain(Infinity);
    const got = heard(visitor.received());
    expect(got.slice(0, 10)).toEqual(range(0, 10));
    expect(got.at(-1)).toBe(119);
  });

  test("is joined at once by newcomers, at its newest frame", () => {
    const { relay, first } = playing();
    first.end();
    const second = relay.broadcast();
    second.sendBytes(sound(100, 110));
    const visitor = relay.watch();
    second.sendBytes(sound(110, 112));
    expect(heard(visitor.received()).at(-1)).toBe(111);
  });

  test("has its watchers go on who still waited for a place in the first stream", () => {
    const { relay, first } = playing();
    const visitor = relay.watch({ join: "live" });
    first.end();
    relay.broadcast().sendBytes(sound(100, 110));
    expect(heard(visitor.received())).toEqual(range(100, 110));
  });
});

describe("a broadcaster that returns with something else", () => {
  test("of another format, ends the watchers of the first cleanly", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    const { first } = playing(relay);
    first.end();
    const second = relay.broadcast();
    film(3, 1, 50).forEach((piece) => second.sendBytes(piece));
    expect(visitor.told).toEqual(["admitted", "closed"]);
    expect(heard(visitor.received())).toEqual(range(0, 10));
  });

  test("of no format that is known, ends them when it has shown none for long", () => {
    const relay = newRelay({ silence: 600_000 });
    const visitor = relay.watch();
    const { first } = playing(relay);
    first.end();
    relay.broadcast().sendBytes(Buffer.from("a line of text, which is no sound\n"));
    relay.clock.advance(SEQUEL_MAX_MS - HOUSEKEEPING_MS);
    expect(visitor.told).toEqual(["admitted"]);
    relay.clock.advance(2 * HOUSEKEEPING_MS);
    expect(visitor.told).toEqual(["admitted", "closed"]);
  });
});

describe("a stream whose header comes but once", () => {
  test("ends its watchers as soon as its broadcaster has gone", () => {
    const relay = newRelay({ linger: 10_000 });
    const visitor = relay.watch();
    const station = relay.broadcast();
    film(12, 10, 50).forEach((piece) => station.sendBytes(piece));
    station.end();
    expect(visitor.told).toEqual(["admitted", "closed"]);
    expect(numbers(visitor.received()).length).toBe(12);
  });

  test("ends them when another broadcaster takes over, whose stream is whole for newcomers", () => {
    const relay = newRelay();
    const visitor = relay.watch();
    const before = relay.broadcast();
    film(12, 10, 50).forEach((piece) => before.sendBytes(piece));
    const station = relay.broadcast();
    expect(visitor.told).toEqual(["admitted", "closed"]);
    const late = relay.watch();
    film(5, 10, 50).forEach((piece) => station.sendBytes(piece));
    expect(numbers(late.received())).toEqual(range(0, 5));
    expect(late.received().subarray(0, HEADER.length)).toEqual(Buffer.from(HEADER));
  });
});

test("streams of no format that is known follow each other byte by byte", () => {
  const relay = newRelay();
  const visitor = relay.watch();
  const first = relay.broadcast();
  first.send("the first of two streams of text, ");
  first.end();
  relay.broadcast().send("and the second");
  expect(visitor.text()).toBe("the first of two streams of text, and the second");
});

test("a watcher that wants the bytes as they are gets the next one, whatever the format", () => {
  const relay = newRelay();
  const visitor = relay.watch({ join: "raw" });
  const { first } = playing(relay);
  first.end();
  const rest = sound(100, 110).subarray(30);
  relay.broadcast().sendBytes(rest);
  expect(Buffer.compare(visitor.received(), concatBytes(sound(0, 10), rest))).toBe(0);
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}
