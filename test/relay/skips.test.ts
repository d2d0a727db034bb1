/**
 * Never a torn frame: watchers that take a tenth of a stream of every kind, over real sockets, and
 * ffmpeg judges what is left of it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { scanChunks } from "../media/contract.ts";
import { checksums, expectInOrder } from "../media/oracle.ts";
import { relay } from "../support/server.ts";
import { describeWith } from "../support/tools.ts";
import { DENSE_ROWS, streamOfRow, type Row } from "./rows.ts";
import { receivedAtATenth, TENTH_SETTINGS } from "./tenth.ts";

/** It takes seconds a row: without FSTREAM_TEST_ALL=1 a few of them stand for all. */
const TRIED = Bun.env["FSTREAM_TEST_ALL"] === "1" ? DENSE_ROWS : DENSE_ROWS.slice(0, 3);

const TENTH = { seconds: 7, skips: 10 };

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
      await using fstream = await relay(TENTH_SETTINGS);
      const slow = await receivedAtATenth(fstream, fstream.where, stream, TENTH);
      const added = silences(row, stream);
      const received = await checksums(row.judge, slow);
      const shown = received.filter((frame) => !added.has(frame));
      const original = await checksums(row.judge, stream);
      expectInOrder(shown, original);
      expect(shown.length).toBeGreaterThan(original.length / 100);
      expect(shown.length).toBeLessThan(original.length * 0.6);
    });
  }
});
