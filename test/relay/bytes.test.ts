/**
 * What a watcher gets is what the broadcaster sent.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { relay } from "../support/server.ts";
import { admitted, connect, frame, payload, sha256, type Client } from "../support/sockets.ts";
import { sendInStep } from "./streams.ts";

const MIB = 1024 * 1024;

setDefaultTimeout(120_000);

/** Several of what `make` makes. */
function several<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)));
}

test("a request may come one byte at a time, from either side", async () => {
  await using fstream = await relay();
  const bytewise = async (request: string): Promise<Client> => {
    const client = await connect(fstream.where, undefined, { replies: 1 });
    for (const byte of frame(request)) {
      await client.send(Uint8Array.of(byte));
      // The next byte must not ride in the same packet, so the kernel is given a chance to send.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return client;
  };
  using broadcaster = await bytewise("broadcast,user=bob,channel=a,reply=1");
  expect(await broadcaster.reply()).toBe("ok");
  using watcher = await bytewise("watch,user=bob,channel=a,reply=1");
  expect(await watcher.reply()).toBe("ok");
  const bytes = payload(100_000);
  await sendInStep(broadcaster, bytes, [watcher]);
  expect(watcher.digest()).toBe(sha256(bytes));
});

test("the stream may begin in the segment of the request, or in the middle of one", async () => {
  await using fstream = await relay();
  const bytes = payload(30_000);
  const whole = Buffer.concat([frame("broadcast,user=bob"), bytes]);
  let before = 0;
  for (const cut of [whole.length, 3, 20, frame("broadcast,user=bob").length, 10_000]) {
    using watcher = await connect(fstream.where, "watch,user=bob");
    await fstream.log.said(/bob\/ is watched/, ++before);
    using broadcaster = await connect(fstream.where);
    await broadcaster.send(whole.subarray(0, cut));
    await new Promise<void>((resolve) => setImmediate(resolve));
    await broadcaster.send(whole.subarray(cut));
    await watcher.until(bytes.length);
    expect(watcher.digest()).toBe(sha256(bytes));
  }
});

test("fifty megabytes of random bytes reach five watchers as they are", async () => {
  await using fstream = await relay();
  const bytes = payload(50 * MIB);
  using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  const watchers = await several(5, () => admitted(fstream.where, "watch,user=bob,reply=1"));
  await sendInStep(broadcaster, bytes, watchers);
  broadcaster.end();
  const digest = sha256(bytes);
  expect(watchers.map((watcher) => watcher.digest())).toEqual(watchers.map(() => digest));
  watchers.forEach((watcher) => watcher.destroy());
  await fstream.log.said(/watcher .* closed/, 5);
  expect((await fstream.refreshed()).directory.counters).toMatchObject({
    bytesIn: bytes.length,
    bytesOut: 5 * bytes.length,
    skips: 0,
    tooSlow: 0,
  });
});

test("a broadcaster that just pushes and leaves loses no byte, watchers end cleanly", async () => {
  await using fstream = await relay({ linger: "0" });
  const bytes = payload(8 * MIB);
  const watchers = await several(3, () => connect(fstream.where, "watch,user=bob"));
  await fstream.log.said(/is watched/, 3);
  using broadcaster = await connect(fstream.where);
  await broadcaster.send(Buffer.concat([frame("broadcast,user=bob"), bytes]));
  broadcaster.end();
  expect(await Promise.all(watchers.map((watcher) => watcher.ended()))).toEqual(
    watchers.map(() => "end"),
  );
  expect(watchers.map((watcher) => watcher.digest())).toEqual(watchers.map(() => sha256(bytes)));
});

test("channels do not mix: of one user, of several users, and with the same name", async () => {
  await using fstream = await relay();
  const names = ["user=bob", "user=bob,channel=a", "user=bob,channel=b", "user=eve,channel=a"];
  await Promise.all(
    names.map(async (name) => {
      const bytes = payload(5 * MIB);
      using broadcaster = await admitted(fstream.where, `broadcast,${name},reply=1`);
      const watchers = await several(3, () => admitted(fstream.where, `watch,${name},reply=1`));
      await sendInStep(broadcaster, bytes, watchers);
      expect(watchers.map((watcher) => watcher.digest())).toEqual(
        watchers.map(() => sha256(bytes)),
      );
      watchers.forEach((watcher) => watcher.destroy());
    }),
  );
});

test("who joins later gets what comes from then on", async () => {
  await using fstream = await relay();
  const [first, second] = [payload(3 * MIB), payload(3 * MIB)];
  using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
  using early = await admitted(fstream.where, "watch,user=bob,reply=1");
  await sendInStep(broadcaster, first, [early]);
  using late = await admitted(fstream.where, "watch,user=bob,reply=1,join=raw");
  await sendInStep(broadcaster, second, [early, late]);
  expect(early.digest()).toBe(sha256(first, second));
  expect(late.digest()).toBe(sha256(second));
});

test("who does not ask for a reply gets none, and a broadcaster gets no byte at all", async () => {
  await using fstream = await relay();
  using broadcaster = await connect(fstream.where, "broadcast,user=bob");
  await fstream.log.said(/is live/);
  using watcher = await connect(fstream.where, "watch,user=bob");
  await fstream.log.said(/is watched/);
  const bytes = payload(1000);
  await sendInStep(broadcaster, bytes, [watcher]);
  expect(watcher.digest()).toBe(sha256(bytes));
  expect(broadcaster.received()).toBe(0);
});
