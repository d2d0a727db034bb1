/**
 * Transport streams as networks, broadcasters and other multiplexers leave them.
 */
import { expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { newMpegTsScanner } from "../../src/media/mpegts.ts";
import { describeWith } from "../support/tools.ts";
import { cut, scanChunks, streamOf, type Found, type Sample } from "./contract.ts";
import {
  AUDIO,
  GROUP,
  GROUPS,
  H265_OPEN,
  losses,
  packetsOf,
  pidOf,
  SOUND_PID,
  VIDEO_PID,
  X264,
} from "./mpegts-samples.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const VIDEO: Judge = { demuxer: "mpegts", compare: "decoded", map: "v:0" };
const TEST_MS = 60_000;

function scanned(stream: Uint8Array): Found {
  return scanChunks(newMpegTsScanner, [stream]);
}

function offsets({ joins }: Found): number[] {
  return joins.map(({ offset }) => offset);
}

/** The packets of a sample, each changed by `change`, or left out, or sent several times. */
async function changed(
  sample: Sample,
  change: (packet: Uint8Array, index: number) => Uint8Array | readonly Uint8Array[],
): Promise<Uint8Array> {
  const packets = packetsOf(await streamOf(sample));
  return concatBytes(...packets.flatMap((packet, index) => change(packet, index)));
}

function beginsPes(packet: Uint8Array): boolean {
  return ((packet[1] ?? 0) & 0x40) !== 0;
}

/** Sets or clears the random access flag where a packet of video begins a PES packet. */
function withFlag(packet: Uint8Array, isSet: boolean): Uint8Array {
  const hasFlags = ((packet[3] ?? 0) & 0x20) !== 0 && (packet[4] ?? 0) > 0;
  if (pidOf(packet) === VIDEO_PID && beginsPes(packet) && hasFlags) {
    packet[5] = ((packet[5] ?? 0) & ~0x40) | (isSet ? 0x40 : 0);
  }
  return packet;
}

/** Mixes the sound among the pictures, as multiplexers of a constant rate do. */
async function mixed(every: number): Promise<Uint8Array> {
  const sound: Uint8Array[] = [];
  let pictures = 0;
  const stream = await changed(X264, (packet) => {
    if (pidOf(packet) === SOUND_PID) {
      sound.push(packet);
      return [];
    }
    pictures += pidOf(packet) === VIDEO_PID ? 1 : 0;
    const late = pidOf(packet) === VIDEO_PID && pictures % every === 0 ? sound.shift() : undefined;
    return late === undefined ? packet : [late, packet];
  });
  return concatBytes(stream, ...sound);
}

/** Whether the sound's PES packet is complete at `offset`, told from its length. */
function isSoundWhole(stream: Uint8Array, offset: number): boolean {
  let missing = 0;
  for (const packet of packetsOf(stream.subarray(0, offset))) {
    if (pidOf(packet) === SOUND_PID) {
      const from = 4 + (((packet[3] ?? 0) & 0x20) === 0 ? 0 : 1 + (packet[4] ?? 0));
      const length = ((packet[from + 4] ?? 0) << 8) | (packet[from + 5] ?? 0);
      missing = (beginsPes(packet) ? 6 + length : missing) - (188 - from);
    }
  }
  return missing === 0;
}

describeWith("ffmpeg", "mpegts out of the ordinary", () => {
  for (const sample of [X264, H265_OPEN]) {
    test(
      `${sample.title}: the pictures tell a start, whatever the flags say`,
      async () => {
        const expected = offsets(scanned(await streamOf(sample)));
        for (const isSet of [false, true]) {
          const stream = await changed(sample, (packet) => withFlag(packet, isSet));
          expect(offsets(scanned(stream))).toEqual(expected);
        }
      },
      TEST_MS,
    );
  }

  test(
    "a stream that is entered in the middle of a packet is found",
    async () => {
      const stream = await streamOf(X264);
      const from = 10 * 188 + 77;
      const found = scanned(stream.subarray(from));
      const expected = offsets(scanned(stream)).slice(1);
      expect(offsets(found).map((offset) => offset + from)).toEqual(expected);
      const received = joined(newMpegTsScanner, stream.subarray(from), 0);
      expectRun(await checksums(VIDEO, received), await checksums(VIDEO, stream), GROUP * 2);
    },
    TEST_MS,
  );

  test(
    "bytes that are lost or come in between cost the pictures around them alone",
    async () => {
      const stream = await streamOf(X264);
      const whole = scanned(stream);
      const at = (whole.frames[30] ?? 0) + 100;
      const lost = scanned(concatBytes(stream.subarray(0, at), stream.subarray(at + 50)));
      expect(offsets(lost).at(-1)).toBe((offsets(whole).at(-1) ?? 0) - 50);
      expect(lost.frames.length).toBeGreaterThan(whole.frames.length - 5);
      const filled = [stream.subarray(0, at), new Uint8Array(5000), stream.subarray(at)];
      expect(offsets(scanned(concatBytes(...filled))).at(-1)).toBe(
        (offsets(whole).at(-1) ?? 0) + 5000,
      );
    },
    TEST_MS,
  );

  test(
    "a picture whose beginning was damaged is no start",
    async () => {
      const stream = await streamOf(X264);
      const whole = offsets(scanned(stream));
      const index = (whole[1] ?? 0) / 188;
      const damaged = await changed(X264, (packet, place) => {
        packet[1] = (packet[1] ?? 0) | (place === index ? 0x80 : 0);
        return packet;
      });
      expect(offsets(scanned(damaged))).toEqual(whole.filter((offset) => offset !== whole[1]));
    },
    TEST_MS,
  );

  test(
    "behind a loss the flag tells a start, and not what is left of the picture",
    async () => {
      const [first = 0] = offsets(scanned(await streamOf(X264)));
      const lost = await changed(X264, (packet, index) =>
        index === first / 188 + 1 ? [] : packet,
      );
      const [start] = scanned(lost).joins;
      expect([start?.offset, start?.clean]).toEqual([first, false]);
      expect(scanned(await streamOf(X264)).joins[0]?.clean).toBeTrue();
    },
    TEST_MS,
  );

  test(
    "splices take no more memory than a part of the stream",
    async () => {
      const short = await changed(AUDIO[0] ?? X264, (packet) =>
        pidOf(packet) !== VIDEO_PID || beginsPes(packet) ? packet : [],
      );
      const stream = concatBytes(...Array.from({ length: 20 }, () => short));
      const bytes = scanned(stream).joins.reduce((sum, { splice }) => sum + splice.length, 0);
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBeLessThan(stream.length / 3);
    },
    TEST_MS,
  );

  test(
    "noise is given up after a mebibyte, however it is cut",
    async () => {
      const noise = new Uint8Array(1_060_000).fill(0x48);
      const stream = concatBytes(noise, await streamOf(X264));
      for (const size of [1000, 65_536, stream.length]) {
        expect(scanChunks(newMpegTsScanner, cut(stream, size)).kept).toBeFalse();
        const shorter = scanChunks(newMpegTsScanner, cut(stream.subarray(20_000), size));
        expect(shorter.kept).toBeTrue();
        expect(shorter.joins.length).toBe(GROUPS);
      }
      const half = concatBytes(noise.subarray(0, 600_000), await streamOf(X264));
      const { kept, joins } = scanned(concatBytes(half, half));
      expect(kept).toBeTrue();
      expect(joins.length).toBe(2 * GROUPS);
    },
    TEST_MS,
  );

  test(
    "scrambled pictures start where the flag says, for decoders that start anew",
    async () => {
      const stream = await changed(X264, (packet) => {
        if (pidOf(packet) === VIDEO_PID) {
          packet[3] = (packet[3] ?? 0) | 0x80;
          packet.fill(0x5a, 4 + (((packet[3] ?? 0) & 0x20) === 0 ? 0 : 1 + (packet[4] ?? 0)));
        }
        return packet;
      });
      const { frames, joins } = scanned(stream);
      expect(frames.length).toBe(GROUP * GROUPS);
      expect(joins.map(({ offset }) => offset)).toEqual(offsets(scanned(await streamOf(X264))));
      expect(joins.some(({ clean }) => clean)).toBeFalse();
    },
    TEST_MS,
  );

  test(
    "packets that are sent twice are one",
    async () => {
      const twice = await changed(X264, (packet) =>
        pidOf(packet) === VIDEO_PID ? [packet, packet] : packet,
      );
      const { frames, joins } = scanned(twice);
      expect(frames.length).toBe(GROUP * GROUPS);
      expect(joins.length).toBe(GROUPS);
    },
    TEST_MS,
  );

  test(
    "where sound and pictures are mixed, every keyframe is a start still",
    async () => {
      for (const every of [2, 4, 8]) {
        const stream = await mixed(every);
        const { frames, joins } = scanned(stream);
        expect(joins.length).toBe(GROUPS);
        expect(frames.length).toBeGreaterThanOrEqual((GROUP * GROUPS) / 8);
        const torn = frames.filter((offset) => !isSoundWhole(stream, offset));
        expect(torn.length).toBeLessThanOrEqual(joins.length + (GROUP * GROUPS) / 8);
        const original = await checksums(VIDEO, stream);
        const received = joined(newMpegTsScanner, stream, 1);
        expectRun(await checksums(VIDEO, received), original, GROUP * 2);
        expect(await losses(received)).toEqual([]);
        expectInOrder(await checksums(VIDEO, skipped(newMpegTsScanner, stream, 2, 1)), original);
      }
    },
    TEST_MS,
  );

  test(
    "a watcher goes on behind a change of all tables and PIDs",
    async () => {
      const moved = {
        title: "moved",
        make: X264.make.replace("-f mpegts", "-mpegts_start_pid 0x300 -tables_version 7 -f mpegts"),
      };
      const [first, second] = [await streamOf(X264), await streamOf(moved)];
      const stream = concatBytes(first, second);
      const { frames, joins } = scanned(stream);
      expect(joins.length).toBe(2 * GROUPS);
      const point = joins[GROUPS + 1];
      const received = concatBytes(
        stream.subarray(0, frames[11]),
        point?.splice ?? new Uint8Array(0),
        stream.subarray(point?.offset ?? 0),
      );
      const shown = await checksums(VIDEO, joined(newMpegTsScanner, stream, GROUPS + 1));
      expectRun(shown, await checksums(VIDEO, second), GROUP * 2);
      expect(await losses(received)).toEqual([]);
      expectInOrder(await checksums(VIDEO, received), await checksums(VIDEO, first));
    },
    TEST_MS,
  );

  test(
    "a program map of several packets is given whole",
    async () => {
      const maps = "-map 0 ".repeat(48).trim();
      const many = {
        title: "many",
        make: `-f lavfi -i anoisesrc=duration=1:seed=1 ${maps} -c:a mp2 -f mpegts`,
      };
      const stream = await streamOf(many);
      const { joins } = scanned(stream);
      expect(joins[1]?.setup.length).toBe(188 * 3);
      const judge: Judge = { demuxer: "mpegts", compare: "packets", map: "a:47" };
      const received = joined(newMpegTsScanner, stream, 1);
      expectRun(await checksums(judge, received), await checksums(judge, stream), 5);
    },
    TEST_MS,
  );

  test(
    "sound leads where the pictures stay away",
    async () => {
      const alone = await changed(X264, (packet) => (pidOf(packet) === VIDEO_PID ? [] : packet));
      const long = concatBytes(...Array.from({ length: 60 }, () => alone));
      const { frames, joins } = scanned(long);
      expect(frames.length).toBeGreaterThan(10);
      expect(joins.length).toBeGreaterThan(10);
    },
    TEST_MS,
  );

  test(
    "a set-up is the newest tables, and a splice has every PID that was seen",
    async () => {
      for (const [sample, pids] of [
        [X264, [0, 4096, VIDEO_PID, SOUND_PID, 17]],
        [AUDIO[0] ?? X264, [0, 4096, VIDEO_PID, 17]],
      ] as const) {
        const stream = await streamOf(sample);
        const point = scanned(stream).joins[1];
        const splice = packetsOf(point?.splice ?? new Uint8Array(0));
        expect(splice.map((packet) => pidOf(packet))).toEqual([...pids]);
        expect(packetsOf(point?.setup ?? new Uint8Array(0))).toEqual(splice.slice(0, 2));
        for (const packet of splice) {
          const before = packetsOf(stream.subarray(0, point?.offset)).findLast(
            (other) => pidOf(other) === pidOf(packet),
          );
          expect((packet[3] ?? 0) & 15).toBe((before?.[3] ?? 0) & 15);
          expect(packet[5]).toBe(0x80);
        }
      }
    },
    TEST_MS,
  );
});
