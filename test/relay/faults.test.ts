/**
 * A handler that throws costs its own connection alone, with its reason in the log.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Directory } from "../../src/hub/directory.ts";
import { relay, type Relay } from "../support/server.ts";
import { connect, payload } from "../support/sockets.ts";
import { running } from "./streams.ts";

setDefaultTimeout(60_000);

const PLANTED = "channel=planted,reply=1";

function fail(what: string): never {
  throw new Error(`planted in ${what}`);
}

/** Has the directory's ways in and out throw, for the channel "planted" alone. */
function plant(directory: Directory, where: "receive" | "drained" | "leave" | "watch"): void {
  const broadcast = directory.broadcast.bind(directory);
  const watch = directory.watch.bind(directory);
  directory.broadcast = (request, source) => {
    const result = broadcast(request, source);
    return request.channel === "planted" && "feed" in result && where === "receive"
      ? { feed: { ...result.feed, receive: () => fail(where) } }
      : result;
  };
  directory.watch = (request, peer) => {
    if (request.channel !== "planted") {
      return watch(request, peer);
    }
    const result = where === "watch" ? fail(where) : watch(request, peer);
    return "seat" in result ? { seat: { ...result.seat, [where]: () => fail(where) } } : result;
  };
}

/** Expects that nobody else notices, and that the broken connection is forgotten. */
async function expectAlone(fstream: Relay, break_: () => Promise<void>): Promise<void> {
  using others = await running(fstream.where, "other");
  await break_();
  expect(await others.isExact()).toBe(true);
  expect(fstream.server.connections.size).toBe(3);
}

test.each([
  ["receive", "broadcast"],
  ["drained", "watch"],
  ["watch", "watch"],
] as const)("in %s", async (where, verb) => {
  await using fstream = await relay();
  await expectAlone(fstream, async () => {
    plant(fstream.server.directory, where);
    using client = await connect(fstream.where, `${verb},user=bob,${PLANTED}`);
    // A socket that was paused and resumed drains by itself; a broadcaster has to send.
    await client.send(payload(100)).catch(() => {});
    expect(await client.ended()).toBe("reset");
    await fstream.log.said(/error internal error: Error: planted in /);
    await fstream.log.said(/closed.* forbidden: internal error/);
  });
});

test("at the close of a connection, which is forgotten all the same", async () => {
  await using fstream = await relay();
  await expectAlone(fstream, async () => {
    plant(fstream.server.directory, "leave");
    const client = await connect(fstream.where, `watch,user=bob,${PLANTED}`);
    await fstream.log.said(/planted is watched/);
    client.end();
    await fstream.log.said(/error internal error: Error: planted in leave/);
  });
});

test.each(["throws", "rejects"])("in an authenticator that %s", async (how) => {
  await using fstream = await relay(
    {},
    {
      authenticate: ({ channel }) => {
        if (channel === "planted" && how === "throws") {
          fail("authenticate");
        }
        return channel === "planted"
          ? Promise.reject(new Error("planted in authenticate"))
          : Promise.resolve(null);
      },
    },
  );
  await expectAlone(fstream, async () => {
    using client = await connect(fstream.where, `watch,user=bob,${PLANTED}`);
    expect(await client.ended()).toBe("reset");
    await fstream.log.said(/planted in authenticate/);
    await fstream.log.said(/closed.* forbidden: internal error/);
  });
});
