/**
 * The reply frame: `ok`, or `error,code=CODE,message=TEXT`, for a peer that asked with `reply=1`.
 *
 * A server without this extension never sends one. So the asking side looks at the first bytes as
 * they come, and hands every byte on as soon as they can be no reply:
 *
 *     first byte ──► pending ──► reply     (the frame is complete and reads as one; the rest is stream)
 *                        └─────► stream    (they are none: all of them are stream)
 *
 * Invariant: the bytes of the frame plus the bytes handed on are the bytes that came, in their
 * order.
 */
import { decodeUtf8, encodeUtf8, readUint32 } from "../core/bytes.ts";
import { isCode, refusal, type Refusal } from "../core/errors.ts";
import { FRAME_HEAD_BYTES, REQUEST_MAX_BYTES } from "../core/limits.ts";
import { writeFrame } from "./frame.ts";
import { readFields } from "./request.ts";

/** What a server answers: null for `ok`. */
export type Reply = Refusal | null;

/**
 * The frame that carries `reply`. Values cannot hold a comma, so the message's own become
 * semicolons.
 */
export function writeReply(reply: Reply): Uint8Array {
  return writeFrame(
    reply === null
      ? "ok"
      : `error,code=${reply.code},message=${reply.message.replaceAll(",", ";")}`,
  );
}

/**
 * Reads the text of a reply; undefined where it is none. A code from a newer server reads as
 * `forbidden`.
 */
export function readReply(text: string): Reply | undefined {
  const { verb, fields } = readFields(text);
  if (verb === "ok") {
    return null;
  }
  if (verb !== "error") {
    return undefined;
  }
  const code = fields.get("code") ?? "";
  return refusal(isCode(code) ? code : "forbidden", fields.get("message") ?? code);
}

/** The asking side's view of the first bytes. Only {@link feedReply} writes to it. */
export interface ReplyReader {
  state: "pending" | "reply" | "stream";
  /** All bytes so far that may yet be the frame. */
  held: Uint8Array;
  /** Set in state `reply`. */
  reply: Reply;
}

/** A reader that has seen no byte yet. */
export function newReplyReader(): ReplyReader {
  return { state: "pending", held: new Uint8Array(0), reply: null };
}

/** A reader for which the matter is settled: every byte is stream. */
export function streamReader(): ReplyReader {
  return { state: "stream", held: new Uint8Array(0), reply: null };
}

/**
 * Feeds `chunk` to the reader and returns what of all the bytes so far is stream: nothing while
 * that is undecided.
 */
export function feedReply(reader: ReplyReader, chunk: Uint8Array): Uint8Array {
  if (reader.state !== "pending") {
    return chunk;
  }
  const held = join(reader.held, chunk);
  const length = held.length >= FRAME_HEAD_BYTES ? readUint32(held, 0) : 0;
  if (!couldBeReply(held, length)) {
    return passOn(reader, held);
  }
  if (held.length < FRAME_HEAD_BYTES + length || length === 0) {
    reader.held = held;
    return held.subarray(0, 0);
  }
  const text = decodeUtf8(held.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length));
  const reply = text === null ? undefined : readReply(text);
  if (reply === undefined) {
    return passOn(reader, held);
  }
  reader.state = "reply";
  reader.reply = reply;
  reader.held = held.subarray(0, 0);
  return held.subarray(FRAME_HEAD_BYTES + length);
}

/**
 * What is still held when the connection ends: a beginning that looked like a reply and never
 * became one, which belongs to the stream.
 */
export function endReply(reader: ReplyReader): Uint8Array {
  return reader.state === "pending" ? passOn(reader, reader.held) : new Uint8Array(0);
}

function passOn(reader: ReplyReader, held: Uint8Array): Uint8Array {
  reader.state = "stream";
  reader.held = held.subarray(0, 0);
  return held;
}

/** Each verb with the comma that ends it, where the text goes on at all. */
const BEGINNINGS = [encodeUtf8("ok,"), encodeUtf8("error,")];

/**
 * Whether `held` may be the beginning of a reply. The verb is compared as far as it has come, so
 * that a stream which begins with a plausible length is not held back until that many bytes are
 * there.
 */
function couldBeReply(held: Uint8Array, length: number): boolean {
  if (held.length < FRAME_HEAD_BYTES) {
    return held.subarray(0, 2).every((byte) => byte === 0);
  }
  if (held[FRAME_HEAD_BYTES - 1] !== 0 || length > REQUEST_MAX_BYTES) {
    return false;
  }
  const text = held.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length);
  return BEGINNINGS.some(
    (beginning) =>
      length >= beginning.length - 1 &&
      beginning.every((byte, i) => i >= text.length || text[i] === byte),
  );
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) {
    return b;
  }
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
