/**
 * What lies between a connection and its bytes: nothing, or TLS; and what is said of a peer that
 * took one for the other.
 */
import { refusal, type Refusal } from "../core/errors.ts";

export interface Transport {
  readonly kind: "plain" | "tls";
  /** The port of the other kind; undefined where there is none. */
  readonly otherPort: () => number | undefined;
}

export const NO_TLS_HANDSHAKE: Refusal = refusal(
  "timeout",
  "the TLS handshake was not complete in time",
);

/** What is said of a peer whose request begins as TLS does. */
export function mistaken({ kind, otherPort }: Transport): Refusal {
  if (kind === "tls") {
    return refusal("bad-request", "this is TLS within TLS");
  }
  const port = otherPort();
  return refusal(
    "bad-request",
    port === undefined
      ? "this is TLS; it needs tls-cert and tls-key"
      : `this is TLS; it belongs to port ${port}`,
  );
}

/** BoringSSL's words for a first record that is none: HTTP, or anything else. */
const NOT_TLS = /WRONG_VERSION_NUMBER|HTTP_REQUEST/;

/**
 * Why a TLS handshake failed; null where the peer just went away. The library's own words are a
 * path with the point behind its last colon.
 */
export function tlsFailure({ otherPort }: Transport, failure: Error): Refusal | null {
  if (!isTlsError(failure)) {
    return null;
  }
  if (NOT_TLS.test(failure.message)) {
    return refusal("bad-request", `this is not TLS; it belongs to port ${otherPort() ?? "none"}`);
  }
  return refusal("bad-request", `the TLS handshake failed: ${pointOf(failure)}`);
}

/** Why a TLS connection broke after its handshake. */
export function tlsBroke(failure: Error): Refusal {
  return refusal("bad-request", `TLS broke: ${pointOf(failure)}`);
}

/** Tells what TLS itself complains of from a mistake of ours. */
export function isTlsError(error: Error): boolean {
  return "code" in error && error.code === "EPROTO" && error.message.includes("SSL routines");
}

function pointOf(failure: Error): string {
  const words = failure.message.slice(failure.message.lastIndexOf(":") + 1);
  return words.toLowerCase().replaceAll("_", " ");
}
