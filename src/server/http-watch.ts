/**
 * A watcher that asks by HTTP: its request and the answer are HTTP's, and all the rest of it is that
 * of any watcher. The head of its answer waits until the stream's format is known, for it names it.
 *
 *     GET …  ──► request ──► checking ──► watching ──format──► head, then the stream
 *        └─ no such thing ──────┴─────────────┴──► an answer of one line, and the end
 */
import { refusal, type Refusal } from "../core/errors.ts";
import { contentType } from "../media/format.ts";
import type { Known } from "../media/scan.ts";
import { statusOf, writeAnswer, writePreflight, writeStreamHead } from "../protocol/http-answer.ts";
import { feedHttp, type HttpHead } from "../protocol/http.ts";
import type { Connection, Reason } from "./model.ts";

const ANSWERED: Reason = { code: "ended", message: "the head was all that it asked for" };
const BROKEN: Reason = { code: "reset", message: "the peer did not take the head of its answer" };

/** Why a watcher that waited for a format is sent away with its broadcast. */
export const NEVER_KNOWN: Refusal = refusal("not-live", "the broadcast ended");

/**
 * Takes in `bytes` of a request's head. Returns the answer that ends it there, and why; null where it
 * goes on, or is not complete yet.
 */
export function takeHttp(
  connection: Connection,
  http: HttpHead,
  bytes: Uint8Array,
): { readonly why: Reason; readonly bytes: Uint8Array } | null {
  feedHttp(http, bytes);
  connection.request = http.request ?? null;
  if (http.answer === undefined) {
    return null;
  }
  const { why } = http.answer;
  return why === null
    ? { why: ANSWERED, bytes: writePreflight(connection.shared.settings.cors === "on") }
    : { why, bytes: writeHttpRefusal(connection, http, why) };
}

/** The bytes that tell a peer which asked by HTTP why it is refused. */
export function writeHttpRefusal(
  connection: Connection,
  { answer, headOnly }: HttpHead,
  why: Refusal,
): Uint8Array {
  const cors = connection.shared.settings.cors === "on";
  return writeAnswer(answer?.status ?? statusOf(why.code), why.message, { cors, headOnly });
}

/** Sends the head of the answer, and says whether the stream is to follow. */
export function announce(connection: Connection, http: HttpHead, format: Known): boolean {
  const { settings } = connection.shared;
  const type =
    format === undefined || format === "unknown" ? "application/octet-stream" : contentType(format);
  const head = writeStreamHead(type, settings.cors === "on");
  connection.admitted = true;
  // A socket that has taken nothing yet takes this, unless its peer is gone.
  if (connection.socket.write(head) < head.length) {
    connection.reason = BROKEN;
    return false;
  }
  if (http.headOnly) {
    connection.reason = ANSWERED;
  }
  return !http.headOnly;
}
