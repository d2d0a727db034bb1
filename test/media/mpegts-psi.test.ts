/**
 * The tables of a transport stream: sections, however they lie in packets.
 */
import { expect, test } from "bun:test";
import { concatBytes, encodeUtf8, writeUint32 } from "../../src/core/bytes.ts";
import {
  crc32,
  newSectionReader,
  NO_TABLES,
  readSections,
  withSection,
} from "../../src/media/mpegts-psi.ts";

/** A section of `id` and `number`, with its checksum. */
function section(id: number, number: number, entries: readonly number[], flags = 0xc1): Uint8Array {
  const length = 5 + entries.length + 4;
  const head = [id, 0xb0 | (length >> 8), length & 255, number >> 8, number & 255, flags, 0, 0];
  const bytes = Uint8Array.from([...head, ...entries, 0, 0, 0, 0]);
  writeUint32(bytes, bytes.length - 4, crc32(bytes.subarray(0, -4)));
  return bytes;
}

const PAT = section(0, 1, [0, 0, 0xe0, 0x10, 0, 7, 0xf0, 0x00]);
const PMT = section(2, 7, [0xe1, 0x00, 0xf0, 0, 0x1b, 0xe1, 0x00, 0xf0, 0, 0x0f, 0xe1, 1, 0xf0, 0]);

/** What a reader makes of payloads, of which the first, and those that `starts` names, begin a section. */
function read(payloads: readonly Uint8Array[], starts: readonly number[] = [0]): string[] {
  const reader = newSectionReader();
  const found: string[] = [];
  for (const [index, payload] of payloads.entries()) {
    readSections(reader, payload, 0, payload.length, starts.includes(index), (bytes) => {
      found.push(Buffer.from(bytes).toString("hex"));
    });
  }
  return found;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the checksum is that of the standard", () => {
  // The check value of CRC-32/MPEG-2 in the catalogue of parametrised CRC algorithms.
  expect(crc32(encodeUtf8("123456789"))).toBe(0x03_76_e6_e7);
  expect(crc32(PAT)).toBe(0);
});

test("a section is read at every split, and behind the end of another one", () => {
  for (let at = 1; at < PMT.length; at++) {
    const head = concatBytes(Uint8Array.of(0), PMT.subarray(0, at));
    const rest = PMT.subarray(at);
    expect(read([head, rest])).toEqual([hex(PMT)]);
    const pointed = concatBytes(Uint8Array.of(rest.length), rest, PAT, Uint8Array.of(0xff, 0xff));
    expect(read([head, pointed], [0, 1])).toEqual([hex(PMT), hex(PAT)]);
  }
});

test("sections in a row in one packet are read", () => {
  expect(read([concatBytes(Uint8Array.of(0), PAT, PMT, PAT)])).toEqual([PAT, PMT, PAT].map(hex));
});

test("what is broken, cut off or too long is no section", () => {
  for (let at = 0; at < PMT.length; at++) {
    const broken = PMT.slice();
    broken[at] = (broken[at] ?? 0) ^ 0x10;
    expect(read([concatBytes(Uint8Array.of(0), broken)])).toEqual([]);
  }
  const again = concatBytes(Uint8Array.of(0), PAT);
  expect(read([again.subarray(0, 9), again], [0, 1])).toEqual([hex(PAT)]);
  expect(read([Uint8Array.of(200, 1, 2)])).toEqual([]);
  expect(read([Uint8Array.of(0, 2, 0xbf, 0xff, 1, 2, 3), new Uint8Array(4096)])).toEqual([]);
});

test("tables change by what is current and new, and stay the same object otherwise", () => {
  const first = withSection(NO_TABLES, 0, PAT);
  expect(first.programs.map(({ number, pid }) => [number, pid])).toEqual([[7, 4096]]);
  const known = withSection(first, 4096, PMT);
  const streams = known.programs[0]?.streams.map(({ pid, type }) => [pid, type]);
  expect(streams).toEqual([
    [256, 0x1b],
    [257, 0x0f],
  ]);
  expect(withSection(known, 0, PAT)).toBe(known);
  expect(withSection(known, 4096, PMT)).toBe(known);
  // Another program's map, another PID's, one that is not yet current, and another table.
  expect(withSection(known, 4096, section(2, 8, [0, 0, 0, 0]))).toBe(known);
  expect(withSection(known, 4097, section(2, 7, [0, 0, 0, 0]))).toBe(known);
  expect(withSection(known, 4096, section(2, 7, [0, 0, 0, 0], 0xc2))).toBe(known);
  expect(withSection(known, 4096, section(3, 7, [0, 0, 0, 0]))).toBe(known);
  const without = withSection(known, 0, section(0, 1, [0, 9, 0xf0, 0x01], 0xc3));
  expect(without.programs.map(({ number }) => number)).toEqual([9]);
});

test("a clock of its own is followed, and PIDs that nothing may have are not", () => {
  const known = withSection(NO_TABLES, 0, PAT);
  const map = section(2, 7, [0xe2, 0, 0xf0, 0, 0x1b, 0xff, 0xff, 0xf0, 0, 0x0f, 0xe0, 1, 0xf0, 0]);
  expect(withSection(known, 4096, map).programs[0]?.streams).toEqual([{ pid: 512, type: 0 }]);
});
