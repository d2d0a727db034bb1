/**
 * Where nodes say what on NATS:
 *
 *     fstream.1.all                              what every node hears: heartbeats, what is on air
 *     fstream.1.to.NODE                          what one node hears: questions, answers, confirmations
 *     fstream.1.media.USER.CHANNEL.NODE          the bytes of a channel on their way to a node
 *
 * The number is that of the layout. What may be understood by nodes that do not know it yet, such as a
 * further field, keeps the number; what may not takes the next one.
 */
import { encodeUtf8 } from "../core/bytes.ts";

const PREFIX = "fstream.1";

/** What every node hears. */
export const ALL: string = `${PREFIX}.all`;

/** What the node `id` hears. */
export function subjectOfNode(id: string): string {
  return `${PREFIX}.to.${id}`;
}

/** Bytes of a channel on their way to the node `id`. */
export function mediaSubject(user: string, channel: string, id: string): string {
  return `${PREFIX}.media.${token(user)}.${token(channel)}.${id}`;
}

/** All channels on their way to the node `id`. */
export function allMedia(id: string): string {
  return `${PREFIX}.media.*.*.${id}`;
}

/**
 * Any text as one token of a subject: letters, digits, `-` and `_` stand for themselves, every other byte
 * of its UTF-8 is `=` and two hexadecimal digits, and no text at all is `=`. No two texts have the same.
 */
export function token(text: string): string {
  if (text === "") {
    return "=";
  }
  let out = "";
  for (const byte of encodeUtf8(text)) {
    const char = String.fromCharCode(byte);
    out += /[A-Za-z0-9_-]/.test(char) ? char : `=${byte.toString(16).padStart(2, "0")}`;
  }
  return out;
}

/** Whether `text` may be the number of a node: it is a token of its own. */
export function isNodeId(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{16}$/.test(text);
}
