/**
 * A sink that throws costs its own watcher alone.
 */
import { expect, test } from "bun:test";
import { film, HEADER, numbers } from "./film.ts";
import { expectAll, newStage, type Guest, type Stage } from "./stage.ts";

/** Has every write to `guest` throw from now on. */
function plant(guest: Guest): void {
  const { sink, handle } = guest;
  const write = sink.write.bind(sink);
  sink.write = (to, buffer, offset, length) => {
    if (to === handle) {
      throw new Error(`planted for ${handle}`);
    }
    return write(to, buffer, offset, length);
  };
}

function crowd(stage: Stage): Guest[] {
  return Array.from({ length: 7 }, () => stage.join());
}

test("in the middle of a fan-out: the others get every byte, and what was thrown is told", () => {
  for (const places of [[0], [3], [6], [5, 6], [0, 1, 2, 3, 4, 5, 6]]) {
    const stage = newStage({ coalesce: 0 });
    const guests = crowd(stage);
    stage.send(100);
    places.forEach((place) => {
      const guest = guests[place];
      if (guest !== undefined) {
        plant(guest);
      }
    });
    stage.send(100);
    stage.send(100);
    for (const [place, guest] of guests.entries()) {
      if (places.includes(place)) {
        expect(guest.told).toEqual(["admitted", "forbidden"]);
        expect(guest.taken).toBe(100);
      } else {
        expectAll(stage, guest);
      }
    }
    expect(stage.notices.filter(({ kind }) => kind === "fault").length).toBe(places.length);
  }
});

test("where many get a place at once: nor does the broadcaster notice", () => {
  const stage = newStage({ coalesce: 0 });
  const [first = HEADER, ...rest] = film(3, 1, 500);
  stage.cast(first.subarray(0, 20));
  const guests = Array.from({ length: 5 }, () => stage.watch({ join: "live" }));
  const [, faulty] = guests;
  if (faulty !== undefined) {
    plant(faulty);
  }
  stage.cast(first.subarray(20));
  rest.forEach((piece) => expect(stage.cast(piece)).toBe(true));
  for (const guest of guests) {
    expect(guest.told).toEqual(guest === faulty ? ["admitted", "forbidden"] : ["admitted"]);
    expect(guest === faulty || numbers(guest.received()).length > 0).toBe(true);
  }
  expect(stage.source.told).toEqual([]);
});
