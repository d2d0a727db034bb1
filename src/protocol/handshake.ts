/**
 * The handshake of one connection, as a state machine over bytes.
 *
 *     length ──4 bytes──► nul ──0x00──► text ──N bytes──► request
 *        │                 │              │
 *        ├── HTTP          └── other      └── bad UTF-8, no request
 *        │    ▼                 ▼              ▼
 *        │   http             failed         failed
 *        └── a TLS record
 *             ▼
 *            tls
 *
 * The last four are final: from then on every byte belongs to the stream (or to HTTP) and {@link
 * feed} takes none. Invariant: the machine holds at most 5 + N bytes, N being at most
 * REQUEST_MAX_BYTES, and has consumed exactly the bytes of the frame when it reaches `request`; not
 * one byte of the stream goes through it.
 */
import { decodeUtf8, encodeUtf8, readUint32 } from "../core/bytes.ts";
import { refusal } from "../core/errors.ts";
import { FRAME_HEAD_BYTES, REQUEST_MAX_BYTES } from "../core/limits.ts";
import { readRequest, type BadRequest, type Request } from "./request.ts";

export type HandshakeState = "length" | "nul" | "text" | "request" | "http" | "tls" | "failed";

/** A handshake under way. Only {@link feed} writes to it. */
export interface Handshake {
  state: HandshakeState;
  /** What has come of the frame; grows to its full size once that is known. */
  held: Uint8Array;
  have: number;
  /** Set in state `request`. */
  request: Request | undefined;
  /** Set in state `failed`. */
  bad: BadRequest | undefined;
}

/**
 * The first four bytes of HTTP as they read as a length; each would be a text of over a gigabyte. Only
 * the first two of these methods are of use, and the others have their answer.
 */
const HTTP: ReadonlySet<number> = new Set(
  ["GET ", "HEAD", "POST", "PUT ", "OPTI", "DELE", "PATC", "TRAC", "CONN"].map((method) =>
    readUint32(encodeUtf8(method), 0),
  ),
);

/**
 * How a TLS client begins: a record of the type handshake (22) and a version whose first byte is 3 in
 * all of them (RFC 8446, 5.1). As a length it is a text of 369 megabytes.
 */
const TLS_RECORD = 0x1603;

/** A handshake that has seen no byte yet. */
export function newHandshake(): Handshake {
  return {
    state: "length",
    held: new Uint8Array(FRAME_HEAD_BYTES),
    have: 0,
    request: undefined,
    bad: undefined,
  };
}

/**
 * Feeds `chunk` to the handshake and returns how many of its bytes belong to it. The rest of the
 * chunk, once the state is `request`, is the beginning of the stream. In state `http` the four
 * bytes seen are in `held`.
 */
export function feed(handshake: Handshake, chunk: Uint8Array): number {
  let used = 0;
  while (used < chunk.length && !isFinal(handshake.state)) {
    used += take(handshake, chunk, used);
  }
  return used;
}

/** Says whether the handshake has come to its end, good or bad. */
export function isFinal(state: HandshakeState): boolean {
  return state === "request" || state === "http" || state === "tls" || state === "failed";
}

/**
 * Moves bytes of `chunk` from `from` on into the present field, and on to the next state where that
 * completes it.
 */
function take(handshake: Handshake, chunk: Uint8Array, from: number): number {
  const end = fieldEnd(handshake);
  const count = Math.min(end - handshake.have, chunk.length - from);
  handshake.held.set(chunk.subarray(from, from + count), handshake.have);
  handshake.have += count;
  if (handshake.have === end) {
    advance(handshake);
  }
  return count;
}

/** The offset in the frame at which the present field ends. */
function fieldEnd(handshake: Handshake): number {
  switch (handshake.state) {
    case "length":
      return FRAME_HEAD_BYTES - 1;
    case "nul":
      return FRAME_HEAD_BYTES;
    case "text":
    case "request":
    case "http":
    case "tls":
    case "failed":
      return handshake.held.length;
  }
}

function advance(handshake: Handshake): void {
  switch (handshake.state) {
    case "length":
      return lengthComplete(handshake);
    case "nul":
      return nulComplete(handshake);
    case "text":
      return textComplete(handshake);
    case "request":
    case "http":
    case "tls":
    case "failed":
      return;
  }
}

function lengthComplete(handshake: Handshake): void {
  const length = readUint32(handshake.held, 0);
  if (HTTP.has(length)) {
    handshake.state = "http";
  } else if (length >>> 16 === TLS_RECORD) {
    handshake.state = "tls";
  } else if (length < 1 || length > REQUEST_MAX_BYTES) {
    fail(handshake, `a request has 1 to ${REQUEST_MAX_BYTES} bytes of text and not ${length}`);
  } else {
    handshake.state = "nul";
  }
}

function nulComplete(handshake: Handshake): void {
  if (handshake.held[FRAME_HEAD_BYTES - 1] !== 0) {
    fail(handshake, "the byte after the length is not zero");
    return;
  }
  const frame = new Uint8Array(FRAME_HEAD_BYTES + readUint32(handshake.held, 0));
  frame.set(handshake.held);
  handshake.held = frame;
  handshake.state = "text";
}

function textComplete(handshake: Handshake): void {
  const text = decodeUtf8(handshake.held.subarray(FRAME_HEAD_BYTES));
  if (text === null) {
    fail(handshake, "the text is not valid UTF-8");
    return;
  }
  const read = readRequest(text);
  if (read.ok) {
    handshake.request = read.request;
    handshake.state = "request";
  } else {
    handshake.bad = read.bad;
    handshake.state = "failed";
  }
}

/** Ends a handshake that never got as far as saying whether it wants a reply: then it gets none. */
function fail(handshake: Handshake, message: string): void {
  handshake.bad = { ...refusal("bad-request", message), reply: false };
  handshake.state = "failed";
}
