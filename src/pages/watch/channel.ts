/** The channel of this page: its address, what the server says of it, and its password. */
import type { Format } from "../../media/format.ts";

export interface Channel {
  /** As people write it: USER/CHANNEL. */
  readonly name: string;
  /** As it stands in a URL, encoded. */
  readonly path: string;
}

/** The answer of /api/player. */
export interface PlayerStatus {
  readonly port: number | null;
  readonly live: boolean;
  /** Null while it is not known, or never will be. */
  readonly format: Format | null;
  readonly locked: boolean;
}

/** The channel in the path of a page: /watch/USER/CHANNEL, or /watch/USER for the unnamed one. */
export function channelOf(pathname: string): Channel {
  const words = pathname.split("/").slice(2);
  const path = words.filter((word, index) => index === 0 || word !== "").join("/");
  return { path, name: path.split("/").map(decode).join("/") };
}

/** Undefined where the server cannot be reached. */
export async function askPlayer({ path }: Channel): Promise<PlayerStatus | undefined> {
  try {
    const response = await fetch(`/api/player/${path}`, { cache: "no-store" });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** Where the stream is: on the host of this page, at the media port. */
export function mediaUrl({ path }: Channel, port: number, password = ""): string {
  const secret = password === "" ? "" : `?password=${encodeURIComponent(password)}`;
  return `${location.protocol}//${location.hostname}:${port}/${path}${secret}`;
}

/** Why the stream is not to be had, by a request for its head alone: an element does not tell. */
export async function askHead(url: string): Promise<{ status: number; why: string }> {
  try {
    const address = new URL(url);
    address.searchParams.set("wait", "0");
    const { status, statusText } = await fetch(address, { method: "HEAD", cache: "no-store" });
    return { status, why: statusText };
  } catch {
    return { status: 0, why: "The media port does not answer." };
  }
}

/** The password lasts as long as the tab. */
export function savedPassword({ path }: Channel): string {
  return sessionStorage.getItem(passwordKey(path)) ?? "";
}

export function savePassword({ path }: Channel, password: string): void {
  sessionStorage.setItem(passwordKey(path), password);
}

function passwordKey(path: string): string {
  return `fstream-password ${path}`;
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
