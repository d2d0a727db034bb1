/**
 * A refused broadcaster may be sending already. It can read why, and it cannot go on for ever.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { PARTING_BYTES, PARTING_MS } from "../../src/core/limits.ts";
import { relay, type Relay } from "../support/server.ts";
import { connect, frame, payload, within, type Client } from "../support/sockets.ts";
import { running } from "./streams.ts";

setDefaultTimeout(60_000);

const REFUSED = "broadcast,user=eve,reply=1";

/** More than the kernel holds for both sides of a connection. */
const KERNEL_BYTES = 32 * 1024 * 1024;

/** Lets bob in and nobody else. */
function onlyBob(): Promise<Relay> {
  return relay(
    {},
    {
      authenticate: async ({ user }) =>
        user === "bob" ? null : { code: "forbidden", message: "not you" },
    },
  );
}

/**
 * Sends `bytes` again and again, at once or with a pause after each, until that fails, as it has
 * to. Returns how many were sent.
 */
async function sendForEver(client: Client, bytes: Uint8Array, pause: number): Promise<number> {
  for (let sent = 0; ; sent += bytes.length) {
    try {
      await client.send(bytes);
    } catch {
      return sent;
    }
    await Bun.sleep(pause);
  }
}

test("a refused broadcaster reads why in mid-stream, and is gone when it stops", async () => {
  await using fstream = await onlyBob();
  using beside = await running(fstream.where, "beside");
  using client = await connect(fstream.where, undefined, { replies: 1, halfOpen: true });
  const bytes = payload(8 * 1024 * 1024);
  await client.send(Buffer.concat([frame(REFUSED), bytes]));
  expect(await client.reply()).toBe("error,code=forbidden,message=not you");
  expect(await client.ended()).toBe("end");
  await client.send(bytes);
  const stoppedAt = performance.now();
  client.end();
  await fstream.log.said(/eve\/: broadcaster .* forbidden: not you/);
  expect(performance.now() - stoppedAt).toBeLessThan(PARTING_MS / 2);
  expect(await beside.isExact()).toBe(true);
});

test.each([
  ["as much as it can", 4 * 1024 * 1024, 0],
  ["a little all the time", 1000, 20],
])(
  "a refused broadcaster that never stops sending %s is cut in bounded time",
  async (_, size, pause) => {
    await using fstream = await onlyBob();
    using beside = await running(fstream.where, "beside");
    using client = await connect(fstream.where, REFUSED, { halfOpen: true });
    const sending = sendForEver(client, payload(size), pause);
    expect(await client.reply()).toBe("error,code=forbidden,message=not you");
    const sent = await within(sending, "the end of one that never stops", 5 * PARTING_MS);
    expect(sent).toBeLessThan(PARTING_BYTES + KERNEL_BYTES);
    await fstream.log.said(/eve\/: broadcaster .* forbidden: not you/);
    expect((await fstream.refreshed()).closes.get("forbidden")).toBe(1);
    expect(await beside.isExact()).toBe(true);
  },
);

test("a refused broadcaster that did not ask for a reply is cut at once", async () => {
  await using fstream = await onlyBob();
  using client = await connect(fstream.where, "broadcast,user=eve", { halfOpen: true });
  const bytes = payload(4 * 1024 * 1024);
  await within(sendForEver(client, bytes, 0), "the end of the connection", 5 * PARTING_MS);
  expect(client.received()).toBe(0);
  await fstream.log.said(/eve\/: broadcaster .* forbidden: not you/);
});

test("a bad request is told so even when the time for requests runs out meanwhile", async () => {
  await using fstream = await relay({ "handshake-timeout": "300ms" });
  using client = await connect(fstream.where, "listen,user=bob,reply=1", { halfOpen: true });
  expect(await client.reply()).toMatch(/^error,code=bad-request/);
  const sending = sendForEver(client, payload(1000), 20);
  const line = await fstream.log.said(/closed/);
  expect(line).toContain("bad-request");
  await sending;
});
