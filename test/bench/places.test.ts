/**
 * Where broadcasters and watchers of a cluster go.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { castPort, watchPort } from "../../bench/load/places.ts";
import type { Target } from "../../bench/load/messages.ts";
import { newPlacement } from "../../bench/measure/placement.ts";

const ONE: Target = {
  peer: "fstream",
  host: "127.0.0.1",
  port: 1000,
  user: "bench",
  password: undefined,
};

const cluster = (nodes: number): Target => ({
  ...ONE,
  nodes: Array.from({ length: nodes }, (_, i) => 1000 + i),
});

const ports = (count: number, portOf: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => portOf(i));

describe("in a cluster", () => {
  test("broadcasters take the nodes in turn", () => {
    expect(ports(5, (channel) => castPort(cluster(3), channel))).toEqual([
      1000, 1001, 1002, 1000, 1001,
    ]);
  });

  test("a channel's watchers are at all nodes alike, and come to their broadcaster's last", () => {
    const some = { min: 1, max: 40 };
    fc.assert(
      fc.property(fc.integer(some), fc.nat(200), fc.integer(some), (nodes, channel, watchers) => {
        const target = cluster(nodes);
        const taken = ports(watchers, (index) => watchPort(target, channel, index));
        const count = (port: number): number => taken.filter((each) => each === port).length;
        for (const port of target.nodes ?? []) {
          expect(Math.abs(count(port) - watchers / nodes)).toBeLessThan(1);
        }
        expect(count(castPort(target, channel))).toBe(Math.floor(watchers / nodes));
      }),
    );
  });
});

test("one server has all of them", () => {
  expect(ports(5, (channel) => castPort(ONE, channel))).toEqual([1000, 1000, 1000, 1000, 1000]);
  expect(ports(3, (index) => watchPort(ONE, 7, index))).toEqual([1000, 1000, 1000]);
});

test("a server and its load never share a core where they are kept apart", () => {
  for (const processes of [1, 2, 4, 100]) {
    const { load, server } = newPlacement(true, processes);
    const cores = [load, server].map((prefix) => coresOf(prefix.at(-1)));
    expect(cores.every((some) => some.length > 0)).toBe(server.length > 0);
    expect(cores.flat().length).toBe(new Set(cores.flat()).size);
  }
});

/** The cores in a list as taskset has it. */
function coresOf(text: string = ""): number[] {
  if (text === "") {
    return [];
  }
  const [first = 0, last = first] = text.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
