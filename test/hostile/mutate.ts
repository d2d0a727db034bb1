/**
 * Bytes that are almost right, which lead further into a parser than random ones.
 */
import type { Random } from "./random.ts";

/** Bytes that parsers get wrong: ends of ranges, signs, start codes, sync bytes. */
const EDGES = [0x00, 0x01, 0x47, 0x7f, 0x80, 0xff] as const;

/** The longest run that one change touches, in bytes. */
const RUN_MAX = 64;

type Change = (random: Random, bytes: Buffer) => Buffer;

const CHANGES: readonly [Change, ...Change[]] = [
  function flipBit(random, bytes) {
    const at = random.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
    return bytes;
  },
  function setByte(random, bytes) {
    bytes.writeUInt8(random.pick(EDGES), random.below(bytes.length));
    return bytes;
  },
  function fillRun(random, bytes) {
    const [from, to] = run(random, bytes);
    return bytes.fill(random.pick(EDGES), from, to);
  },
  function leaveOut(random, bytes) {
    const [from, to] = run(random, bytes);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function repeat(random, bytes) {
    const [from, to] = run(random, bytes);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  function insert(random, bytes) {
    const [from] = run(random, bytes);
    const junk = random.bytes(random.below(RUN_MAX));
    return Buffer.concat([bytes.subarray(0, from), junk, bytes.subarray(from)]);
  },
  function moveOn(random, bytes) {
    const [from, to] = run(random, bytes);
    return Buffer.concat([bytes.subarray(to), bytes.subarray(from, to), bytes.subarray(0, from)]);
  },
  function cutOff(random, bytes) {
    return bytes.subarray(0, random.below(bytes.length) + 1);
  },
];

/** A copy of `bytes` with up to `most` changes. */
export function mutate(random: Random, bytes: Uint8Array, most: number): Uint8Array {
  let changed = Buffer.from(bytes);
  for (let left = random.below(most) + 1; left > 0 && changed.length > 0; left--) {
    changed = Buffer.from(random.pick(CHANGES)(random, changed));
  }
  return changed;
}

/** `bytes` in up to `most` pieces, cut anywhere. */
export function shred(random: Random, bytes: Uint8Array, most: number): readonly Uint8Array[] {
  const cuts = Array.from({ length: random.below(most) }, () => random.below(bytes.length + 1));
  const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

function run(random: Random, bytes: Buffer): readonly [number, number] {
  const from = random.below(bytes.length);
  return [from, Math.min(from + random.below(RUN_MAX) + 1, bytes.length)];
}
