/**
 * FLV, as ffmpeg writes it, and tag by tag.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes, readUint24, readUint32, writeUint32 } from "../../src/core/bytes.ts";
import { newFlvScanner } from "../../src/media/flv.ts";
import type { JoinPoint } from "../../src/media/scanner.ts";
import { describeWith } from "../support/tools.ts";
import { cut, scanChunks, scannerContract, streamOf, type Found, type Sample } from "./contract.ts";
import { checksums, expectInOrder, expectRun, joined, skipped, type Judge } from "./oracle.ts";

const PICTURE = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=3,format=yuv420p";
const SOUND = "-f lavfi -i anoisesrc=seed=1:duration=3:sample_rate=44100";
const X264 = "-c:v libx264 -preset veryfast -g 25";

const VIDEO: Judge = { demuxer: "flv", compare: "decoded", map: "v" };
const AUDIO: Judge = { demuxer: "flv", compare: "packets", map: "a" };

const H264: Sample = {
  title: "H.264 and AAC",
  make: `${PICTURE} ${SOUND} ${X264} -bf 0 -c:a aac -b:a 64k -f flv`,
};
const B_FRAMES: Sample = {
  title: "H.264 with B-frames and MP3",
  make: `${PICTURE} ${SOUND} ${X264} -bf 3 -c:a libmp3lame -b:a 64k -f flv`,
};
const PICTURES: Sample = {
  title: "H.264 without an end",
  make: `${PICTURE} ${X264} -flvflags no_sequence_end -f flv`,
};
const SORENSON: Sample = { title: "Sorenson", make: `${PICTURE} -c:v flv -g 25 -b:v 300k -f flv` };
const OPEN_GOP: Sample = {
  title: "H.264 with open groups of pictures",
  make: `${PICTURE} ${X264} -bf 2 -x264-params open-gop=1:scenecut=0 -f flv`,
};
const AAC: Sample = { title: "AAC", make: `${SOUND} -c:a aac -b:a 64k -f flv` };
const MP3: Sample = { title: "MP3", make: `${SOUND} -c:a libmp3lame -b:a 64k -f flv` };

const WITH_PICTURES: readonly Sample[] = [H264, B_FRAMES, PICTURES, SORENSON];

describeWith("ffmpeg", "flv", () => {
  scannerContract(newFlvScanner, [...WITH_PICTURES, OPEN_GOP, AAC, MP3]);

  for (const sample of WITH_PICTURES) {
    test(`${sample.title}: every keyframe is a clean join point`, async () => {
      const { joins } = scanChunks(newFlvScanner, [await streamOf(sample)]);
      expect(joins.map(({ clean }) => clean)).toEqual([true, true, true]);
      expect(joins.every(({ splice }) => splice.length === 0)).toBeTrue();
    }, 60_000);

    test(`${sample.title}: who joins sees a run of the original's frames`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(VIDEO, stream);
      expect(original.length).toBe(75);
      for (const index of [0, 1, 2]) {
        const shown = await checksums(VIDEO, joined(newFlvScanner, stream, index));
        expectRun(shown, original, 75 - 25 * index);
      }
    }, 60_000);

    test(`${sample.title}: who skips sees whole frames in order`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(VIDEO, stream);
      for (const frame of [1, 5, 11, 20]) {
        const shown = await checksums(VIDEO, skipped(newFlvScanner, stream, frame, 3));
        // Where B-frames are in between, the last frames before the skip lack some of them.
        expect(expectInOrder(shown, original)).toBeLessThanOrEqual(3);
        expect(shown.length).toBeGreaterThanOrEqual(50);
      }
    }, 60_000);
  }

  for (const sample of [AAC, MP3]) {
    test(`${sample.title} alone: a decoder can start at every frame`, async () => {
      const stream = await streamOf(sample);
      const original = await checksums(AUDIO, stream);
      const { frames, joins } = scanChunks(newFlvScanner, [stream]);
      expect(joins.map(({ offset }) => offset)).toEqual([...frames]);
      for (let index = 0; index < joins.length - 5; index += 20) {
        const shown = await checksums(AUDIO, joined(newFlvScanner, stream, index));
        expectRun(shown, original, original.length - index - 1);
      }
      const shown = await checksums(AUDIO, skipped(newFlvScanner, stream, 30, 20));
      expect(expectInOrder(shown, original)).toBe(1);
    }, 60_000);
  }

  test("sound beside pictures is whole as well", async () => {
    const stream = await streamOf(H264);
    const original = await checksums(AUDIO, stream);
    expectRun(await checksums(AUDIO, joined(newFlvScanner, stream, 1)), original, 80);
    const shown = await checksums(AUDIO, skipped(newFlvScanner, stream, 11, 3));
    expect(expectInOrder(shown, original)).toBe(1);
  }, 60_000);

  test("a keyframe that is no IDR picture is a join point, and not a clean one", async () => {
    const { joins } = scanChunks(newFlvScanner, [await streamOf(OPEN_GOP)]);
    expect(joins.map(({ clean }) => clean)).toEqual([true, false, false]);
  });

  test("who skips over a change of the codec's parameters gets the new ones", async () => {
    const larger: Sample = {
      title: "H.264 of another size",
      make: `${PICTURE.replace("160x120", "176x144")} ${X264} -f flv`,
    };
    const other = await streamOf(larger);
    const stream = concatBytes(await streamOf(PICTURES), later(other, 3000));
    const original = await checksums(VIDEO, stream);
    expect(original.length).toBe(150);
    for (const ahead of [80, 110]) {
      const shown = await checksums(VIDEO, skipped(newFlvScanner, stream, 10, ahead));
      expect(expectInOrder(shown, original)).toBeLessThanOrEqual(3);
    }
    const shown = await checksums(VIDEO, joined(newFlvScanner, stream, 4));
    expectRun(shown, await checksums(VIDEO, other), 50);
  }, 60_000);
});

describeWith("gst-launch-1.0", "flv, read by GStreamer", () => {
  test("who joins or skips gets every frame", async () => {
    const stream = await streamOf(H264);
    expect(await gstFrames(joined(newFlvScanner, stream, 1))).toBe(50);
    expect(await gstFrames(skipped(newFlvScanner, stream, 11, 3))).toBeWithin(53, 60);
  }, 60_000);
});

/** How many pictures of 160 × 120 GStreamer shows. */
async function gstFrames(stream: Uint8Array): Promise<number> {
  const pipeline =
    "fdsrc ! flvdemux name=d d.video ! queue ! h264parse ! avdec_h264 ! fdsink async=false d.audio ! queue ! fakesink";
  const child = Bun.spawn(["gst-launch-1.0", "-q", ...pipeline.split(" ")], { stdin: stream });
  const output = await child.stdout.bytes();
  expect(await child.exited).toBe(0);
  return output.length / (160 * 120 * 1.5);
}

// --- streams tag by tag ---

const AUDIO_TAG = 8;
const VIDEO_TAG = 9;
const SCRIPT_TAG = 18;

const AVC_CONFIG = [0x17, 0, 0, 0, 0, 1, 0x64, 0, 10, 0xff, 0xe1];
const AVC_KEY = [0x17, 1, 0, 0, 0, 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 1, 2];
const AVC_INTER = [0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 1];
const AAC_CONFIG = [0xaf, 0, 0x12, 0x10];
const AAC_FRAME = [0xaf, 1, 0x21];

const SOUND_ONLY = head(4);
const BOTH = head(5);

function head(flags: number): Uint8Array {
  return Uint8Array.of(0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0);
}

function tag(type: number, body: readonly number[], time = 0): Uint8Array {
  const bytes = new Uint8Array(11 + body.length + 4);
  writeUint32(bytes, 0, body.length);
  bytes[0] = type;
  writeUint32(bytes, 4, (time << 8) | (time >>> 24));
  bytes.set(body, 11);
  writeUint32(bytes, 11 + body.length, 11 + body.length);
  return bytes;
}

function video(...body: number[]): Uint8Array {
  return tag(VIDEO_TAG, body);
}

function audio(...body: number[]): Uint8Array {
  return tag(AUDIO_TAG, body);
}

function metadata(value: number): Uint8Array {
  return tag(SCRIPT_TAG, [2, 0, 10, ...Buffer.from("onMetaData"), 8, 0, 0, 0, value]);
}

/** The video tag of an enhanced stream: a frame type, a packet type, a FourCC. */
function enhanced(frame: number, packet: number, fourCc: string, ...rest: number[]): Uint8Array {
  return video(0x80 | (frame << 4) | packet, ...Buffer.from(fourCc), ...rest);
}

/** The tags of a stream, without its file header, `ms` later. */
function later(stream: Uint8Array, ms: number): Uint8Array {
  const tags = stream.slice(13);
  for (let at = 0; at < tags.length; at += 15 + readUint24(tags, at + 1)) {
    const stamp = readUint24(tags, at + 4) + ms;
    writeUint32(tags, at + 4, ((stamp << 8) | tags[at + 7]!) >>> 0);
    expect(readUint32(tags, at + 11 + readUint24(tags, at + 1))).toBeGreaterThanOrEqual(11);
  }
  return tags;
}

function found(...tags: Uint8Array[]): Found {
  const stream = concatBytes(...tags);
  const whole = scanChunks(newFlvScanner, [stream]);
  expect(scanChunks(newFlvScanner, cut(stream, 1))).toEqual(whole);
  return whole;
}

function lastJoin({ joins }: Found): JoinPoint {
  const point = joins.at(-1);
  if (point === undefined) {
    throw new Error("there is no join point");
  }
  return point;
}

describe("flv, tag by tag", () => {
  test("set-up tags are no frames at the beginning, and coded tags are", () => {
    const tags = [BOTH, metadata(1), video(...AVC_CONFIG), audio(...AAC_CONFIG)];
    const setup = concatBytes(...tags);
    const { frames, joins } = found(...tags, audio(...AAC_FRAME), video(...AVC_KEY));
    const key = setup.length + audio(...AAC_FRAME).length;
    expect(frames).toEqual([setup.length, key]);
    expect(joins).toEqual([{ offset: key, setup, splice: new Uint8Array(), clean: true }]);
  });

  test("metadata and configurations that changed are spliced in, and the others are not", () => {
    const begin = [BOTH, metadata(1), video(...AVC_CONFIG), audio(...AAC_CONFIG)];
    const changed = [metadata(2), audio(...AAC_CONFIG), audio(0xaf, 0, 0x11, 0x90)];
    const point = lastJoin(found(...begin, video(...AVC_KEY), ...changed, video(...AVC_KEY)));
    expect(point.splice).toEqual(concatBytes(metadata(2), audio(0xaf, 0, 0x11, 0x90)));
    expect(point.setup).toEqual(
      concatBytes(BOTH, metadata(2), video(...AVC_CONFIG), audio(0xaf, 0, 0x11, 0x90)),
    );
  });

  test("what changes back is still spliced in: who stopped between has had the other", () => {
    const change = [metadata(2), video(...AVC_KEY), metadata(1), video(...AVC_KEY)];
    const all = found(BOTH, metadata(1), video(...AVC_CONFIG), video(...AVC_KEY), ...change);
    expect(lastJoin(all).splice).toEqual(metadata(1));
  });

  test("a configuration that is repeated later changes nothing, and the arrays stay the same", () => {
    const points: JoinPoint[] = [];
    const scanner = newFlvScanner({ frame: () => {}, join: (point) => points.push(point) }, 0);
    const again = tag(VIDEO_TAG, AVC_CONFIG, 70_000);
    const key = video(...AVC_KEY);
    expect(scanner.scan(concatBytes(BOTH, video(...AVC_CONFIG), key, again, key))).toBeTrue();
    expect(points.length).toBe(2);
    expect(points[1]?.setup).toBe(points[0]!.setup);
    expect(points[1]?.splice).toBe(points[0]!.splice);
  });

  test("scripts that are no metadata are frames, and kept for nobody", () => {
    const cue = tag(SCRIPT_TAG, [2, 0, 10, ...Buffer.from("onCuePoint"), 5]);
    const all = found(BOTH, video(...AVC_CONFIG), video(...AVC_KEY), cue, video(...AVC_KEY));
    expect(all.frames.length).toBe(3);
    expect(lastJoin(all).setup).toEqual(concatBytes(BOTH, video(...AVC_CONFIG)));
  });

  test("no inter frame, no end of sequence and no keyframe without a configuration is joined at", () => {
    const { frames, joins } = found(
      BOTH,
      video(...AVC_KEY),
      video(...AVC_CONFIG),
      video(...AVC_INTER),
      video(0x17, 2, 0, 0, 0),
      video(0x57, 0),
      video(),
    );
    expect(frames.length).toBe(6);
    expect(joins).toEqual([]);
  });

  test("a keyframe tag without a picture is no join point, and damaged lengths harm nobody", () => {
    const config = [BOTH, video(...AVC_CONFIG)];
    for (const units of [
      [],
      [0, 0, 0, 2, 9, 0xf0],
      [0xff, 0, 0, 0, 0x65],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ]) {
      const all = found(...config, video(0x17, 1, 0, 0, 0, ...units), video(...AVC_INTER));
      expect(all.kept).toBeTrue();
      expect(all.frames.length).toBe(2);
      expect(all.joins).toEqual([]);
    }
  });

  test("a picture behind more units than are looked at is no join point", () => {
    const key = (units: number): Uint8Array => {
      const others = Array.from({ length: units }, () => [0, 0, 0, 1, 6]).flat();
      return video(0x17, 1, 0, 0, 0, ...others, 0, 0, 0, 2, 0x65, 1);
    };
    const { frames, joins } = found(BOTH, video(...AVC_CONFIG), key(64), key(63));
    expect(joins.map(({ offset }) => offset)).toEqual(frames.slice(1));
  });

  test("sound alone is joined at every tag, once it has its configuration", () => {
    const sounds = [audio(...AAC_FRAME), audio(...AAC_CONFIG), audio(...AAC_FRAME)];
    const { frames, joins } = found(SOUND_ONLY, ...sounds, audio(...AAC_FRAME));
    expect(frames.length).toBe(4);
    expect(joins.map(({ offset }) => offset)).toEqual(frames.slice(2));
  });

  test("pictures that are promised and do not come are not waited for without end", () => {
    const many = Array.from({ length: 260 }, () => audio(...AAC_FRAME));
    const { frames, joins } = found(BOTH, audio(...AAC_CONFIG), ...many);
    expect(joins.map(({ offset }) => offset)).toEqual(frames.slice(200));
    const withPicture = found(BOTH, audio(...AAC_CONFIG), video(...AVC_INTER), ...many);
    expect(withPicture.joins).toEqual([]);
    const unpromised = found(SOUND_ONLY, audio(...AAC_CONFIG), video(...AVC_CONFIG), ...many);
    expect(unpromised.joins).toEqual([]);
  });

  test("enhanced AV1, VP9 and HEVC are joined at coded keyframes", () => {
    for (const fourCc of ["av01", "vp09"]) {
      const begin = [BOTH, enhanced(1, 0, fourCc, 1, 2, 3)];
      const rest = [
        enhanced(1, 1, fourCc, 9),
        enhanced(2, 1, fourCc, 9),
        enhanced(1, 3, fourCc, 9),
      ];
      const { frames, joins } = found(...begin, ...rest, enhanced(1, 2, fourCc));
      expect(frames.length).toBe(4);
      expect(joins.map(({ offset }) => offset)).toEqual([frames[0]!, frames[2]!]);
      expect(joins[0]?.setup).toEqual(concatBytes(...begin));
    }
  });

  test("enhanced HEVC is clean at an IDR picture and not at a CRA picture", () => {
    const config = enhanced(1, 0, "hvc1", ...Array.from({ length: 21 }, () => 0), 3, 0);
    const idr = [0, 0, 0, 3, 40, 1, 0, 0, 0, 0, 3, 38, 1, 0];
    const cra = [0, 0, 0, 3, 42, 1, 0];
    const key = [enhanced(1, 1, "hvc1", 0, 0, 0, ...idr), enhanced(1, 3, "hvc1", ...cra)];
    const { joins } = found(BOTH, config, ...key);
    expect(joins.map(({ clean }) => clean)).toEqual([true, false]);
  });

  test("the colours and channels of enhanced streams belong to the set-up", () => {
    const colour = enhanced(1, 4, "av01", 7);
    const channels = audio(0x94, ...Buffer.from("Opus"), 1, 2);
    const begin = [BOTH, enhanced(1, 0, "av01", 1), colour, audio(0x90, 0x4f, 1), channels];
    expect(lastJoin(found(...begin, enhanced(1, 1, "av01", 9))).setup).toEqual(
      concatBytes(...begin),
    );
  });

  test("a tag's wrong length, an unknown type and another file are no FLV any longer", () => {
    const wrong = video(...AVC_KEY);
    wrong[wrong.length - 1] = 0;
    const begin = [BOTH, video(...AVC_CONFIG)];
    expect(found(...begin, wrong, video(...AVC_KEY)).kept).toBeFalse();
    expect(found(...begin, tag(15, [1, 2, 3]), video(...AVC_KEY)).kept).toBeFalse();
    expect(found(...begin, video(...AVC_KEY), ...begin).kept).toBeFalse();
    expect(found(Uint8Array.from("FLV\u0002 is no such thing", (c) => c.charCodeAt(0))).kept).toBe(
      false,
    );
  });

  test("a set-up beyond its bound is refused, of one part or of several", () => {
    const large = (bytes: number): Uint8Array =>
      tag(SCRIPT_TAG, [2, 0, 10, ...Buffer.from("onMetaData"), ...new Uint8Array(bytes)]);
    expect(found(BOTH, large(100_000), video(...AVC_CONFIG)).kept).toBeTrue();
    const config = tag(VIDEO_TAG, [...AVC_CONFIG, ...new Uint8Array(170_000)]);
    expect(scanChunks(newFlvScanner, [concatBytes(BOTH, large(100_000), config)]).kept).toBeFalse();
    expect(scanChunks(newFlvScanner, [concatBytes(BOTH, large(270_000))]).kept).toBeFalse();
  });
});
