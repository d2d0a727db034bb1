/** The answers of the admin server, with the headers that all of their kind have. */

/** No page of another site may show ours, and ours take nothing from elsewhere. */
const POLICY =
  "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** But what plays: the media port is another origin, under any name that leads here. */
const PLAYER_POLICY = `${POLICY}; connect-src *; media-src * blob:; worker-src 'self' blob:`;

const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

const API_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Some JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers: { ...API_HEADERS, ...headers } });
}

/** Why a request is not answered. */
export function problem(status: number, code: string, message: string): Response {
  return json({ code, message }, status, status === 401 ? { "www-authenticate": "Bearer" } : {});
}

/** A method that a path does not take. */
export function wrongMethod(allowed: string): Response {
  const message = `only ${allowed} here`;
  return json({ code: "bad-request", message }, 405, { allow: allowed });
}

export function text(body: string, status = 200, type = "text/plain; charset=utf-8"): Response {
  return new Response(body, { status, headers: { ...API_HEADERS, "content-type": type } });
}

/** A page. A player may take media from elsewhere. */
export function page(body: Blob, isPlayer: boolean): Response {
  const headers = {
    ...PAGE_HEADERS,
    "content-security-policy": isPlayer ? PLAYER_POLICY : POLICY,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
  };
  return new Response(body, { headers });
}

/** A part of a page, whose name has a hash of its content: it never changes. */
export function pagePart(body: Blob): Response {
  const headers = {
    ...PAGE_HEADERS,
    "content-type": body.type,
    "cache-control": "public, max-age=31536000, immutable",
  };
  return new Response(body, { headers });
}
