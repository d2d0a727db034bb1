/**
 * A watcher that takes a tenth of a stream while it is sent, beside one that takes all of it.
 */
import { expect } from "bun:test";
import type { Relay } from "../support/server.ts";
import { admitted, sha256, type Where } from "../support/sockets.ts";
import { sendPaced } from "./streams.ts";

const NAME = "user=bob,reply=1";

/** Where the watchers lag is short, and where none is closed for being slow. */
export const TENTH_SETTINGS = { linger: "0", lag: "100ms", stall: "1m" } as const;

/**
 * Sends `stream` in `seconds`, sees that the other watcher has all of it and that the slow one has
 * skipped `skips` times at least, and returns what the slow one got.
 */
export async function receivedAtATenth(
  { refreshed }: Pick<Relay, "refreshed">,
  where: Where,
  stream: Uint8Array,
  { seconds, skips }: { readonly seconds: number; readonly skips: number },
): Promise<Buffer> {
  const pace = stream.length / seconds;
  let taken = pace / 10;
  const chunks: Uint8Array[] = [];
  using broadcaster = await admitted(where, `broadcast,${NAME}`);
  using fast = await admitted(where, `watch,${NAME},join=raw`);
  using slow = await admitted(where, `watch,${NAME}`, {
    receiveBuffer: 16 * 1024,
    pace: () => taken,
    onStream: (chunk) => void chunks.push(chunk),
  });
  await sendPaced(broadcaster, stream, pace);
  broadcaster.end();
  taken = Infinity;
  expect(await Promise.all([fast.ended(), slow.ended()])).toEqual(["end", "end"]);
  expect(fast.digest()).toBe(sha256(stream));
  const { counters } = (await refreshed()).directory;
  expect(counters.tooSlow).toBe(0);
  expect(counters.skips).toBeGreaterThanOrEqual(skips);
  return Buffer.concat(chunks);
}
