/**
 * A broadcaster whose connection breaks, and who comes back: in the middle of its stream, as the
 * client does with --retry, or with a stream from its beginning. ffmpeg judges what its watchers got.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { traitsOf } from "../../src/media/formats.ts";
import { recognise } from "../../src/media/recognise.ts";
import { scanChunks, streamOf } from "../media/contract.ts";
import { checksums, expectInOrder } from "../media/oracle.ts";
import { relay } from "../support/server.ts";
import { admitted } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { ROWS } from "./rows.ts";

const NAME = "user=bob,reply=1";
const TITLES = [
  "H.264",
  "H.264, parameter sets but once",
  "H.265, open GOP",
  "MPEG-TS, H.264 and AAC",
  "Motion JPEG",
  "ADTS",
];

setDefaultTimeout(300_000);

describeWith("ffmpeg", "a broadcaster that comes back", () => {
  for (const row of ROWS.filter(({ title }) => TITLES.includes(title))) {
    test(`${row.title}: in the middle, has its watchers go on with whole frames`, async () => {
      const stream = await streamOf(row);
      const { frames } = scanChunks(traitsOf(recognise(stream) ?? "wav").newScanner, [stream]);
      await using fstream = await relay({ linger: "30s" });
      const chunks: Uint8Array[] = [];
      // It breaks off between two frames, and what it sends next begins in the middle of another.
      const end = frames[Math.floor(frames.length / 3)] ?? 0;
      const start = (frames[Math.floor(frames.length / 2)] ?? 0) + 77;
      using first = await admitted(fstream.where, `broadcast,${NAME}`);
      using watcher = await admitted(fstream.where, `watch,${NAME}`, {
        onStream: (chunk) => void chunks.push(chunk),
      });
      await first.send(stream.subarray(0, end));
      await watcher.until(end);
      first.destroy();
      await fstream.log.said(/broadcaster .* closed/);
      using second = await admitted(fstream.where, `broadcast,${NAME}`);
      await second.send(stream.subarray(start));
      await watcher.until(end + 1);
      second.end();
      await fstream.log.said(/broadcaster .* closed/, 2);
      await fstream.server.stop();
      expect(await watcher.ended()).toBe("end");
      const shown = await checksums(row.judge, Buffer.concat(chunks));
      const original = await checksums(row.judge, stream);
      expect(expectInOrder(shown, original)).toBeLessThanOrEqual(1);
      expect(shown.at(-1)).toBe(original.at(-1) ?? "");
      expect(shown.length).toBeGreaterThan(original.length / 2);
    });
  }

  test("with a header that cannot come twice, is not waited for", async () => {
    const row = ROWS.find(({ title }) => title.startsWith("Matroska"));
    const stream = row === undefined ? new Uint8Array() : await streamOf(row);
    await using fstream = await relay({ linger: "1h" });
    using broadcaster = await admitted(fstream.where, `broadcast,${NAME}`);
    using watcher = await admitted(fstream.where, `watch,${NAME}`);
    await broadcaster.send(stream);
    await watcher.until(stream.length);
    broadcaster.destroy();
    expect(await watcher.ended()).toBe("end");
  });
});
