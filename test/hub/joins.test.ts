/**
 * Where watchers begin in a stream whose frames are known.
 */
import { describe, expect, test } from "bun:test";
import { PROBE_MAX_BYTES, PROBE_MAX_MS, RING_MIN_BYTES } from "../../src/core/limits.ts";
import { concatBytes } from "../../src/core/bytes.ts";
import { film, frame, HEADER, numbers, view } from "./film.ts";
import { expectInvariants, newStage, type Stage } from "./stage.ts";

/** A stage on which `count` frames have been sent, ten to a keyframe. */
function playing(count: number, size = 100): Stage {
  const stage = newStage({ coalesce: 0 });
  film(count, 10, size).forEach((piece) => stage.cast(piece));
  return stage;
}

/** Sends the frames `from` to `to` - 1 of the same film. */
function play(stage: Stage, from: number, to: number, size = 100): void {
  for (let n = from; n < to; n++) {
    stage.cast(frame(n, size, n % 10 === 0));
  }
}

describe("a watcher that joins in mid-stream", () => {
  test("gets the set-up and the newest keyframe at once, and then everything", () => {
    const stage = playing(26);
    const guest = stage.watch();
    expect(guest.told).toEqual(["admitted"]);
    expect(numbers(guest.received())).toEqual([20, 21, 22, 23, 24, 25]);
    play(stage, 26, 40);
    expect(numbers(guest.received())).toEqual(Array.from({ length: 20 }, (_, n) => 20 + n));
    expectInvariants(stage);
  });

  test("with join=live gets the set-up and the next keyframe, and nothing before", () => {
    const stage = playing(26);
    const guest = stage.watch({ join: "live" });
    play(stage, 26, 30);
    expect([guest.told, guest.taken]).toEqual([["admitted"], 0]);
    play(stage, 30, 35);
    expect(numbers(guest.received())).toEqual([30, 31, 32, 33, 34]);
  });

  test("with join=raw gets the next byte", () => {
    const stage = playing(26);
    const guest = stage.watch({ join: "raw" });
    play(stage, 26, 28);
    const sent = concatBytes(frame(26, 100, false), frame(27, 100, false));
    expect(Buffer.compare(guest.received(), sent)).toBe(0);
  });

  test("gets what the server's setting says, where it does not say itself", () => {
    const stage = newStage({ coalesce: 0, join: "live" });
    film(12, 10, 100).forEach((piece) => stage.cast(piece));
    const guest = stage.watch();
    expect(guest.taken).toBe(0);
    play(stage, 12, 21);
    expect(numbers(guest.received())).toEqual([20]);
  });

  test("in a frame that is just arriving, gets the rest as it comes", () => {
    const stage = playing(20);
    const key = frame(20, 5_000, true);
    stage.cast(key.subarray(0, 2_000));
    const guest = stage.watch();
    expect(numbers(guest.received(), true)).toEqual([]);
    expect(guest.taken).toBe(HEADER.length + 2_000);
    stage.cast(key.subarray(2_000));
    expect(numbers(guest.received())).toEqual([20]);
  });

  test("and takes its set-up a byte at a time, gets it whole", () => {
    const stage = playing(26);
    const guest = stage.watch({}, 0);
    for (let n = 0; n < 2_000; n++) {
      guest.drain(1);
    }
    expect(numbers(guest.received())).toEqual([20, 21, 22, 23, 24, 25]);
    expectInvariants(stage);
  });

  test("is counted with every byte that it took, the set-up's too", () => {
    const stage = playing(26);
    const guest = stage.watch();
    expect(stage.around.counters.bytesOut).toBe(guest.taken);
    expect(guest.taken).toBe(HEADER.length + 6 * 112);
  });

  test("before the first keyframe has come, waits for it", () => {
    const stage = newStage({ coalesce: 0 });
    stage.cast(HEADER);
    const guest = stage.watch();
    play(stage, 5, 10);
    expect([guest.told, guest.taken]).toEqual([["admitted"], 0]);
    play(stage, 10, 13);
    expect(numbers(guest.received())).toEqual([10, 11, 12]);
  });

  test("and leaves while it waits, is forgotten", () => {
    const stage = playing(26);
    const guest = stage.watch({ join: "live" });
    guest.leave();
    play(stage, 26, 31);
    expect(guest.taken).toBe(0);
    expect(stage.broadcast.awaiting.size).toBe(0);
  });

  test("and finds its connection broken, takes nobody with it", () => {
    const stage = playing(26);
    const guests = Array.from({ length: 3 }, () => stage.watch({ join: "live" }));
    guests[1]!.gone = true;
    play(stage, 26, 31);
    expect(guests.map((guest) => guest.taken > 0)).toEqual([true, false, true]);
    expectInvariants(stage);
  });
});

describe("a watcher that came before the broadcast", () => {
  test("gets every byte of it and nothing else, however it wants to join", () => {
    for (const join of ["keyframe", "live", "raw"] as const) {
      const stage = newStage({ coalesce: 0 });
      const guest = stage.watch({ join });
      const sent = film(30, 10, 100);
      sent.forEach((piece) => stage.cast(piece));
      expect(Buffer.compare(guest.received(), concatBytes(...sent))).toBe(0);
    }
  });
});

describe("while a stream is probed", () => {
  test("whoever joins waits until its format is known", () => {
    const stage = newStage({ coalesce: 0 });
    stage.cast(HEADER.subarray(0, 2));
    const guest = stage.watch();
    expect([guest.told, guest.taken]).toEqual([["admitted"], 0]);
    stage.cast(HEADER.subarray(2));
    stage.cast(frame(0, 100, true));
    expect(numbers(guest.received())).toEqual([0]);
    expect(stage.notices).toEqual([{ kind: "format", format: "ivf" }]);
  });

  test("whoever joins with join=raw waits for nothing", () => {
    const stage = newStage({ coalesce: 0 });
    stage.cast(HEADER.subarray(0, 2));
    const guest = stage.watch({ join: "raw" });
    stage.cast(HEADER.subarray(2));
    expect(guest.taken).toBe(HEADER.length - 2);
  });

  test("for too long, it counts as unknown, and whoever waits goes on at the live edge", () => {
    const stage = newStage({ coalesce: 0 });
    stage.cast(HEADER.subarray(0, 2));
    const guest = stage.watch();
    stage.pass(PROBE_MAX_MS - 300);
    expect(stage.notices).toEqual([]);
    stage.pass(600);
    expect(stage.notices).toEqual([{ kind: "format", format: "unknown" }]);
    stage.cast(Buffer.from("next"));
    expect(Buffer.from(guest.received()).toString()).toBe("next");
  });

  test("for too many bytes, it counts as unknown", () => {
    const stage = newStage({ coalesce: 0 });
    // A message for decoders, as one may stand before the parameter sets, but without an end.
    stage.cast(concatBytes(new Uint8Array([0, 0, 0, 1, 6]), Buffer.alloc(1_000, 0xff)));
    const guest = stage.watch();
    stage.cast(Buffer.alloc(PROBE_MAX_BYTES, 0xff));
    stage.cast(Buffer.from("next"));
    expect(stage.notices).toEqual([{ kind: "format", format: "unknown" }]);
    expect(Buffer.from(guest.received()).toString()).toBe("next");
  });

  test("and its broadcaster goes for good, whoever waits gets a clean end", () => {
    const stage = newStage({ coalesce: 0, linger: 0 });
    stage.cast(HEADER.subarray(0, 2));
    const guest = stage.watch();
    stage.end();
    expect(guest.told).toEqual(["admitted", "closed"]);
  });
});

describe("a stream that proves not to be what it seemed", () => {
  test("counts as unknown: newcomers get the live edge, and whoever was in goes on", () => {
    const stage = playing(12);
    const old = stage.watch();
    const noise = Buffer.alloc(1_000, 0xff);
    stage.cast(noise);
    expect(stage.notices.at(-1)).toEqual({ kind: "format", format: "unknown" });
    const guest = stage.watch();
    stage.cast(Buffer.from("next"));
    expect(Buffer.from(guest.received()).toString()).toBe("next");
    expect(old.received().length).toBe(HEADER.length + 2 * 112 + 1_004);
  });
});

describe("the ring", () => {
  const size = 30_000;

  test("grows until it holds the newest keyframe, as far as the window allows", () => {
    const stage = newStage({ coalesce: 0 });
    for (let n = 0; n < 45; n++) {
      stage.cast(
        n === 0 ? concatBytes(HEADER, frame(0, size, true)) : frame(n, size, n % 40 === 0),
      );
      expect(numbers(stage.watch().received())[0]).toBe(n - (n % 40));
    }
    expect(stage.broadcast.ring.capacity).toBeGreaterThanOrEqual(40 * size);
    expect(stage.notices).toEqual([{ kind: "format", format: "ivf" }]);
  });

  test("too small for that, says so once, and newcomers wait for the next keyframe", () => {
    const stage = newStage({ coalesce: 0, window: RING_MIN_BYTES });
    for (let n = 0; n < 15; n++) {
      stage.cast(n === 0 ? concatBytes(HEADER, frame(0, size, true)) : frame(n, size, false));
    }
    const guest = stage.watch();
    expect(guest.taken).toBe(0);
    stage.cast(frame(15, size, true));
    expect(numbers(guest.received())).toEqual([15]);
    for (let n = 16; n < 40; n++) {
      stage.cast(frame(n, size, false));
    }
    expect(numbers(guest.received()).length).toBe(25);
    const told = stage.notices.filter(({ kind }) => kind === "far-apart");
    expect(told.length).toBe(1);
    expect(stage.broadcast.ring.capacity).toBe(RING_MIN_BYTES);
  });
});

test("the viewer of these tests finds a broken frame, a gap and a missing header", () => {
  const whole = concatBytes(...film(12, 10, 50));
  expect(view(whole).length).toBe(12);
  expect(() => view(whole.subarray(1))).toThrow("header");
  expect(() => view(concatBytes(whole.subarray(0, 150), whole.subarray(160)))).toThrow("broken");
  const gap = concatBytes(HEADER, frame(0, 50, true), frame(2, 50, false));
  expect(() => view(gap)).toThrow("is no keyframe");
});
