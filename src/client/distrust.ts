/**
 * Why a server that should speak TLS is not talked to, by the codes that Bun has from BoringSSL.
 */

/** Tells a certificate that is not to one's liking from a handshake that came to nothing. */
export function isDistrust(error: Error | null): boolean {
  return (
    error !== null && "code" in error && error.code !== "EPROTO" && error.code !== "ECONNRESET"
  );
}

/** One sentence; undefined where the matter is none of TLS. */
export function explainTls(where: string, code: string, error: unknown): string | undefined {
  switch (code) {
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "CERT_SIGNATURE_FAILURE":
      return `the certificate of ${where} is from nobody that is trusted here: name its authority with --ca FILE`;
    case "CERT_HAS_EXPIRED":
      return `the certificate of ${where} has expired`;
    case "CERT_NOT_YET_VALID":
      return `the certificate of ${where} is not valid yet: is the clock right?`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `the certificate of ${where} is for another name than that${namesIn(error)}`;
    case "ECONNRESET":
      return `${where} closed the connection before TLS was agreed on: is that the TLS port?`;
    case "EPROTO":
      return `${where} does not agree on TLS: is that the TLS port?`;
    default:
      return undefined;
  }
}

/**
 * The names stand at the end of the message, where a name was looked for and not an address. They are
 * a stranger's: only plain ones are shown.
 */
function namesIn(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  const names = /cert's altnames: ([\w*.:, -]+)$/.exec(text)?.[1];
  return names === undefined ? "" : `: ${names.replaceAll(/DNS:|IP Address:/g, "")}`;
}
