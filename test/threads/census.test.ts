/** Places and connections of several threads, against a count that one keeps by hand. */
import { expect, test } from "bun:test";
import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { censusOf, forgetThread, newCensusMemory } from "../../src/threads/census.ts";

const THREADS = 3;

const step = record({
  thread: nat(THREADS - 1),
  place: nat(40).map((n) => `10.0.0.${n}`),
  what: constantFrom("take", "take", "leave", "crash"),
});

test("each thread sees what all have taken, and what a crashed one had is free", () => {
  assert(
    property(array(step, { maxLength: 200 }), (steps) => {
      const memory = newCensusMemory(THREADS);
      const views = Array.from({ length: THREADS }, (_, self) => censusOf(memory, THREADS, self));
      const taken = Array.from({ length: THREADS }, () => new Map<string, number>());
      for (const { place, thread, what } of steps) {
        const [mine, view] = [taken[thread], views[thread]];
        const count = mine?.get(place) ?? 0;
        if (what === "take") {
          mine?.set(place, count + 1);
          view?.take(place);
        } else if (what === "crash") {
          mine?.clear();
          forgetThread(memory, THREADS, thread);
        } else if (count > 0) {
          mine?.set(place, count - 1);
          view?.leave(place);
        }
        const all = taken.reduce((sum, each) => sum + (each.get(place) ?? 0), 0);
        expect(views.map((each) => each.countOf(place))).toEqual([all, all, all]);
      }
    }),
  );
});

test("twenty thousand places do not take each other's slots", () => {
  const census = censusOf(newCensusMemory(1), 1, 0);
  const places = Array.from({ length: 20_000 }, (_, n) => `2001:db8:${n.toString(16)}::/64`);
  places.forEach((place) => census.take(place));
  expect(places.every((place) => census.countOf(place) === 1)).toBe(true);
  places.forEach((place) => census.leave(place));
  expect(places.every((place) => census.countOf(place) === 0)).toBe(true);
});

test("open and silent connections are those of all threads", () => {
  const memory = newCensusMemory(2);
  const [one, two] = [censusOf(memory, 2, 0), censusOf(memory, 2, 1)];
  one.opened();
  two.opened();
  two.opened();
  two.silent(1);
  expect([one.all(), two.all(), one.allSilent()]).toEqual([3, 3, 1]);
  forgetThread(memory, 2, 1);
  one.closed();
  expect([one.all(), one.allSilent()]).toEqual([0, 0]);
});
