import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { drop, newNode, newTable, put, type Table } from "../../src/cluster/table.ts";
import type { Stream } from "../../src/cluster/words.ts";

const KEY = "bob/main";

function streamOf(seq: number, epoch: number, silent: boolean = false): Stream {
  return { seq, epoch, user: "bob", channel: "main", lock: "", silent, format: "" };
}

/** A table of the nodes `a`, `b` and `c`, as the one of these that is `self` has it. */
function tableOf(self: string, streams: Readonly<Record<string, readonly Stream[]>>): Table {
  const table = newTable(newNode(self, self, 0));
  for (const [id, all] of Object.entries(streams)) {
    const node = id === self ? table.self : table.add(id, id, 0);
    all.forEach((stream) => node && put(node, stream));
  }
  return table;
}

const winner = (table: Table): string | undefined => table.best(KEY)?.node.id;

describe("of several broadcasts of a channel", () => {
  test("that of the later claim counts", () => {
    expect(winner(tableOf("a", { a: [streamOf(1, 5)], b: [streamOf(1, 6)], c: [] }))).toBe("b");
  });

  test("one with a broadcaster counts before one without", () => {
    expect(winner(tableOf("a", { a: [streamOf(1, 5)], b: [streamOf(1, 6, true)] }))).toBe("a");
  });

  test("that of a node which is lost does not count, until it is there again", () => {
    const table = tableOf("a", { a: [streamOf(1, 5)], b: [streamOf(1, 6)] });
    const b = table.others.get("b");
    b!.lost = true;
    expect(winner(table)).toBe("a");
    b!.lost = false;
    expect(winner(table)).toBe("b");
  });

  test("the newest of one node counts, whatever comes to an end behind it", () => {
    const table = tableOf("a", { b: [streamOf(1, 5), streamOf(2, 6)] });
    expect(table.best(KEY)?.stream.seq).toBe(2);
    drop(table.others.get("b")!, 1);
    expect(table.best(KEY)?.stream.seq).toBe(2);
    drop(table.others.get("b")!, 2);
    expect(table.best(KEY)).toBeUndefined();
  });

  test("every node takes the same, in whatever order it has heard of them", () => {
    const claims = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(claims, fc.infiniteStream(fc.nat()), (all, order) => {
        const ids = all.map((_, i) => `n${i}`);
        const owners = ids.map((self) => {
          const shuffled = all
            .map(([epoch, silent], i) => [order.next().value, i, epoch, silent] as const)
            .toSorted(([a], [b]) => Number(a) - Number(b));
          const streams = shuffled.map(
            ([, i, epoch, silent]) => [`n${i}`, [streamOf(1, epoch, silent)]] as const,
          );
          return winner(tableOf(self, Object.fromEntries(streams)));
        });
        expect(new Set(owners).size).toBe(1);
      }),
    );
  });
});
