/**
 * Never a torn frame: watchers that take a tenth of a stream of every kind, over real sockets, and
 * ffmpeg judges what is left of it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { scanChunks } from "../media/contract.ts";
import { checksums, expectInOrder } from "../media/oracle.ts";
import { relay } from "../support/server.ts";
import { admitted, sha256 } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { DENSE_ROWS, streamOfRow, type Row } from "./rows.ts";
import { sendPaced } from "./streams.ts";

/** It takes seconds a row: without FSTREAM_TEST_ALL=1 a few of them stand for all. */
const TRIED = Bun.env["FSTREAM_TEST_ALL"] === "1" ? DENSE_ROWS : DENSE_ROWS.slice(0, 3);

/** Seconds over which a stream is sent. */
const SENT_IN_S = 7;

const SKIPS = 10;
const NAME = "user=bob,reply=1";

setDefaultTimeout(300_000);

/** The checksums of the frames that skips add by themselves. */
function silences(row: Row, stream: Uint8Array): ReadonlySet<string> {
  const joins = row.silence === undefined ? [] : scanChunks(row.silence, [stream]).joins;
  return new Set(joins.map(({ splice }) => createHash("md5").update(splice).digest("hex")));
}

describeWith("ffmpeg", "a watcher at a tenth of the pace", () => {
  for (const row of TRIED) {
    test(`${row.title}: misses whole frames, and its decoder says nothing`, async () => {
      const stream = await streamOfRow(row);
      await using fstream = await relay({ linger: "0", lag: "100ms", stall: "1m" });
      const pace = stream.length / SENT_IN_S;
      let taken = pace / 10;
      const chunks: Uint8Array[] = [];
      using broadcaster = await admitted(fstream.where, `broadcast,${NAME}`);
      using fast = await admitted(fstream.where, `watch,${NAME},join=raw`);
      using slow = await admitted(fstream.where, `watch,${NAME}`, {
        receiveBuffer: 16 * 1024,
        pace: () => taken,
        onStream: (chunk) => void chunks.push(chunk),
      });
      await sendPaced(broadcaster, stream, pace);
      broadcaster.end();
      taken = Infinity;
      expect(await Promise.all([fast.ended(), slow.ended()])).toEqual(["end", "end"]);
      expect(fast.digest()).toBe(sha256(stream));

      const { skips, tooSlow } = fstream.server.directory.counters;
      expect(tooSlow).toBe(0);
      expect(skips).toBeGreaterThanOrEqual(SKIPS);
      const added = silences(row, stream);
      const received = await checksums(row.judge, Buffer.concat(chunks));
      const shown = received.filter((frame) => !added.has(frame));
      const original = await checksums(row.judge, stream);
      expectInOrder(shown, original);
      expect(shown.length).toBeGreaterThan(original.length / 100);
      expect(shown.length).toBeLessThan(original.length * 0.6);
    });
  }
});
