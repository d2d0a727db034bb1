/**
 * How tests of this folder send streams.
 */
import { createHash, randomBytes } from "node:crypto";
import { admitted, type Client, type Where } from "../support/sockets.ts";

/** A quarter of the largest ring that a server has by default, in bytes. */
const AHEAD = 4 * 1024 * 1024;

/**
 * Sends `bytes` as fast as the watchers take them, never more than `ahead` bytes before the slowest
 * of them, and waits until they have all. On a busy machine one that merely waits for its turn
 * could otherwise be left behind, which the relay does on purpose.
 */
export async function sendInStep(
  broadcaster: Client,
  bytes: Uint8Array,
  watchers: readonly Client[],
  ahead: number = AHEAD,
): Promise<void> {
  const before = watchers.map((watcher) => watcher.received());
  const all = (count: number): Promise<unknown> =>
    Promise.all(watchers.map((watcher, index) => watcher.until((before[index] ?? 0) + count)));
  const piece = Math.ceil(ahead / 16);
  for (let sent = 0; sent < bytes.length; sent += piece) {
    await all(sent + piece - ahead);
    await broadcaster.send(bytes.subarray(sent, sent + piece));
  }
  await all(bytes.length);
}

/** Sends `bytes` at `pace` bytes a second, a hundred pieces a second. */
export async function sendPaced(
  broadcaster: Client,
  bytes: Uint8Array,
  pace: number,
): Promise<void> {
  const start = performance.now();
  for (let sent = 0; sent < bytes.length;) {
    const due = Math.min(((performance.now() - start) / 1000) * pace, bytes.length);
    await broadcaster.send(bytes.subarray(sent, due));
    sent = Math.floor(due);
    await Bun.sleep(10);
  }
}

export interface Running extends Disposable {
  /** Sends a little more, and then says whether every watcher has got exactly what was sent. */
  isExact(): Promise<boolean>;
}

/** A broadcast to two watchers that goes on, a little at a time, beside what a test does. */
export async function running(where: Where, channel: string): Promise<Running> {
  const name = `user=bob,channel=${channel},reply=1`;
  const broadcaster = await admitted(where, `broadcast,${name}`);
  const watchers = [await admitted(where, `watch,${name}`), await admitted(where, `watch,${name}`)];
  const hash = createHash("sha256");
  let sent = 0;
  const stop = new AbortController();
  const sendPiece = async (): Promise<void> => {
    const piece = randomBytes(16 * 1024);
    hash.update(piece);
    sent += piece.length;
    await broadcaster.send(piece);
    await Promise.all(watchers.map((watcher) => watcher.until(sent)));
  };
  const pump = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await sendPiece();
      await Bun.sleep(5);
    }
  };
  const pumping = pump();
  // Whoever asks is told; a test that has failed already does not ask.
  pumping.catch(() => {});
  return {
    async isExact() {
      stop.abort();
      await pumping;
      await sendPiece();
      const digest = hash.copy().digest("hex");
      return watchers.every((watcher) => watcher.digest() === digest);
    },
    [Symbol.dispose]() {
      stop.abort();
      [broadcaster, ...watchers].forEach((client) => client.destroy());
    },
  };
}
