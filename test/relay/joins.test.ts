/**
 * A picture at once: watchers join streams of every kind at random moments, over real sockets, and
 * ffmpeg judges what each of them received.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { checksums, expectRun } from "../media/oracle.ts";
import { streamOf } from "../media/contract.ts";
import { relay } from "../support/server.ts";
import { admitted, sha256, type Client, type Where } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { ROWS } from "./rows.ts";

const WATCHERS = 20;
const NAME = "user=bob,reply=1";

setDefaultTimeout(300_000);

/** A watcher that keeps what it receives. */
interface Viewer {
  readonly client: Client;
  /** Bytes that had been sent when it joined. */
  readonly after: number;
  received(): Uint8Array;
}

async function viewer(where: Where, request: string, after: number): Promise<Viewer> {
  const chunks: Uint8Array[] = [];
  const client = await admitted(where, request, { onStream: (chunk) => void chunks.push(chunk) });
  return { client, after, received: () => Buffer.concat(chunks) };
}

/** Places in a stream of `length` bytes, in order: random ones, the same in every run. */
function places(length: number, count: number): number[] {
  let state = 12_345;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((state / 0x7fff_ffff) * length * 0.8);
  };
  return Array.from({ length: count }, next).toSorted((a, b) => a - b);
}

describeWith("ffmpeg", "watchers that join at random moments", () => {
  for (const row of ROWS) {
    test(`${row.title}: see a run of what was sent, and their decoders say nothing`, async () => {
      const stream = await streamOf(row);
      await using fstream = await relay({ linger: "0" });
      using broadcaster = await admitted(fstream.where, `broadcast,${NAME}`);
      const whole = await viewer(fstream.where, `watch,${NAME}`, 0);
      const raw = await viewer(fstream.where, `watch,${NAME},join=raw`, 0);
      const viewers: Viewer[] = [];
      let sent = 0;
      for (const place of places(stream.length, WATCHERS)) {
        await broadcaster.send(stream.subarray(sent, place));
        sent = place;
        // The server has what the first watcher has.
        await whole.client.until(sent);
        const join = viewers.length % 4 === 3 ? ",join=live" : "";
        viewers.push(await viewer(fstream.where, `watch,${NAME}${join}`, sent));
      }
      await broadcaster.send(stream.subarray(sent));
      broadcaster.end();
      await Promise.all([whole, raw, ...viewers].map(({ client }) => client.ended()));

      expect([whole.client.digest(), raw.client.digest()]).toEqual([
        sha256(stream),
        sha256(stream),
      ]);
      const original = await checksums(row.judge, stream);
      const judged = new Set<string>();
      for (const each of viewers) {
        const received = each.received();
        // With a single frame of sound ffmpeg does not begin.
        if (received.length > 1_000 && !judged.has(each.client.digest())) {
          judged.add(each.client.digest());
          expectRun(await checksums(row.judge, received), original, 1);
        }
      }
      // From the newest place to join on, nobody lacks a byte.
      for (const each of viewers.filter((_, index) => index % 4 !== 3)) {
        expect(each.received().length).toBeGreaterThanOrEqual(stream.length - each.after);
      }
      expect(judged.size).toBeGreaterThan(3);
      expect(fstream.log.matching(/is of no format/)).toEqual([]);
    });
  }
});
