/**
 * A message of a link: bytes of a stream, and what the owner's scanner has found in it. Integers and
 * floats are big-endian, offsets absolute and exact up to 2^53.
 *
 *      0  layout   u8     1
 *      1  flags    u8     START FORMAT JOIN CLEAN COPIED MORE FINAL BLOB
 *      2  head     u16    bytes before those of the stream: what a newer layout adds is passed over
 *      4  session  u32    as the follower has numbered it
 *      8  number   u32    of the message in its session, from 0 on
 *     12  frames   u16
 *     14  format   u8     letters of the format's name
 *     15  -        u8
 *     16  epoch    f64    of the stream
 *     24  offset   f64    of the first of the stream's bytes
 *     32  sent     f64    by the owner's time of day, in milliseconds
 *     40  join     f64    of the join point
 *     48  setup    u32    bytes of its set-up: the first of the blob
 *     52  splice   u32    bytes of its splice: the rest of the blob
 *     56  frames × f64, the format's name
 *   head  bytes of the stream, or with BLOB a further part of the blob
 *
 * A set-up may be longer than a message. So it comes before its join point, in parts that make a blob; a
 * join point that says SAME has that of the one before it.
 */
import type { JoinPoint } from "../media/scanner.ts";

export const START = 1;
export const FORMAT = 2;
export const JOIN = 4;
/** With START: what the follower has ends where a frame does. With JOIN: the join point is a clean one. */
export const CLEAN = 8;
export const COPIED = 16;
/** More bytes come at once that belong to these. */
export const MORE = 32;
/** No more bytes come. */
export const FINAL = 64;
export const BLOB = 128;

/** With JOIN, in the place of the length of a set-up: it is that of the join point before. */
export const SAME = 0xff_ff_ff_ff;

const LAYOUT = 1;
const FIXED_BYTES = 56;

export interface MessageHead {
  flags: number;
  session: number;
  number: number;
  epoch: number;
  offset: number;
  sent: number;
  /** Where frames begin. */
  frames: readonly number[];
  format: string;
  join: number;
  setup: number;
  splice: number;
}

export interface Message extends MessageHead {
  readonly payload: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One message, with `length` bytes of `bytes` from `from` on, which are copied. */
export function writeMessage(
  head: MessageHead,
  bytes: Uint8Array,
  from: number,
  length: number,
): Uint8Array {
  const { format, frames } = head;
  const headBytes = FIXED_BYTES + 8 * frames.length + format.length;
  const message = new Uint8Array(headBytes + length);
  const view = new DataView(message.buffer);
  message[0] = LAYOUT;
  message[1] = head.flags;
  view.setUint16(2, headBytes);
  view.setUint32(4, head.session);
  view.setUint32(8, head.number);
  view.setUint16(12, frames.length);
  message[14] = format.length;
  view.setFloat64(16, head.epoch);
  view.setFloat64(24, head.offset);
  view.setFloat64(32, head.sent);
  view.setFloat64(40, head.join);
  view.setUint32(48, head.setup);
  view.setUint32(52, head.splice);
  frames.forEach((offset, i) => view.setFloat64(FIXED_BYTES + 8 * i, offset));
  encoder.encodeInto(format, message.subarray(headBytes - format.length, headBytes));
  message.set(bytes.subarray(from, from + length), headBytes);
  return message;
}

/** What a message says; undefined where it is none, or none that can be understood. */
export function readMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.length < FIXED_BYTES || bytes[0] !== LAYOUT) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headBytes = view.getUint16(2);
  const count = view.getUint16(12);
  const letters = bytes[14] ?? 0;
  const used = FIXED_BYTES + 8 * count + letters;
  if (headBytes < used || headBytes > bytes.length) {
    return undefined;
  }
  const frames: number[] = [];
  for (let i = 0; i < count; i++) {
    frames.push(view.getFloat64(FIXED_BYTES + 8 * i));
  }
  const message: Message = {
    flags: bytes[1] ?? 0,
    session: view.getUint32(4),
    number: view.getUint32(8),
    epoch: view.getFloat64(16),
    offset: view.getFloat64(24),
    sent: view.getFloat64(32),
    frames,
    format: decoder.decode(bytes.subarray(used - letters, used)),
    join: view.getFloat64(40),
    setup: view.getUint32(48),
    splice: view.getUint32(52),
    payload: bytes.subarray(headBytes),
  };
  return isSound(message) ? message : undefined;
}

function isSound({ frames, join, offset }: Message): boolean {
  const offsets = [offset, join, ...frames];
  const rise = frames.every((each, i) => i === 0 || each > (frames[i - 1] ?? 0));
  return rise && offsets.every((each) => Number.isSafeInteger(each) && each >= 0);
}

/** The join point of a message, whose set-up and splice are those of `blob`. */
export function joinOf({ flags, join, setup }: Message, blob: Uint8Array): JoinPoint {
  return {
    offset: join,
    setup: blob.subarray(0, setup),
    splice: blob.subarray(setup),
    clean: (flags & CLEAN) !== 0,
  };
}
