/** The answers of the admin server, with the headers that all of their kind have. */

/** No page of another site may show ours, and ours take nothing from elsewhere but media. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src *; " +
    "media-src * blob:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
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

/** A page, or a part of one. */
export function page(body: Blob, type: string, cache: string): Response {
  const headers = { ...PAGE_HEADERS, "content-type": type, "cache-control": cache };
  return new Response(body, { headers });
}
