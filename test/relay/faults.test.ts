/**
 * A handler that throws costs its own connection alone, with its reason in the log.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { plantedRelay, relay, type Relay } from "../support/server.ts";
import { connect, payload } from "../support/sockets.ts";
import { fail, PLANTED } from "./planted.ts";
import { running } from "./streams.ts";

setDefaultTimeout(60_000);

/** Expects that nobody else notices, and that the broken connection is forgotten. */
async function expectAlone(fstream: Relay, break_: () => Promise<void>): Promise<void> {
  using others = await running(fstream.where, "other");
  await break_();
  expect(await others.isExact()).toBe(true);
  await fstream.connected(3);
}

test.each([
  ["receive", "broadcast"],
  ["drained", "watch"],
  ["watch", "watch"],
] as const)("in %s", async (where, verb) => {
  await using fstream = await plantedRelay();
  await expectAlone(fstream, async () => {
    const request = `${verb},user=bob,channel=${PLANTED}${where},reply=1`;
    using client = await connect(fstream.where, request);
    // A socket that was paused and resumed drains by itself; a broadcaster has to send.
    await client.send(payload(100)).catch(() => {});
    expect(await client.ended()).toBe("reset");
    await fstream.log.said(/error internal error: Error: planted in /);
    await fstream.log.said(/closed.* forbidden: internal error/);
  });
});

test("at the close of a connection, which is forgotten all the same", async () => {
  await using fstream = await plantedRelay();
  await expectAlone(fstream, async () => {
    const client = await connect(fstream.where, `watch,user=bob,channel=${PLANTED}leave`);
    await fstream.log.said(/planted-leave is watched/);
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
    using client = await connect(fstream.where, "watch,user=bob,channel=planted,reply=1");
    expect(await client.ended()).toBe("reset");
    await fstream.log.said(/planted in authenticate/);
    await fstream.log.said(/closed.* forbidden: internal error/);
  });
});
