/**
 * TLS: what holds for plain connections holds for these, beside them and on the same channels.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { connect as plainSocket } from "node:net";
import { PARTING_MS } from "../../src/core/limits.ts";
import { secureRelay } from "../support/certificates.ts";
import {
  admitted,
  connect,
  frame,
  payload,
  sha256,
  within,
  type Client,
  type Where,
} from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { running, sendInStep } from "./streams.ts";

const MIB = 1024 * 1024;
const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

setDefaultTimeout(120_000);

/** The beginning of a ClientHello that promises 512 bytes. */
const HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1);

/** Sends `bytes` without TLS to whatever is there, and resolves when it has closed the connection. */
async function shout(port: number, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = plainSocket(port, "127.0.0.1", () => socket.write(bytes));
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  socket.resume();
  await within(promise, "the end of a connection without TLS");
}

describeWith("openssl", "over TLS", () => {
  test("64 MiB at full speed reach a watcher as they are, and both see a clean end", async () => {
    await using fstream = await secureRelay({ linger: "0" });
    const bytes = payload(64 * MIB);
    using broadcaster = await admitted(fstream.secure, BROADCAST);
    using watcher = await admitted(fstream.secure, WATCH);
    await sendInStep(broadcaster, bytes, [watcher]);
    broadcaster.end();
    expect(await watcher.ended()).toBe("end");
    expect(watcher.digest()).toBe(sha256(bytes));
    expect((await fstream.refreshed()).directory.counters).toMatchObject({ skips: 0, tooSlow: 0 });
    await fstream.log.said(/watcher .* ended/);
  });

  test("who speaks TLS and who does not share their channels", async () => {
    await using fstream = await secureRelay();
    const ways: [Where, string][] = [
      [fstream.secure, "a"],
      [fstream.where, "b"],
    ];
    for (const [where, channel] of ways) {
      const bytes = payload(16 * MIB);
      const name = `user=bob,channel=${channel},reply=1`;
      using broadcaster = await admitted(where, `broadcast,${name}`);
      using secret = await admitted(fstream.secure, `watch,${name}`);
      using open = await admitted(fstream.where, `watch,${name}`);
      await sendInStep(broadcaster, bytes, [secret, open]);
      expect([secret.digest(), open.digest()]).toEqual([sha256(bytes), sha256(bytes)]);
    }
  });

  test("a hundred watchers get every byte, while others break off in mid-stream", async () => {
    await using fstream = await secureRelay();
    const all = async (count: number): Promise<Client[]> =>
      Promise.all(Array.from({ length: count }, () => admitted(fstream.secure, WATCH)));
    using broadcaster = await admitted(fstream.secure, BROADCAST);
    const watchers = await all(100);
    const bytes = payload(8 * MIB);
    for (let at = 0; at < bytes.length; at += MIB) {
      const leaving = await all(10);
      await sendInStep(broadcaster, bytes.subarray(at, at + MIB), watchers);
      leaving.forEach((watcher, index) => (index % 2 === 0 ? watcher.destroy() : watcher.end()));
    }
    const digest = sha256(bytes);
    expect(watchers.map((watcher) => watcher.digest())).toEqual(watchers.map(() => digest));
    watchers.forEach((watcher) => watcher.end());
    await fstream.log.said(/watcher .* closed/, 180);
    await fstream.connected(1);
  });

  test("a watcher that never reads is closed as too slow, and only that one", async () => {
    await using fstream = await secureRelay({ stall: "1s" });
    using broadcaster = await admitted(fstream.secure, BROADCAST);
    using frozen = await admitted(fstream.secure, WATCH);
    frozen.pause();
    using reader = await admitted(fstream.secure, WATCH);
    const [before, after] = [payload(MIB), payload(4 * MIB)];
    await sendInStep(broadcaster, before, [reader]);
    expect(await fstream.log.said(/too-slow/)).toContain("took no byte for too long");
    expect(await frozen.ended()).toBe("reset");
    await sendInStep(broadcaster, after, [reader]);
    expect(reader.digest()).toBe(sha256(before, after));
    expect((await fstream.refreshed()).closes.get("too-slow")).toBe(1);
  });

  test("a watcher that is slow at the end still gets the rest", async () => {
    await using fstream = await secureRelay({ linger: "0" });
    let pace = 200_000;
    using broadcaster = await admitted(fstream.secure, BROADCAST);
    using slow = await admitted(fstream.secure, WATCH, {
      receiveBuffer: 16 * 1024,
      pace: () => pace,
    });
    const bytes = payload(MIB);
    await broadcaster.send(bytes);
    broadcaster.end();
    await slow.until(MIB / 4);
    pace = Infinity;
    expect(await slow.ended()).toBe("end");
    expect(slow.digest()).toBe(sha256(bytes));
  });

  test("a request may come one byte at a time", async () => {
    await using fstream = await secureRelay();
    using client = await connect(fstream.secure, undefined, { replies: 1 });
    for (const byte of frame(BROADCAST)) {
      await client.send(Uint8Array.of(byte));
    }
    expect(await client.reply()).toBe("ok");
  });

  test("a broadcast that is over before it is let in loses no byte", async () => {
    const inside = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await using fstream = await secureRelay(
      { linger: "0" },
      {
        async authenticate({ verb }) {
          if (verb === "broadcast") {
            asked.resolve();
            await inside.promise;
          }
          return null;
        },
      },
    );
    using watcher = await connect(fstream.secure, WATCH);
    await fstream.log.said(/is watched/);
    using broadcaster = await connect(fstream.secure);
    const bytes = payload(1000);
    await broadcaster.send(Buffer.concat([frame("broadcast,user=bob"), bytes]));
    broadcaster.end();
    await asked.promise;
    // Who comes later and is served shows that the end has been seen by now.
    using later = await connect(fstream.secure);
    later.end();
    await fstream.log.said(/closed 127.*left/);
    inside.resolve();
    expect(await watcher.ended()).toBe("end");
    expect(watcher.digest()).toBe(sha256(bytes));
  });

  test("a refused broadcaster reads why in mid-stream, and is gone when it stops", async () => {
    await using fstream = await secureRelay(
      {},
      { authenticate: async () => ({ code: "forbidden", message: "not you" }) },
    );
    using client = await connect(fstream.secure, undefined, { replies: 1, halfOpen: true });
    const bytes = payload(8 * MIB);
    await client.send(Buffer.concat([frame(BROADCAST), bytes]));
    expect(await client.reply()).toBe("error,code=forbidden,message=not you");
    expect(await client.ended()).toBe("end");
    await client.send(bytes);
    const stoppedAt = performance.now();
    client.end();
    await fstream.log.said(/bob\/: broadcaster .* forbidden: not you/);
    expect(performance.now() - stoppedAt).toBeLessThan(PARTING_MS / 2);
  });

  test("a refused peer that never closes is cut in bounded time", async () => {
    await using fstream = await secureRelay({ "handshake-timeout": "300ms" });
    using client = await connect(fstream.secure, "listen,user=bob", { halfOpen: true });
    expect(await client.ended()).toBe("end");
    const line = await fstream.log.said(/closed/);
    expect(line).toContain("bad-request");
    await fstream.connected(0);
  });
});

describeWith("openssl", "at the door of TLS", () => {
  test.each([
    ["nothing", new Uint8Array(0)],
    ["half a hello", HELLO],
    ["four bytes of a request", frame(WATCH).subarray(0, 4)],
  ])("%s is closed when its time is up", async (_, bytes) => {
    await using fstream = await secureRelay({ "handshake-timeout": "300ms" });
    using beside = await running(fstream.secure, "beside");
    await shout(fstream.secure.port, bytes);
    const line = await fstream.log.said(/closed/);
    expect(line).toContain("timeout: the TLS handshake was not complete in time");
    expect(await beside.isExact()).toBe(true);
    expect(fstream.log.matching(/closed/)).toHaveLength(1);
  });

  test("TLS without a request is closed when its time is up", async () => {
    await using fstream = await secureRelay({ "handshake-timeout": "300ms" });
    using client = await connect(fstream.secure);
    expect(await client.ended()).toBe("end");
    expect(await fstream.log.said(/closed/)).toContain("timeout: the request was not complete");
  });

  test.each([
    ["a request", frame(WATCH)],
    ["HTTP", Buffer.from("GET /bob HTTP/1.1\r\n\r\n")],
    ["noise", payload(1000)],
  ])("%s without TLS is told apart, and sent to the other port", async (_, bytes) => {
    await using fstream = await secureRelay();
    using beside = await running(fstream.where, "beside");
    await shout(fstream.secure.port, bytes);
    expect(await fstream.log.said(/closed/)).toContain(
      `bad-request: this is not TLS; it belongs to port ${"port" in fstream.where ? fstream.where.port : 0}`,
    );
    expect(await beside.isExact()).toBe(true);
    expect(fstream.log.matching(/closed|internal/)).toHaveLength(1);
  });

  test("a hello that is none, and a version that is too old, have their reason", async () => {
    await using fstream = await secureRelay();
    await shout(fstream.secure.port, Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0));
    expect(await fstream.log.said(/closed/)).toMatch(/bad-request: the TLS handshake failed: \w/);
  });

  test("TLS on the plain port is told apart, and sent to the other port", async () => {
    await using fstream = await secureRelay();
    using beside = await running(fstream.where, "beside");
    const { port } = "port" in fstream.where ? fstream.where : { port: 0 };
    const dialled = connect({ port, ca: fstream.secure.ca }, WATCH);
    expect(await dialled.catch((error: unknown) => String(error))).toContain("before secure TLS");
    expect(await fstream.log.said(/closed/)).toContain(
      `bad-request: this is TLS; it belongs to port ${fstream.secure.port}`,
    );
    expect(await beside.isExact()).toBe(true);
  });

  test("a session that breaks after its handshake ends with its reason, and alone", async () => {
    await using fstream = await secureRelay();
    using beside = await running(fstream.secure, "beside");
    const raw = plainSocket(fstream.secure.port, "127.0.0.1");
    const { connect: upgrade } = await import("node:tls");
    const secured = Promise.withResolvers<void>();
    const session = upgrade({ socket: raw, ca: fstream.secure.ca, host: "127.0.0.1" });
    session.on("error", () => {});
    // Until the server has answered, it has not seen the end of the handshake.
    session.on("data", () => secured.resolve());
    session.write(frame(BROADCAST));
    await within(secured.promise, "an answer");
    // A record that does not decrypt.
    raw.write(Uint8Array.of(0x17, 3, 3, 0, 5, 1, 2, 3, 4, 5));
    expect(await fstream.log.said(/closed/)).toMatch(/bob.*bad-request: TLS broke: \w/);
    session.destroy();
    expect(await beside.isExact()).toBe(true);
    expect(fstream.log.matching(/internal/)).toHaveLength(0);
  });
});
