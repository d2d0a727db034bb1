/**
 * The head of an HTTP request (RFC 9112), as a state machine over bytes, and what it asks for.
 *
 *     GET /USER/CHANNEL?password=…&join=…&wait=… HTTP/1.1      request-line, section 3
 *     Host: …                                                  field-lines, section 5
 *     Authorization: Basic …                                   RFC 7617: the channel's password
 *     (an empty line)
 *
 *     head ──an empty line──────────────► request    to watch, or only to be told its headers
 *       └────the same, or too many bytes─► answer     anything else: a status, and what to say
 *
 * The last two are final: {@link feedHttp} takes no further byte. Lines may end with a bare LF.
 * Invariant: the machine holds at most HTTP_HEAD_MAX_BYTES, and looks at each byte once until the head
 * is complete.
 */
import { decodeUtf8 } from "../core/bytes.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import { HTTP_HEAD_MAX_BYTES } from "../core/limits.ts";
import { requestOf, type Request } from "./request.ts";

/** What is said to a request that is none to watch. */
export interface HttpAnswer {
  readonly status: number;
  /** Null where nothing is wrong: a page's browser asks whether the page may ask. */
  readonly why: Refusal | null;
}

/** A head under way. Only {@link feedHttp} writes to it. */
export interface HttpHead {
  state: "head" | "request" | "answer";
  held: Uint8Array;
  have: number;
  /** Where the present line begins. */
  line: number;
  /** Whether the headers of the answer are wanted, and nothing behind them. */
  headOnly: boolean;
  /** Set in state `request`. */
  request: Request | undefined;
  /** Set in state `answer`. */
  answer: HttpAnswer | undefined;
}

/** Bytes held at first: the head of a usual player has three or four hundred. */
const FIRST_BYTES = 512;

const NOTHING = new Uint8Array(0);
const LF = 0x0a;
const CR = 0x0d;

/** RFC 9110, 5.6.2. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e\\x80-\\xff]+) HTTP/(\\d)\\.\\d$`);
const FIELD_LINE = new RegExp(`^${TOKEN}:[\\t\\x20-\\x7e\\x80-\\xff]*$`);

/** Fields that must not be given twice. */
const SINGLE = new Set(["host", "authorization", "content-length", "transfer-encoding"]);

const HELP: HttpAnswer = {
  status: 404,
  why: refusal("not-found", "a channel is at /USER/CHANNEL, and a user's unnamed one at /USER"),
};

/** A head that has seen no byte yet. */
export function newHttpHead(): HttpHead {
  return {
    state: "head",
    held: new Uint8Array(FIRST_BYTES),
    have: 0,
    line: 0,
    headOnly: false,
    request: undefined,
    answer: undefined,
  };
}

/** Feeds `chunk` to the head and returns how many of its bytes belong to it. */
export function feedHttp(head: HttpHead, chunk: Uint8Array): number {
  let used = 0;
  while (used < chunk.length && head.state === "head") {
    take(head, chunk[used] ?? 0);
    used++;
  }
  return used;
}

function take(head: HttpHead, byte: number): void {
  if (head.have === head.held.length) {
    const larger = new Uint8Array(head.have * 2);
    larger.set(head.held);
    head.held = larger;
  }
  head.held[head.have++] = byte;
  if (byte === LF) {
    const isEmpty = lineLength(head) === 0;
    head.line = head.have;
    if (isEmpty) {
      complete(head);
      return;
    }
  }
  if (head.have === HTTP_HEAD_MAX_BYTES) {
    const message = `a request's head has at most ${HTTP_HEAD_MAX_BYTES} bytes`;
    end(head, { status: 431, why: refusal("bad-request", message) });
  }
}

/** The length of the line that has just come, without its end. */
function lineLength({ have, held, line }: HttpHead): number {
  const length = have - 1 - line;
  return held[have - 2] === CR && length > 0 ? length - 1 : length;
}

function end(head: HttpHead, answer: HttpAnswer): void {
  head.held = NOTHING;
  head.answer = answer;
  head.state = "answer";
}

function complete(head: HttpHead): void {
  const lines = latin1(head.held.subarray(0, head.have))
    .split("\n")
    .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  const [, method = "", target = "", version = ""] = REQUEST_LINE.exec(lines[0] ?? "") ?? [];
  // What HEAD asks for has no body, whatever the answer is.
  head.headOnly = method === "HEAD";
  // The last two are the empty line, and what would stand behind it.
  const result = read(method, target, version, lines.slice(1, -2));
  if ("status" in result) {
    end(head, result);
  } else {
    // It holds a password, and its connection may last for days.
    head.held = NOTHING;
    head.request = result;
    head.state = "request";
  }
}

function read(
  method: string,
  target: string,
  version: string,
  lines: readonly string[],
): Request | HttpAnswer {
  if (method === "") {
    return bad("the request line is none of HTTP");
  }
  if (version !== "1") {
    const message = "HTTP is spoken here in its versions 1.0 and 1.1";
    return { status: 505, why: refusal("bad-request", message) };
  }
  const fields = readHeaders(lines);
  if (fields === null) {
    return bad("a line of the head is no field, or a field is given twice");
  }
  if (method === "OPTIONS") {
    return { status: 204, why: null };
  }
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, why: refusal("bad-request", "a channel is watched by GET or HEAD") };
  }
  if (fields.has("transfer-encoding") || (fields.get("content-length") ?? "0") !== "0") {
    return bad("a request to watch has no body");
  }
  return readTarget(target, fields.get("authorization"));
}

/** The fields by their names in lower case; null where a line is none, or two contradict. */
function readHeaders(lines: readonly string[]): Map<string, string> | null {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (!FIELD_LINE.test(line) || (SINGLE.has(name) && fields.has(name))) {
      return null;
    }
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/** The target in its origin form or its absolute one: RFC 9112, 3.2. */
function readTarget(target: string, authorization: string | undefined): Request | HttpAnswer {
  const origin = /^https?:\/\/[^/?#]+/i.exec(target)?.[0] ?? "";
  const place = target.slice(origin.length);
  const question = place.includes("?") ? place.indexOf("?") : place.length;
  const path = place.slice(0, question);
  if ((origin === "" && !path.startsWith("/")) || place.includes("#")) {
    return bad("the target is no path");
  }
  const [user, channel, ...more] = path.slice(1).split("/").map(decode);
  if (user === null || channel === null) {
    return bad("the path is not percent-encoded UTF-8");
  }
  if (user === "" || user === undefined || more.length > 0 || path === "/favicon.ico") {
    return HELP;
  }
  const query = readQuery(place.slice(question + 1));
  const password = query?.get("password") ?? readBasic(authorization);
  if (query === null || password === null) {
    return bad("the query or the authorization is not well encoded");
  }
  const fields = new Map([["user", user], ["channel", channel ?? ""], ["reply", "1"], ...query]);
  if (password !== undefined) {
    fields.set("channel-password", password);
  }
  const result = requestOf({ verb: "watch", fields });
  return result.ok ? result.request : { status: 400, why: result.bad };
}

/** What the query may say. Of a key that is given twice the last one counts, as in a request's text. */
const KEYS = new Set(["password", "join", "wait"]);

/** Null where a value is not well encoded. A plus sign is a space, as forms and scripts write it. */
function readQuery(text: string): Map<string, string> | null {
  const query = new Map<string, string>();
  for (const piece of text.split("&")) {
    const equals = piece.includes("=") ? piece.indexOf("=") : piece.length;
    const key = piece.slice(0, equals);
    if (KEYS.has(key)) {
      const value = decode(piece.slice(equals + 1).replaceAll("+", " "));
      if (value === null) {
        return null;
      }
      query.set(key, value);
    }
  }
  return query;
}

/**
 * The password of Basic credentials, whoever's name stands before it; undefined where there are none,
 * and null where they are broken. Other schemes say nothing that a channel asks for.
 */
function readBasic(authorization: string | undefined): string | undefined | null {
  if (authorization === undefined || !/^basic( |$)/i.test(authorization)) {
    return undefined;
  }
  const encoded = authorization.slice("basic".length).trim();
  if (!/^[A-Za-z0-9+/]+=*$/.test(encoded)) {
    return null;
  }
  const text = decodeUtf8(Buffer.from(encoded, "base64"));
  return text === null || !text.includes(":") ? null : text.slice(text.indexOf(":") + 1);
}

/** Percent-decoded UTF-8, of a text in Latin-1; null where it is none. */
function decode(text: string): string | null {
  if (/%(?![0-9a-f]{2})/i.test(text)) {
    return null;
  }
  const plain = text.replaceAll(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decodeUtf8(Buffer.from(plain, "latin1"));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function bad(message: string): HttpAnswer {
  return { status: 400, why: refusal("bad-request", message) };
}
