/**
 * What is said over HTTP: the head in front of a stream, which has no length and ends with its
 * connection (RFC 9112, 6.3), or a short text that says why there is none.
 */
import { encodeUtf8 } from "../core/bytes.ts";
import type { Code } from "../core/errors.ts";

/** What the answer is for. */
export interface AnswerOptions {
  /** Whether pages of other sites may read it. */
  readonly cors: boolean;
  /** Whether nothing follows the headers. */
  readonly headOnly: boolean;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

const STATUSES: Readonly<Record<Code, number>> = {
  "bad-request": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  "not-live": 404,
  timeout: 408,
  busy: 503,
  limit: 503,
  "too-slow": 503,
  "shutting-down": 503,
};

/** Fields that only some answers have. */
const MORE: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate: Basic realm="fstream", charset="UTF-8"'],
  405: ["Allow: GET, HEAD, OPTIONS"],
  503: ["Retry-After: 5"],
};

/** The status that says the same as a refusal's code. */
export function statusOf(code: Code): number {
  return STATUSES[code];
}

/** The head in front of a stream. */
export function writeStreamHead(contentType: string, cors: boolean): Uint8Array {
  return encodeUtf8(head(200, cors, [`Content-Type: ${contentType}`]));
}

/** An answer of one line. The message may hold anything: no header repeats it. */
export function writeAnswer(status: number, message: string, options: AnswerOptions): Uint8Array {
  const body = encodeUtf8(`${message}\n`);
  const about = ["Content-Type: text/plain; charset=utf-8", `Content-Length: ${body.length}`];
  const text = head(status, options.cors, [...about, ...(MORE[status] ?? [])]);
  return encodeUtf8(options.headOnly ? text : `${text}${message}\n`);
}

/**
 * The answer to OPTIONS: what there is, and, where pages of other sites may watch, that they may do so
 * with a password.
 */
export function writePreflight(cors: boolean): Uint8Array {
  const allowed = [
    "Access-Control-Allow-Methods: GET, HEAD",
    "Access-Control-Allow-Headers: Authorization, Range",
    "Access-Control-Max-Age: 86400",
  ];
  return encodeUtf8(head(204, cors, ["Allow: GET, HEAD, OPTIONS", ...(cors ? allowed : [])]));
}

function head(status: number, cors: boolean, fields: readonly string[]): string {
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`,
    ...fields,
    "Connection: close",
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    // A page of another site could show a stream without reading it, too.
    `Cross-Origin-Resource-Policy: ${cors ? "cross-origin" : "same-site"}`,
    ...(cors ? ["Access-Control-Allow-Origin: *"] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
