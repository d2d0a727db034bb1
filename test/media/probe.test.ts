/**
 * What the probe adds to recognition: streams that take long to be known, and when one cannot be known
 * any more.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/core/bytes.ts";
import { PROBE_MAX_BYTES } from "../../src/core/limits.ts";
import type { Format } from "../../src/media/format.ts";
import { newProbe } from "../../src/media/recognise.ts";
import { describeWith } from "../support/tools.ts";
import { damage, streamOf } from "./contract.ts";
import { id3Tag } from "./sound.ts";

const START = [0, 0, 0, 1];
const H264_SPS = [...START, 0x67, 0x64, 0x00, 0x1f, 0xac];
const H265_VPS = [...START, 0x40, 0x01, 0x0c, 0x01];
const FILLING = 600_000;

/** The answer, and after how many bytes it came, of a probe that is asked every `step` bytes. */
function ask(stream: Uint8Array, step = 1316): [Format | "unknown" | undefined, number] {
  const probe = newProbe();
  for (let length = 0; ; length = Math.min(length + step, stream.length)) {
    const answer = probe(stream.subarray(0, length));
    if (answer !== undefined || length === stream.length) {
      return [answer, length];
    }
  }
}

function text(latin1: string): Uint8Array {
  return Buffer.from(latin1, "latin1");
}

/** Bytes that chance made, the same for the same seed. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

function box(type: string, size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32BE(size);
  bytes.write(type, 4, "latin1");
  return bytes;
}

describe("the probe", () => {
  test("gives up at once on what can be nothing", () => {
    const page = text("GET / HTTP/1.1\r\nHost: example.org\r\n".repeat(40));
    const [said, after] = ask(page, 1);
    expect(said).toBe("unknown");
    expect(after).toBeWithin(1, 200);
    for (let seed = 1; seed <= 200; seed++) {
      const [answer, length] = ask(noise(4096, seed * 7919), 1);
      expect(answer).toBe("unknown");
      // Noise may begin with the sync byte of MPEG-TS, whose next one would stand 188 bytes on.
      expect(length).toBeWithin(1, 190);
    }
    expect(ask(new Uint8Array(10_000), 1)).toEqual(["unknown", 4097]);
  });

  test("knows AAC and MP3 behind long tags", () => {
    const aac = Uint8Array.from([0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc, ...Array(9).fill(0)]);
    const mp3 = new Uint8Array(96);
    mp3.set([0xff, 0xfb, 0x14, 0x64]);
    for (const [format, frame] of [
      ["aac", aac],
      ["mp3", mp3],
    ] as const) {
      for (const tag of [id3Tag(500_000), concatBytes(id3Tag(400_000, true), id3Tag(3))]) {
        const stream = concatBytes(tag, frame, frame, frame);
        const [answer, length] = ask(stream);
        expect(answer).toBe(format);
        expect(length).toBeGreaterThan(tag.length);
        for (let cut = tag.length - 20; cut < tag.length + frame.length; cut++) {
          const probe = newProbe();
          expect(probe(stream.subarray(0, cut))).toBeUndefined();
          expect(probe(stream)).toBe(format);
        }
      }
    }
  });

  test("takes a tag for MP3 where the sound is out of reach, or none comes", () => {
    expect(ask(id3Tag(PROBE_MAX_BYTES), 10)).toEqual(["mp3", 10]);
    const [answer, length] = ask(concatBytes(id3Tag(1000), new Uint8Array(PROBE_MAX_BYTES)));
    expect(answer).toBe("mp3");
    expect(length).toBeGreaterThanOrEqual(PROBE_MAX_BYTES);
  });

  test("reads on over long units until H.264 and H.265 can be told apart", () => {
    const filling = new Uint8Array(FILLING).fill(0xff);
    const cases: readonly [Format, number, readonly number[]][] = [
      ["h264", 0x06, H264_SPS],
      ["h264", 0x0c, H264_SPS],
      ["h265", 0x4c, H265_VPS],
      ["h265", 0x4e, H265_VPS],
    ];
    for (const [format, header, set] of cases) {
      const unit = Uint8Array.from([...START, header, 0x01]);
      const stream = concatBytes(unit, filling, Uint8Array.of(0x80), Uint8Array.from(set));
      const [answer, length] = ask(stream);
      expect(answer).toBe(format);
      expect(length).toBeGreaterThan(FILLING);
      for (let cut = stream.length - set.length - 3; cut < stream.length; cut++) {
        const probe = newProbe();
        probe(stream.subarray(0, cut));
        expect(probe(stream)).toBe(format);
      }
    }
  });

  test("gives up on units that tell nothing once the bound is reached", () => {
    const slice = Uint8Array.from([...START, 0x61, 0xe0, ...Array(5000).fill(0x55)]);
    const [answer, length] = ask(concatBytes(...Array<Uint8Array>(300).fill(slice)));
    expect(answer).toBe("unknown");
    expect(length).toBeWithin(PROBE_MAX_BYTES, PROBE_MAX_BYTES + 1316);
  });

  test("knows MP4 that begins with other boxes", () => {
    const file = concatBytes(box("free", 300_000), box("uuid", 24), box("ftyp", 24));
    expect(ask(file)[0]).toBe("mp4");
    for (const type of ["moov", "sidx", "emsg", "prft"]) {
      expect(ask(box(type, 500_000), 8)).toEqual(["mp4", 8]);
    }
    const large = Buffer.concat([box("wide", 8), box("mdat", 300_000), box("moov", 8)]);
    large.writeUInt32BE(1, 8);
    large.writeBigUInt64BE(300_000n, 16);
    expect(ask(large)).toEqual(["mp4", large.length]);
  });

  test("does not know MP4 whose opening box is out of reach, or none", () => {
    const far = box("mdat", 188 * 2);
    far.set([0x10, 0, 0, 0]);
    expect(ask(far)[0]).toBe("unknown");
    expect(ask(concatBytes(box("free", 400), box("what", 400)))[0]).toBe("unknown");
    const many = Array<Uint8Array>(100).fill(box("free", 8));
    expect(ask(concatBytes(...many, box("ftyp", 24)), 2000)[0]).toBe("unknown");
  });

  test("knows the 64-bit kind of WAV, and no other RIFF", () => {
    expect(ask(text("RF64\xff\xff\xff\xffWAVEds64"))[0]).toBe("wav");
    expect(ask(text("RIFF\0\0\0\0AVI LIST".padEnd(400)))[0]).toBe("unknown");
  });

  test("does not know EBML of another kind, nor with an endless header", () => {
    const other = [0x1a, 0x45, 0xdf, 0xa3, 0x87, 0x42, 0x82, 0x84, 0x6f, 0x74, 0x68, 0x72];
    expect(ask(Uint8Array.from([...other, ...Array(400).fill(0)]))[0]).toBe("unknown");
    const endless = [0x1a, 0x45, 0xdf, 0xa3, 0x08, 0xff, 0xff, 0xff, 0xff, 0xec, 0x08, 0xff, 0xff];
    expect(ask(Uint8Array.from([...endless, ...Array(9000).fill(0)]))).toEqual(["unknown", 5264]);
  });
});

describeWith("ffmpeg", "the probe, of MPEG-TS", () => {
  const make = "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1 -c:v libx264 -f mpegts";

  test("never throws, and says one thing only, however a stream is damaged", async () => {
    const stream = (await streamOf({ title: "", make })).subarray(0, 5000);
    for (let seed = 1; seed <= 300; seed++) {
      const probe = newProbe();
      const damaged = damage(stream, seed);
      const answers = new Set<unknown>();
      for (let length = 0; length < damaged.length; length += 50) {
        answers.add(probe(damaged.subarray(0, length)));
      }
      answers.delete(undefined);
      expect(answers.size).toBeLessThanOrEqual(1);
    }
  });
});
