/**
 * Who may use the API. Three doors, one behind the other:
 *
 *     Host ──► a name of this machine, where it listens for this machine alone and has no token:
 *              a page of another site that has its name lead here (DNS rebinding) has another one
 *     site ──► the request comes from our own page, or from no page at all
 *     token ─► `Authorization: Bearer TOKEN`, where there is one
 *
 * What changes something needs `x-fstream: 1` besides, which no page of another site can send.
 */
import { throttle } from "../auth/throttle.ts";
import { sameSecret } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";

export interface Access {
  /** Whether the name by which it is addressed is one of ours. */
  knowsHost(request: Request): boolean;
  /** Why a request may not be answered; null where it may. A wrong token waits for its answer. */
  judge(request: Request, address: string): Promise<Denial | null>;
}

export interface Denial {
  readonly status: 401 | 403 | 429;
  readonly code: "unauthorized" | "forbidden" | "limit";
  readonly message: string;
}

export interface AccessOptions {
  readonly clock: Clock;
  readonly token: string | undefined;
  /** The names that it listens under. */
  readonly hosts: readonly string[];
}

const OTHER_SITE: Denial = {
  status: 403,
  code: "forbidden",
  message: "pages of other sites may not use this",
};
const NO_TOKEN: Denial = {
  status: 401,
  code: "unauthorized",
  message: "a token is needed: Authorization: Bearer TOKEN",
};
const WRONG_TOKEN: Denial = { status: 401, code: "unauthorized", message: "the token is wrong" };
const SHUT_OUT: Denial = {
  status: 429,
  code: "limit",
  message: "too many wrong tokens from this address; wait a minute",
};

const LOCAL_NAMES = ["localhost", "127.0.0.1", "[::1]"];

export function newAccess({ clock, token, hosts }: AccessOptions): Access {
  const guesses = throttle(clock);
  const names = new Set([...LOCAL_NAMES, ...hosts.map(nameInUrl)]);

  const judgeToken = async (
    offered: string,
    wanted: string,
    source: string,
  ): Promise<Denial | null> => {
    const delay = guesses.delay(source);
    if (delay === "refused") {
      return SHUT_OUT;
    }
    if (delay > 0) {
      const over = guesses.begin(source);
      await new Promise<void>((resolve) => clock.after(delay, resolve));
      over();
    }
    if (sameSecret(offered, wanted)) {
      guesses.succeeded(source);
      return null;
    }
    guesses.failed(source);
    return WRONG_TOKEN;
  };

  return {
    knowsHost: (request) => token !== undefined || names.has(hostOf(request)),
    async judge(request, address) {
      if (!isOwnSite(request)) {
        return OTHER_SITE;
      }
      if (token === undefined) {
        return null;
      }
      const offered = tokenOf(request);
      return offered === undefined ? NO_TOKEN : judgeToken(offered, token, address);
    },
  };
}

/** Whether a host is this machine and nothing else. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** A host as it stands in a URL. */
export function nameInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host.toLowerCase();
}

function hostOf(request: Request): string {
  const host = request.headers.get("host") ?? "";
  return host.replace(/:\d+$/, "").toLowerCase();
}

/** Browsers say whose page asks. A program says nothing, and a link that was typed says "none". */
function isOwnSite({ headers, method }: Request): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  const origin = headers.get("origin");
  const isSame = origin === null || URL.parse(origin)?.host === headers.get("host");
  const isRead = method === "GET" || method === "HEAD";
  const isMeant = isRead || headers.get("x-fstream") === "1";
  return ["none", "same-origin"].includes(site) && isSame && isMeant;
}

/** A browser's EventSource can send no header: there the token stands in the address. */
function tokenOf({ headers, url }: Request): string | undefined {
  const bearer = /^Bearer +(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const { pathname, searchParams } = new URL(url);
  const inUrl = pathname === "/api/events" ? searchParams.get("token") : null;
  return bearer ?? inUrl ?? undefined;
}
