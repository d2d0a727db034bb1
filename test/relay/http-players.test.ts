/**
 * Real players over HTTP: what ffmpeg shows is what was sent, and curl that is too slow for a stream
 * misses whole frames.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { checksums, expectInOrder, expectRun, type Judge } from "../media/oracle.ts";
import { streamOf } from "../media/contract.ts";
import { relay, type Relay } from "../support/server.ts";
import { admitted, sha256, within } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { DENSE_ROWS, ROWS } from "./rows.ts";
import { sendPaced } from "./streams.ts";

/** One row of each kind of container that a player finds out about by itself. */
const TRIED = ["H.264", "MPEG-TS, H.264 and AAC", "Matroska, H.264 and AAC"];

/** Seconds over which a stream is sent, and the part of its pace that a slow watcher takes. */
const SENT_IN_S = 7;
const SLOWNESS = 6;

/** How often it is sent at most: a receive buffer of megabytes may take all of the first one. */
const COPIES_MAX = 6;

setDefaultTimeout(300_000);

interface Shown {
  readonly frames: readonly string[];
  readonly complaints: readonly string[];
}

function urlOf({ where }: Relay): string {
  return `http://127.0.0.1:${"port" in where ? where.port : 0}/bob`;
}

/**
 * What ffmpeg says at the end of every answer that has no length, whoever gave it, and of no other
 * end: it has all the bytes by then.
 */
const NO_LENGTH =
  /^(\[http @ \w+\] Stream ends prematurely at \d+, should be 18446744073709551615|http:\S+: Input\/output error|\[matroska,webm @ \w+\] Read error at pos\. \d+ \(0x[0-9a-f]+\)| {4}Last message repeated \d+ times)$/;

/** The checksums of the frames that ffmpeg shows of what it gets itself, and what it complains of. */
async function shownOf(url: string, { compare, map }: Judge): Promise<Shown> {
  const how = compare === "decoded" ? ["-fps_mode", "passthrough"] : ["-c", "copy"];
  const args = ["-v", "error", "-i", url, "-map", `0:${map}`, ...how, "-copyts"];
  const child = Bun.spawn(["ffmpeg", ...args, "-f", "framemd5", "-"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await within(
    Promise.all([child.stdout.text(), child.stderr.text()]),
    "the end of ffmpeg",
  );
  const frames = out.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const complaints = said.split("\n").filter((line) => line !== "" && !NO_LENGTH.test(line));
  return { frames: frames.map((line) => line.split(",")[5]?.trim() ?? ""), complaints };
}

describeWith("ffmpeg", "ffmpeg -i http://", () => {
  for (const row of ROWS.filter(({ title }) => TRIED.includes(title))) {
    test(`${row.title}: shows every frame that was sent, and says nothing`, async () => {
      const stream = await streamOf(row);
      await using fstream = await relay({ linger: "0" });
      const shown = shownOf(urlOf(fstream), row.judge);
      await fstream.log.said(/is watched from .* over HTTP/);
      using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
      await broadcaster.send(stream);
      broadcaster.end();
      const original = await checksums(row.judge, stream);
      expect(await shown).toEqual({ frames: original, complaints: [] });
    });

    test(`${row.title}: joins in mid-stream at a keyframe, and says nothing`, async () => {
      const stream = await streamOf(row);
      const half = Math.floor(stream.length / 2);
      await using fstream = await relay({ linger: "0" });
      using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
      using beside = await admitted(fstream.where, "watch,user=bob,reply=1,join=raw");
      await broadcaster.send(stream.subarray(0, half));
      await beside.until(half);
      const shown = shownOf(urlOf(fstream), row.judge);
      await fstream.log.said(/is watched from .* over HTTP/);
      await broadcaster.send(stream.subarray(half));
      broadcaster.end();
      const original = await checksums(row.judge, stream);
      const { frames, complaints } = await shown;
      expect(complaints).toEqual([]);
      expectRun(frames, original, original.length / 3);
    });
  }
});

describeWith("ffmpeg", "a slow watcher", () => {
  describeWith("curl", "curl --limit-rate", () => {
    test("misses whole frames, and its decoder says nothing", async () => {
      const [row] = DENSE_ROWS;
      if (row === undefined) {
        throw new Error("there is no dense stream");
      }
      const stream = await streamOf(row);
      const pace = stream.length / SENT_IN_S;
      // A receive buffer of megabytes opens in large steps: a frame that is half sent waits seconds.
      const settings = { linger: "0", lag: "100ms", stall: "1m", window: "64M" };
      await using fstream = await relay(settings);
      using broadcaster = await admitted(fstream.where, "broadcast,user=bob,reply=1");
      using fast = await admitted(fstream.where, "watch,user=bob,reply=1,join=raw");
      const limit = String(Math.round(pace / SLOWNESS));
      const command = ["curl", "-sS", "--limit-rate", limit, urlOf(fstream)];
      const slow = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
      const received = slow.stdout.bytes();
      await fstream.log.said(/is watched from .* over HTTP/);
      const copies: Uint8Array[] = [];
      const skips = async (): Promise<number> => {
        const { counters } = (await fstream.refreshed()).directory;
        expect(counters.tooSlow).toBe(0);
        return counters.skips;
      };
      while ((await skips()) === 0 && copies.length < COPIES_MAX) {
        await sendPaced(broadcaster, stream, pace);
        copies.push(stream);
      }
      broadcaster.end();
      const whole = Buffer.concat(copies);
      expect(await fast.ended()).toBe("end");
      expect(fast.digest()).toBe(sha256(whole));

      const bytes = await within(received, "the end of curl");
      expect([await slow.exited, await slow.stderr.text()]).toEqual([0, ""]);
      expect(await skips()).toBeGreaterThan(0);
      const shown = await checksums(row.judge, bytes);
      const original = await checksums(row.judge, whole);
      expect(expectInOrder(shown, original)).toBeGreaterThan(0);
      expect(shown.length).toBeLessThan(original.length);
      expect(shown.length).toBeGreaterThan(original.length / 100);
    });
  });
});
