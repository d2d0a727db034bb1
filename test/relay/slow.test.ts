/**
 * Watchers that are too slow, or frozen, or gone in the middle of a write: they alone notice.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { relay } from "../support/server.ts";
import { admitted, payload, sha256 } from "../support/sockets.ts";
import { sendInStep, sendPaced } from "./streams.ts";

const MIB = 1024 * 1024;
const BROADCAST = "broadcast,user=bob,reply=1";
const WATCH = "watch,user=bob,reply=1";

/** Every line of the stream says where it stands in it: its offset, in 15 digits. */
const LINE_BYTES = 16;

setDefaultTimeout(120_000);

function numberedLines(size: number): Uint8Array {
  const lines = Array.from({ length: size / LINE_BYTES }, (_, index) =>
    String(index * LINE_BYTES).padStart(LINE_BYTES - 1, "0"),
  );
  return Buffer.from(lines.join("\n") + "\n");
}

/** The parts of `whole`, made of numbered lines, that `got` consists of: offsets and lengths. */
function partsOf(got: Uint8Array, whole: Uint8Array): { from: number; length: number }[] {
  const parts: { from: number; length: number }[] = [];
  for (let at = 0; at < got.length;) {
    const from = whereIs(got, at);
    let length = 0;
    while (at + length < got.length && got[at + length] === whole[from + length]) {
      length++;
    }
    if (length === 0) {
      throw new Error(`byte ${at} is of no part of the stream`);
    }
    parts.push({ from, length });
    at += length;
  }
  return parts;
}

/** The offset in the stream of what stands at `at`, told by the next whole line behind it. */
function whereIs(got: Uint8Array, at: number): number {
  const text = Buffer.from(got.subarray(at, at + 2 * LINE_BYTES)).toString("latin1");
  const line = /(?:^|\n)(\d{15})\n/.exec(text);
  if (line === null) {
    return Number(text.slice(0, LINE_BYTES - 1));
  }
  return Number(line[1]) - text.indexOf(line[1] ?? "");
}

function endsWith(bytes: Uint8Array | undefined, end: Uint8Array): boolean {
  return bytes !== undefined && Buffer.from(bytes).subarray(-end.length).equals(end);
}

test("a watcher that never reads is closed as too slow, and only that one", async () => {
  await using fstream = await relay({ stall: "1s" });
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using frozen = await admitted(fstream.where, WATCH);
  frozen.pause();
  using first = await admitted(fstream.where, WATCH);
  using second = await admitted(fstream.where, WATCH);
  const [before, after] = [payload(MIB), payload(4 * MIB)];
  const start = performance.now();
  await sendInStep(broadcaster, before, [first, second]);
  const line = await fstream.log.said(/too-slow/);
  expect(line).toContain("watcher 127.0.0.1:");
  expect(line).toContain("took no byte for too long");
  expect(performance.now() - start).toBeGreaterThan(900);
  expect(await frozen.ended()).toBe("reset");
  await sendInStep(broadcaster, after, [first, second]);
  const digest = sha256(before, after);
  expect([first.digest(), second.digest()]).toEqual([digest, digest]);
  expect((await fstream.refreshed()).closes.get("too-slow")).toBe(1);
  expect((await fstream.refreshed()).directory.counters).toMatchObject({ tooSlow: 1, skips: 0 });
  await fstream.connected(3);
});

test("twenty watchers that never read do not hold up one that does", async () => {
  await using fstream = await relay({ stall: "1s" });
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using reader = await admitted(fstream.where, WATCH);
  const frozen = await Promise.all(
    Array.from({ length: 20 }, () => admitted(fstream.where, WATCH)),
  );
  frozen.forEach((watcher) => watcher.pause());
  // More than the largest ring holds: those who never read are in the way until they are closed.
  const bytes = payload(24 * MIB);
  await sendInStep(broadcaster, bytes, [reader]);
  expect(reader.digest()).toBe(sha256(bytes));
  expect(await Promise.all(frozen.map((watcher) => watcher.ended()))).toEqual(
    frozen.map(() => "reset"),
  );
  expect((await fstream.refreshed()).closes.get("too-slow")).toBe(20);
});

test("a watcher at a tenth of an unknown stream's pace is closed when it is lapped", async () => {
  await using fstream = await relay({ window: "2MiB", stall: "5s", slow: "close" });
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using reader = await admitted(fstream.where, WATCH);
  using slow = await admitted(fstream.where, WATCH, { pace: () => 0.4 * MIB });
  const bytes = payload(8 * MIB);
  const sending = sendPaced(broadcaster, bytes, 4 * MIB);
  expect(await fstream.log.said(/too-slow/)).toContain("fell behind the stream");
  expect(await slow.ended()).toBe("reset");
  await sending;
  await reader.until(bytes.length);
  expect(reader.digest()).toBe(sha256(bytes));
  expect(slow.received()).toBeLessThan(bytes.length);
  expect((await fstream.refreshed()).directory.counters).toMatchObject({ tooSlow: 1, skips: 0 });
});

test("slow=skip: it skips, goes on, and while it goes on it is not taken for stalled", async () => {
  await using fstream = await relay({ window: "2MiB", stall: "3s", slow: "skip", linger: "0" });
  let pace = 0.4 * MIB;
  const chunks: Uint8Array[] = [];
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using reader = await admitted(fstream.where, WATCH);
  using slow = await admitted(fstream.where, WATCH, {
    pace: () => pace,
    onStream: (chunk) => void chunks.push(chunk),
  });
  const bytes = numberedLines(21 * MIB);
  await sendPaced(broadcaster, bytes.subarray(0, 20 * MIB), 4 * MIB);
  pace = Infinity;
  // It may just have skipped to the end. Once it has caught up it lacks nothing that comes.
  let sent = 20 * MIB;
  while (!endsWith(chunks.at(-1), bytes.subarray(sent - LINE_BYTES, sent))) {
    await broadcaster.send(bytes.subarray(sent, sent + LINE_BYTES));
    sent += LINE_BYTES;
    await reader.until(sent);
    await Bun.sleep(5);
  }
  broadcaster.end();
  expect(await reader.ended()).toBe("end");
  expect(reader.digest()).toBe(sha256(bytes.subarray(0, sent)));
  expect(await slow.ended()).toBe("end");
  const parts = partsOf(Buffer.concat(chunks), bytes);
  const { skips, tooSlow } = (await fstream.refreshed()).directory.counters;
  expect(tooSlow).toBe(0);
  // It may skip twice before it takes a byte: that is one gap.
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.length).toBeLessThanOrEqual(skips + 1);
  const last = parts.at(-1);
  expect((last?.from ?? 0) + (last?.length ?? 0)).toBe(sent);
  for (const [index, { from }] of parts.entries()) {
    const previous = parts[index - 1];
    expect(from).toBeGreaterThan(previous === undefined ? -1 : previous.from + previous.length);
  }
});

test("a watcher that resets in the middle of a write takes nobody with it", async () => {
  await using fstream = await relay();
  using broadcaster = await admitted(fstream.where, BROADCAST);
  using reader = await admitted(fstream.where, WATCH);
  const bytes = payload(12 * MIB);
  for (let round = 0; round < 6; round++) {
    const leavers = await Promise.all(
      Array.from({ length: 5 }, () => admitted(fstream.where, WATCH)),
    );
    leavers.forEach((watcher) => watcher.pause());
    await sendInStep(broadcaster, bytes.subarray(round * MIB, (round + 1) * MIB), [reader]);
    leavers.forEach((watcher) => watcher.destroy());
    await sendInStep(broadcaster, bytes.subarray((round + 6) * MIB, (round + 7) * MIB), [reader]);
    await fstream.log.said(/watcher .* closed/, 5 * (round + 1));
  }
  const order = Array.from({ length: 12 }, (_, index) => Math.floor(index / 2) + (index % 2) * 6);
  expect(reader.digest()).toBe(
    sha256(...order.map((index) => bytes.subarray(index * MIB, (index + 1) * MIB))),
  );
  await fstream.connected(2);
  expect((await fstream.refreshed()).closes.get("too-slow")).toBeUndefined();
});
