/** The API as the page asks it: with the token where there is one, and an answer in every case. */
import type { ChannelStatus, Page, ServerStatus, WatcherStatus } from "../../protocol/status.ts";

const TOKEN_KEY = "fstream-token";

/** `code` 0 is a server that cannot be reached. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: number; readonly message: string };

export interface ListQuery {
  readonly offset: number;
  readonly limit: number;
  readonly query: string;
  readonly sort: string;
}

/** Asks for a token; resolves when one has been given. `wrong` where the last one was refused. */
export type AskToken = (wrong: boolean) => Promise<string>;

let askToken: AskToken | undefined;
/** The question that is open: however many requests are refused, it is put once. */
let asking: Promise<void> | undefined;

export function onUnauthorized(ask: AskToken): void {
  askToken = ask;
}

export function token(): string {
  return sessionStorage.getItem(TOKEN_KEY) ?? "";
}

export function getStatus(): Promise<Answer<ServerStatus>> {
  return request("GET", "/api/status");
}

export function getChannels(list: ListQuery): Promise<Answer<Page<ChannelStatus>>> {
  const { offset, limit, query, sort } = list;
  return request("GET", `/api/channels?${search({ offset, limit, query, sort })}`);
}

export function getChannel(user: string, channel: string): Promise<Answer<ChannelStatus>> {
  return request("GET", `/api/channels/${path(user, channel)}`);
}

export function getWatchers(
  user: string,
  channel: string,
  offset: number,
  limit: number,
): Promise<Answer<Page<WatcherStatus>>> {
  return request("GET", `/api/watchers?${search({ user, channel, offset, limit })}`);
}

export function endBroadcast(user: string, channel: string): Promise<Answer<unknown>> {
  return request("DELETE", `/api/channels/${path(user, channel)}`);
}

export function kickWatcher(id: string): Promise<Answer<unknown>> {
  return request("DELETE", `/api/watchers/${encodeURIComponent(id)}`);
}

/** A channel in a path: names may hold anything but a comma. */
export function path(user: string, channel: string): string {
  return `${encodeURIComponent(user)}/${encodeURIComponent(channel)}`;
}

function search(entries: Readonly<Record<string, string | number>>): string {
  const texts = Object.entries(entries).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(texts).toString();
}

async function request<T>(method: "GET" | "DELETE", url: string): Promise<Answer<T>> {
  for (;;) {
    const used = token();
    const response = await attempt(method, url, used);
    if (response?.status !== 401 || askToken === undefined) {
      return read(response);
    }
    // Another request may have been given a token meanwhile.
    if (used === token()) {
      asking ??= putQuestion(askToken, used !== "");
      await asking;
    }
  }
}

async function putQuestion(put: AskToken, wrong: boolean): Promise<void> {
  sessionStorage.setItem(TOKEN_KEY, await put(wrong));
  asking = undefined;
}

async function attempt(method: string, url: string, used: string): Promise<Response | undefined> {
  const headers = new Headers({ accept: "application/json" });
  if (used !== "") {
    headers.set("authorization", `Bearer ${used}`);
  }
  if (method === "DELETE") {
    // A page of another site cannot send it.
    headers.set("x-fstream", "1");
  }
  try {
    return await fetch(url, { method, headers, cache: "no-store" });
  } catch {
    return undefined;
  }
}

async function read<T>(response: Response | undefined): Promise<Answer<T>> {
  if (response === undefined) {
    return { ok: false, code: 0, message: "The server does not answer." };
  }
  const body = await response.json().catch(() => undefined);
  if (response.ok) {
    return { ok: true, value: body };
  }
  const message = typeof body?.message === "string" ? body.message : response.statusText;
  return { ok: false, code: response.status, message };
}
