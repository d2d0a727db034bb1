/**
 * H.264 in FLV, as the media source extensions get it by way of mpegts.js (Adobe Flash Video File
 * Format 10.1, annex E; ISO/IEC 14496-15, section 5.3.3):
 *
 *     ┌────────────┬───┬───────────────────────────┬───────────┬───┬──────
 *     │ "FLV", 1,  │ 0 │ tag header, 11 bytes:     │ VIDEODATA │ … │ tag …
 *     │ 1, 9       │   │ 9, size, time, stream 0   │           │   │
 *     └────────────┴───┴───────────────────────────┴───────────┴───┴──────
 *      file header  └──────── length of the tag before ────────┘
 *
 *     VIDEODATA   keyframe or not, 7 │ 0 │ 0 │ avcC                  the parameter sets
 *                 keyframe or not, 7 │ 1 │ 0 │ length, unit, …       a frame
 */
import { concatBytes, writeUint32 } from "../../core/bytes.ts";

const FILE_HEADER: readonly number[] = [0x46, 0x4c, 0x56, 1, 1, 0, 0, 0, 9, 0, 0, 0, 0];

const TAG_HEADER_BYTES = 11;
const VIDEO = 9;

const KEYFRAME = 0x17;
const OTHER = 0x27;

const SPS = 7;
const PPS = 8;

/** Makes a frame of an access unit in Annex B. `at` is in milliseconds, rising. */
export type FlvWriter = (unit: Uint8Array, isKey: boolean, at: number) => Uint8Array;

export function newFlvWriter(): FlvWriter {
  let hasBegun = false;
  return (unit, isKey, at) => {
    const units = unitsOf(unit);
    const header = isKey ? decoderConfiguration(units) : undefined;
    const tags = [
      ...(hasBegun ? [] : [Uint8Array.from(FILE_HEADER)]),
      ...(header === undefined ? [] : [tag(at, KEYFRAME, 0, [header])]),
      tag(
        at,
        isKey ? KEYFRAME : OTHER,
        1,
        units.flatMap((one) => [uint32(one.length), one]),
      ),
    ];
    hasBegun = true;
    return concatBytes(...tags);
  };
}

function tag(at: number, kind: number, type: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(Uint8Array.of(kind, type, 0, 0, 0), ...parts);
  const head = new Uint8Array(TAG_HEADER_BYTES);
  writeUint32(head, 0, body.length);
  head[0] = VIDEO;
  writeUint32(head, 4, (at & 0xff_ff_ff) << 8);
  head[7] = (at >>> 24) & 0xff;
  return concatBytes(head, body, uint32(head.length + body.length));
}

/** avcC; undefined where the parameter sets are not there. */
function decoderConfiguration(units: readonly Uint8Array[]): Uint8Array | undefined {
  const sps = units.find((unit) => typeOf(unit) === SPS);
  const pps = units.find((unit) => typeOf(unit) === PPS);
  if (sps === undefined || pps === undefined || sps.length < 4) {
    return undefined;
  }
  const head = [1, ...sps.subarray(1, 4), 0xff, 0xe1];
  return concatBytes(
    Uint8Array.from([...head, sps.length >> 8, sps.length & 0xff]),
    sps,
    Uint8Array.of(1, pps.length >> 8, pps.length & 0xff),
    pps,
  );
}

/** The units between the start codes. */
function unitsOf(bytes: Uint8Array): Uint8Array[] {
  const starts: number[] = [];
  for (let one = bytes.indexOf(1, 2); one !== -1; one = bytes.indexOf(1, one + 1)) {
    if (bytes[one - 1] === 0 && bytes[one - 2] === 0) {
      starts.push(one + 1);
    }
  }
  return starts.map((start, index) => {
    const next = starts[index + 1];
    return withoutZeros(bytes.subarray(start, next === undefined ? bytes.length : next - 3));
  });
}

/** No unit ends with a zero byte: it belongs to the next start code. */
function withoutZeros(unit: Uint8Array): Uint8Array {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) {
    end--;
  }
  return unit.subarray(0, end);
}

function typeOf([first = 0]: Uint8Array): number {
  return first & 0x1f;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}
