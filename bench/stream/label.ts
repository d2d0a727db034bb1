/**
 * The label in each access unit: a user-data-unregistered SEI message (ITU-T H.264, sections 7.3.2.3
 * and D.1.7) that says which frame it is, when it was due, and how it goes on.
 *
 *     ┌─────────────┬────┬────┬──────┬──────┬─────────┬──────────┬─────┬────────┬──────────┬─────┬────┐
 *     │ 00 00 00 01 │ 06 │ 05 │ size │ UUID │ channel │ sequence │ due │ length │ checksum │ pad │ 80 │
 *     │             │    │    │ 1–2  │ 16   │ 2       │ 6        │ 8   │ 4      │ 5        │ …   │    │
 *     └─────────────┴────┴────┴──────┴──────┴─────────┴──────────┴─────┴────────┴──────────┴─────┴────┘
 *
 * Numbers have seven bits a byte and the eighth is set: without zero bytes nothing needs to be escaped.
 * The pad takes the frame to its exact size.
 */
import { START_CODE } from "./bits.ts";

export interface Label {
  readonly channel: number;
  /** Counts the frames of a broadcast from 0 on. */
  readonly sequence: number;
  /** Microseconds since the epoch at which the frame should be sent. */
  readonly due: number;
  /** Bytes of the whole access unit. */
  readonly length: number;
  /** CRC-32 of the label, with zero for the checksum, and of all that follows it in its access unit. */
  readonly checksum: number;
}

const FIELDS = [
  ["channel", 2],
  ["sequence", 6],
  ["due", 8],
  ["length", 4],
  ["checksum", 5],
] as const;

const UUID = Buffer.from("d3a1f5c27b984e6fa4b2915ec8d7f36b", "hex");
const FIELD_BYTES: number = FIELDS.reduce((sum, [, bytes]) => sum + bytes, 0);

/** What a label begins with. */
export const LABEL_TAG: Buffer = Buffer.from([...START_CODE, 0x06, 0x05]);

/** A size that begins with this byte has a second one, which is added to it. */
const SIZE_GOES_ON = 255;

/** The bytes of a label without a pad, which are as many as {@link readLabel} needs of any. */
export const LABEL_BYTES: number = LABEL_TAG.length + 1 + UUID.length + FIELD_BYTES + 1;

/** Bytes that a pad may take: the largest that a size of two bytes can count. */
export const PAD_MAX_BYTES: number = 2 * SIZE_GOES_ON - 1 - UUID.length - FIELD_BYTES;

/** Channels that a label can tell apart. */
export const CHANNELS_MAX: number = 2 ** 14;

/** The bytes of a label with a pad of that many bytes. */
export function labelLength(pad: number): number {
  return LABEL_BYTES + pad + (UUID.length + FIELD_BYTES + pad < SIZE_GOES_ON ? 0 : 1);
}

/** The label with a pad of 0 to {@link PAD_MAX_BYTES} bytes. */
export function writeLabel(label: Label, pad: number): Buffer {
  const size = UUID.length + FIELD_BYTES + pad;
  const sizes = size < SIZE_GOES_ON ? [size] : [SIZE_GOES_ON, size - SIZE_GOES_ON];
  const bytes = Buffer.alloc(labelLength(pad), 0xaa);
  bytes.set([...LABEL_TAG, ...sizes, ...UUID]);
  let at = LABEL_TAG.length + sizes.length + UUID.length;
  for (const [name, count] of FIELDS) {
    let rest = label[name];
    for (let i = at + count - 1; i >= at; i--) {
      bytes[i] = 0x80 | (rest % 128);
      rest = Math.floor(rest / 128);
    }
    at += count;
  }
  bytes[bytes.length - 1] = 0x80;
  return bytes;
}

/** Reads the label at `at`, where {@link LABEL_BYTES} are; undefined where there is none. */
export function readLabel(bytes: Buffer, at: number): Label | undefined {
  const sizeAt = at + LABEL_TAG.length;
  const uuidAt = sizeAt + (bytes[sizeAt] === SIZE_GOES_ON ? 2 : 1);
  if (
    bytes.compare(LABEL_TAG, 0, LABEL_TAG.length, at, sizeAt) !== 0 ||
    bytes.compare(UUID, 0, UUID.length, uuidAt, uuidAt + UUID.length) !== 0
  ) {
    return undefined;
  }
  const fields = { channel: 0, sequence: 0, due: 0, length: 0, checksum: 0 };
  let from = uuidAt + UUID.length;
  for (const [name, count] of FIELDS) {
    fields[name] = readNumber(bytes, from, count);
    from += count;
  }
  return fields;
}

function readNumber(bytes: Buffer, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    value = value * 128 + ((bytes[i] ?? 0) & 0x7f);
  }
  return value;
}
