/**
 * What a PES packet of video begins with, told from its bytes.
 */
import { expect, test } from "bun:test";
import { readBeginning } from "../../src/media/mpegts-access.ts";

const [MPEG2, H264, H265] = [0x02, 0x1b, 0x24];

/** A PES header with five bytes of time. */
const HEADER: readonly number[] = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1];

function head(...units: readonly (readonly number[])[]): Buffer {
  return Buffer.from([...HEADER, ...units.flatMap((unit) => [0, 0, 1, ...unit])]);
}

/** A word for what is found: whether it is a frame, a start, and clean. */
function verdict(type: number, bytes: Buffer, isFlagged = false): string {
  const found = readBeginning(type, bytes, bytes.length, isFlagged);
  if (found === undefined) {
    return "more";
  }
  const start = found.access === "yes" ? (found.clean ? " clean" : " start") : "";
  return `${found.isFrame ? "frame" : "rest"}${found.access === "flag" ? " flag" : start}`;
}

const AUD = [9, 0xf0];
const SPS = [0x67, 66, 0, 30];
const RECOVERY = [6, 0, 2, 1, 2, 6, 1, 0xc4, 0x80];
const [IDR, INTRA, PREDICTED, SECOND] = [
  [0x65, 0x88, 0x84],
  [0x41, 0xb0, 0],
  [0x41, 0x9a, 0],
  [0x41, 0x40, 0],
];

test("H.264 starts at an IDR picture, or at an intra one that the encoder calls a start", () => {
  expect(verdict(H264, head(AUD, SPS, IDR))).toBe("frame clean");
  expect(verdict(H264, head(AUD, IDR))).toBe("frame");
  expect(verdict(H264, head(AUD, SPS, RECOVERY, INTRA))).toBe("frame start");
  expect(verdict(H264, head(AUD, SPS, INTRA), true)).toBe("frame start");
  expect(verdict(H264, head(AUD, SPS, INTRA))).toBe("frame");
  expect(verdict(H264, head(AUD, SPS, RECOVERY, PREDICTED), true)).toBe("frame");
  expect(verdict(H264, head(SECOND))).toBe("rest");
});

test("H.265 starts at random access pictures, and ends what was before where they need it", () => {
  const sps = [0x42, 1, 1];
  for (const [type, expected] of [
    [1, "frame"],
    [16, "frame clean"],
    [19, "frame clean"],
    [20, "frame clean"],
    [21, "frame clean"],
    [22, "frame"],
  ] as const) {
    expect(verdict(H265, head(sps, [type << 1, 1, 0x80]))).toBe(expected);
    expect(verdict(H265, head([type << 1, 1, 0x80]))).toBe("frame");
    expect(verdict(H265, head([type << 1, 1, 0x00]))).toBe("rest");
  }
  const clean = head(sps, [21 << 1, 1, 0x80]);
  expect(readBeginning(H265, clean, clean.length, false)?.ending).toEqual([0, 0, 1, 0x48, 1]);
});

test("MPEG-2 video starts at an intra picture of a sequence, cleanly where nothing leads it", () => {
  const sequence = [0xb3, 0, 0, 0, 0];
  const [closed, openGroup] = [
    [0xb8, 0, 8, 0, 0x40],
    [0xb8, 0, 8, 0, 0],
  ];
  const intra = [0, 0x00, 0x0f, 0xff, 0xf8];
  const later = [0, 0x00, 0x8f, 0xff, 0xf8];
  const predicted = [0, 0x00, 0x57, 0xff, 0xf8];
  expect(verdict(MPEG2, head(sequence, closed, later))).toBe("frame clean");
  expect(verdict(MPEG2, head(sequence, openGroup, intra))).toBe("frame clean");
  expect(verdict(MPEG2, head(sequence, openGroup, later))).toBe("frame start");
  expect(verdict(MPEG2, head(sequence, intra))).toBe("frame start");
  expect(verdict(MPEG2, head(openGroup, intra))).toBe("frame");
  expect(verdict(MPEG2, head(sequence, closed, predicted))).toBe("frame");
  expect(verdict(MPEG2, head([0x05, 1, 2, 3, 4]))).toBe("rest");
});

test("fewer bytes give no other answer than that more are needed", () => {
  const whole = head(AUD, SPS, RECOVERY, IDR);
  for (let length = 0; length < whole.length - 1; length++) {
    expect(readBeginning(H264, whole, length, true)).toBeUndefined();
  }
});

test("what cannot be read is for the flag to tell", () => {
  expect(verdict(0x33, head(AUD))).toBe("frame flag");
  expect(verdict(H264, Buffer.alloc(64, 0x5a))).toBe("frame flag");
  const scrambled = head(AUD, SPS, IDR);
  scrambled[6] = 0xa0;
  expect(verdict(H264, scrambled)).toBe("frame flag");
  expect(verdict(H264, Buffer.from([...HEADER, 5, 6, 7, 0, 0, 1, ...SPS]))).toBe("rest flag");
});
