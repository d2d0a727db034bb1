/**
 * Recognition of made-up streams: each case is the smallest one that shows its rule. What real encoders write is in
 * recognise-real.test.ts.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { contentType, formatTitle } from "../../src/media/format.ts";
import { PROBE_BYTES, recognise } from "../../src/media/recognise.ts";

type Part = string | number | readonly number[];

/** Latin-1 text, bytes, and counts of bytes of filling, one after the other. */
function bytes(...parts: readonly Part[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === "number") {
        return Buffer.alloc(part, 0xaa);
      }
      return typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part);
    }),
  );
}

const START = [0, 0, 0, 1];
const H264_SPS = [0x67, 0x64, 0x00, 0x1f, 0xac];
const H264_DELIMITER = [0x09, 0xf0];
const H265_VPS = [0x40, 0x01, 0x0c, 0x01];

describe("recognise", () => {
  test("knows the formats that have a signature", () => {
    expect(recognise(bytes("FLV\x01\x05"))).toBe("flv");
    expect(recognise(bytes([0, 0, 0, 24], "ftypisom"))).toBe("mp4");
    expect(recognise(bytes([0, 0, 0, 24], "stypmsdh"))).toBe("mp4");
    expect(recognise(bytes([0, 0, 1, 24], "moof"))).toBe("mp4");
    expect(recognise(bytes("OggS\0\x02"))).toBe("ogg");
    expect(recognise(bytes("DKIF\0\0"))).toBe("ivf");
    expect(recognise(bytes("RIFF", 4, "WAVEfmt "))).toBe("wav");
    expect(recognise(bytes("YUV4MPEG2 W640"))).toBe("y4m");
    expect(recognise(bytes([0xff, 0xd8, 0xff, 0xe0]))).toBe("mjpeg");
  });

  test("does not know another RIFF file, another FLV version, or a box that is too short to be one", () => {
    expect(recognise(bytes("RIFF", 4, "AVI LIST"))).toBeUndefined();
    expect(recognise(bytes("FLV\x02\x05"))).toBeUndefined();
    expect(recognise(bytes([0, 0, 0, 7], "ftypisom"))).toBeUndefined();
  });

  test("does not know an empty stream, silence, text, or a stream of ones", () => {
    expect(recognise(bytes())).toBeUndefined();
    expect(recognise(new Uint8Array(PROBE_BYTES))).toBeUndefined();
    expect(recognise(bytes("GET / HTTP/1.1\r\n"))).toBeUndefined();
    expect(recognise(new Uint8Array(PROBE_BYTES).fill(0xff))).toBeUndefined();
  });

  test("looks at no byte beyond its bound", () => {
    const late = bytes(START, [0x61], PROBE_BYTES - 8, START, H264_SPS);
    expect(recognise(late)).toBeUndefined();
  });
});

describe("recognise, of EBML", () => {
  const head = [0x1a, 0x45, 0xdf, 0xa3];
  const webm = [0x42, 0x82, 0x84, ...Buffer.from("webm")];

  test("tells WebM from Matroska by the document type", () => {
    const matroska = [0x42, 0x82, 0x88, ...Buffer.from("matroska")];
    expect(recognise(bytes(head, [0x87], webm))).toBe("webm");
    expect(recognise(bytes(head, [0x8b], matroska))).toBe("matroska");
  });

  test("finds the document type behind other elements and longer lengths", () => {
    const version = [0x42, 0x86, 0x40, 0x01, 1];
    const padding = [0xec, 0x82, 0x42, 0x82];
    const size = [0x01, 0, 0, 0, 0, 0, 0, 16];
    expect(recognise(bytes(head, size, version, padding, webm))).toBe("webm");
  });

  test("takes NULs at the document type's end for padding", () => {
    const padded = [0x42, 0x82, 0x86, ...Buffer.from("webm\0\0")];
    expect(recognise(bytes(head, [0x89], padded))).toBe("webm");
  });

  test("does not know another document type, or one that stands behind the header", () => {
    const other = [0x42, 0x82, 0x84, ...Buffer.from("webp")];
    expect(recognise(bytes(head, [0x87], other))).toBeUndefined();
    expect(recognise(bytes(head, [0x80], webm))).toBeUndefined();
  });

  test("waits for a document type that is not all there", () => {
    expect(recognise(bytes(head, [0x8b, 0x42, 0x82, 0x88], "webm"))).toBeUndefined();
  });
});

describe("recognise, of NAL units", () => {
  test("knows H.264 by its sequence parameter set or its delimiter", () => {
    expect(recognise(bytes(START, H264_SPS))).toBe("h264");
    expect(recognise(bytes([0, 0, 1], H264_SPS))).toBe("h264");
    expect(recognise(bytes(START, H264_DELIMITER, START))).toBe("h264");
  });

  test("knows H.265 by each of its parameter sets and its delimiter", () => {
    for (const type of [32, 33, 34, 35]) {
      expect(recognise(bytes(START, [type << 1, 0x01, 0x50, 0]))).toBe("h265");
    }
  });

  test("reads on where the stream does not open with such a unit", () => {
    const sei = [0x06, 0x05, 0x10, 0x80];
    const slice = [0x61, 0xe0, 0x12, 0x34];
    expect(recognise(bytes(START, sei, [0, 0, 1], slice, START, H264_SPS))).toBe("h264");
    const trailing = [0x02, 0x01, 0xd0, 0x12];
    expect(recognise(bytes(START, trailing, [0, 0, 1], trailing, START, H265_VPS))).toBe("h265");
  });

  test("allows zero bytes before the first start code", () => {
    expect(recognise(bytes([0, 0, 0, 0, 0, 0], START, H264_SPS))).toBe("h264");
  });

  test("does not know a unit that is in the middle of something else", () => {
    expect(recognise(bytes(1, START, H264_SPS))).toBeUndefined();
    expect(recognise(bytes([0, 1], H264_SPS))).toBeUndefined();
    expect(recognise(bytes(START, [0x61, 5, 1], H264_SPS))).toBeUndefined();
    expect(recognise(bytes(START, [0x61, 0, 1], H264_SPS))).toBeUndefined();
  });

  test("does not know a unit whose importance or layer its type does not allow", () => {
    const [, ...sps] = H264_SPS;
    expect(recognise(bytes(START, [0x07], sps))).toBeUndefined();
    expect(recognise(bytes(START, [0x29, 0xf0], START))).toBeUndefined();
    expect(recognise(bytes(START, [0x40, 0x09, 0x0c, 0x01]))).toBeUndefined();
    expect(recognise(bytes(START, [0x40, 0x00, 0x0c, 0x01]))).toBeUndefined();
  });

  test("does not know MPEG-1 and MPEG-2, whose start codes set the forbidden bit", () => {
    for (const code of [0xb3, 0xba, 0xe0]) {
      expect(recognise(bytes([0, 0, 1, code], 20, START, H264_SPS))).toBeUndefined();
      expect(recognise(bytes([0, 0, 1, code], 20, START, H265_VPS))).toBeUndefined();
    }
  });

  test("does not know a sequence parameter set of an impossible profile, flag or level", () => {
    expect(recognise(bytes(START, [0x67, 0x65, 0x00, 0x1f]))).toBeUndefined();
    expect(recognise(bytes(START, [0x67, 0x64, 0x01, 0x1f]))).toBeUndefined();
    expect(recognise(bytes(START, [0x67, 0x64, 0x00, 0x08]))).toBeUndefined();
    expect(recognise(bytes(START, [0x67, 0x64, 0x00, 0x3f]))).toBeUndefined();
  });
});

describe("recognise, of MPEG-TS", () => {
  const pat = bytes([0x47, 0x40, 0x00, 0x10, 0, 0], 182);
  const other = bytes([0x47, 0x01, 0x00, 0x17], 184);

  test("knows two packets of which one is a program association table", () => {
    expect(recognise(Buffer.concat([pat, other]))).toBe("mpegts");
    expect(recognise(Buffer.concat([other, pat]))).toBe("mpegts");
    expect(recognise(pat)).toBeUndefined();
  });

  test("knows five packets without one", () => {
    expect(recognise(Buffer.concat([other, other, other, other]))).toBeUndefined();
    expect(recognise(Buffer.concat([other, other, other, other, other]))).toBe("mpegts");
  });

  test("does not know packets that are not where they should be", () => {
    expect(recognise(Buffer.concat([pat, bytes(1), other, other, other, other]))).toBeUndefined();
    expect(recognise(Buffer.concat([pat, bytes(188), other, other, other, other]))).toBeUndefined();
  });
});

describe("recognise, of sound", () => {
  /** A frame of stereo AAC at 48 kHz that is 16 bytes long. */
  const aac = bytes([0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc], 9);
  /** A frame of 32 kbit/s MP3 at 48 kHz, which is 96 bytes long. */
  const mp3 = bytes([0xff, 0xfb, 0x14, 0x64], 92);
  const tag = (length: number): Uint8Array =>
    bytes("ID3", [4, 0, 0, 0, 0, length >> 7, length & 0x7f], length);

  test("knows AAC and MP3 by a second frame behind the first", () => {
    expect(recognise(bytes([...aac, ...aac]))).toBe("aac");
    expect(recognise(bytes([...aac, ...aac.subarray(0, 6)]))).toBeUndefined();
    expect(recognise(bytes([...mp3, ...mp3]))).toBe("mp3");
    expect(recognise(bytes([...mp3, ...mp3.subarray(0, 3)]))).toBeUndefined();
  });

  test("counts the padding of an MP3 frame", () => {
    const padded = bytes([0xff, 0xfb, 0x16, 0x64], 93);
    expect(recognise(bytes([...padded, ...mp3]))).toBe("mp3");
  });

  test("knows MP3 of the lower sampling rates", () => {
    const mpeg2 = bytes([0xff, 0xf3, 0x84, 0xc4], 188);
    const mpeg25 = bytes([0xff, 0xe3, 0x48, 0xc4], 284);
    expect(recognise(bytes([...mpeg2, ...mpeg2]))).toBe("mp3");
    expect(recognise(bytes([...mpeg25, ...mpeg25]))).toBe("mp3");
  });

  test("does not know a second frame of another kind", () => {
    const mono = aac.with(3, 0x40);
    const otherRate = mp3.with(2, 0x18);
    expect(recognise(bytes([...aac, ...mono]))).toBeUndefined();
    expect(recognise(bytes([...mp3, ...otherRate]))).toBeUndefined();
    expect(recognise(bytes([...mp3, ...aac]))).toBeUndefined();
  });

  test("does not know layer II, which is no MP3", () => {
    const mp2 = mp3.with(1, 0xfd);
    expect(recognise(bytes([...mp2, ...mp2]))).toBeUndefined();
  });

  test("does not know headers whose values are reserved or impossible", () => {
    const noVersion = bytes([0xff, 0xeb, 0x14, 0x64], 44);
    const noRate = aac.with(2, 0x74);
    const noLength = aac.with(4, 0);
    const noTag = bytes("ID3", [4, 0, 0, 0x80, 0, 0, 0]);
    expect(recognise(bytes([...noVersion, ...noVersion]))).toBeUndefined();
    expect(recognise(bytes([...noRate, ...noRate]))).toBeUndefined();
    expect(recognise(noLength)).toBeUndefined();
    expect(recognise(noTag)).toBeUndefined();
  });

  test("reads the sound behind a tag", () => {
    expect(recognise(bytes([...tag(300), ...mp3, ...mp3]))).toBe("mp3");
    expect(recognise(bytes([...tag(300), ...aac, ...aac]))).toBe("aac");
    expect(recognise(bytes([...tag(300), ...aac]))).toBeUndefined();
  });

  test("takes a tag for MP3 where the sound behind it is out of reach or not understood", () => {
    expect(recognise(tag(5000).subarray(0, 10))).toBe("mp3");
    expect(recognise(bytes([...tag(300)], PROBE_BYTES - 311))).toBeUndefined();
    expect(recognise(bytes([...tag(300)], PROBE_BYTES - 310))).toBe("mp3");
  });
});

describe("recognise, whatever the bytes are", () => {
  const heads = [
    bytes([0x1a, 0x45, 0xdf, 0xa3]),
    bytes(START),
    bytes(START, H264_DELIMITER.slice(0, 1)),
    bytes([0x47, 0x40, 0, 0x10]),
    bytes([0xff, 0xf1]),
    bytes([0xff, 0xfb]),
    bytes("ID3"),
    bytes([0, 0, 0, 24], "fty"),
    bytes("RIFF"),
  ];

  test("never throws", () => {
    const anything = fc.uint8Array({ maxLength: 2 * PROBE_BYTES });
    const broken = fc
      .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 64 }))
      .map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(fc.oneof(anything, broken), (head) => {
        recognise(head);
      }),
      { numRuns: 2000 },
    );
  });

  // The seed is fixed, because chance does recognise one in some ten million heads.
  test("knows nothing in noise", () => {
    const noise = fc.uint8Array({ minLength: PROBE_BYTES, maxLength: PROBE_BYTES });
    fc.assert(
      fc.property(noise, (head) => recognise(head) === undefined),
      { numRuns: 2000, seed: 61_920 },
    );
  });
});

describe("formatTitle", () => {
  test("gives the name that people know", () => {
    expect(formatTitle("h264")).toBe("H.264");
    expect(formatTitle("mpegts")).toBe("MPEG-TS");
    expect(formatTitle("webm")).toBe("WebM");
  });
});

describe("contentType", () => {
  test("gives the media type that players know", () => {
    expect(contentType("h264")).toBe("video/h264");
    expect(contentType("mpegts")).toBe("video/mp2t");
    expect(contentType("mp3")).toBe("audio/mpeg");
  });
});
