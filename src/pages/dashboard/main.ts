/** The dashboard: what is on air, and each channel of it. */
import type { ServerStatus } from "../../protocol/status.ts";
import { onUnauthorized } from "./api.ts";
import { showCluster } from "./cluster.ts";
import { newDetail } from "./detail.ts";
import { askToken, say } from "./dialog.ts";
import { byId, setText } from "../dom.ts";
import { listen, type Connection } from "./events.ts";
import { formatBitrate, formatBytes, formatCount, formatDuration } from "./format.ts";
import { newList } from "./list.ts";

const CONNECTION_TEXT: Readonly<Record<Connection, string>> = {
  connecting: "Connecting",
  live: "Live",
  gone: "The server does not answer; trying again",
};

let historyStep = 1_000;
const list = newList(() => historyStep);
const detail = newDetail(() => historyStep);
let inDetail = false;

/** A page that nobody sees asks for nothing. */
function refresh(): void {
  if (!document.hidden) {
    (inDetail ? detail : list).refresh();
  }
}

function showTotals(status: ServerStatus): void {
  historyStep = status.historyStep;
  const figures: readonly (readonly [id: string, text: string])[] = [
    ["channels", formatCount(status.channels)],
    ["watchers", formatCount(status.watchers)],
    ["in", formatBitrate(status.bitsIn)],
    ["out", formatBitrate(status.bitsOut)],
    ["skips", formatCount(status.skips)],
    ["memory", formatBytes(status.residentBytes)],
    ["uptime", formatDuration(Date.now() - status.since)],
  ];
  figures.forEach(([id, text]) => setText(byId(`total-${id}`, HTMLElement), text));
  showCluster(status.cluster);
  const port = status.port === null ? "" : `:${status.port}`;
  setText(byId("example-server", HTMLElement), `${location.hostname}${port}`);
}

/** `#/USER/CHANNEL` is a channel, anything else the list. */
function route(): void {
  const key = channelOf(location.hash);
  inDetail = key !== null;
  byId("list", HTMLElement).hidden = inDetail;
  byId("detail", HTMLElement).hidden = !inDetail;
  if (key === null) {
    detail.close();
  } else {
    detail.open(key.user, key.channel);
    byId("detail-title", HTMLElement).focus();
  }
  refresh();
}

/** Null where it is none: a person may have written it. */
function channelOf(hash: string): { readonly user: string; readonly channel: string } | null {
  const [, user = "", channel = ""] = /^#\/([^/]+)\/([^/]*)$/.exec(hash) ?? [];
  try {
    const key = { user: decodeURIComponent(user), channel: decodeURIComponent(channel) };
    return user === "" ? null : key;
  } catch {
    return null;
  }
}

/** `/` goes to the search, Esc leaves it, and leaves a channel. */
function shortcut(event: KeyboardEvent): void {
  const search = byId("search", HTMLInputElement);
  const typing = event.target instanceof HTMLInputElement;
  if (document.querySelector("dialog[open]") !== null) {
    return;
  }
  if (event.key === "/" && !typing && !inDetail) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && inDetail) {
    location.hash = "#/";
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    search.dispatchEvent(new Event("input"));
    search.blur();
  }
}

async function copyExample(): Promise<void> {
  const text = byId("example", HTMLElement).textContent ?? "";
  await navigator.clipboard.writeText(text);
  say("Copied.");
}

onUnauthorized(askToken);
addEventListener("hashchange", route);
addEventListener("keydown", shortcut);
document.addEventListener("visibilitychange", refresh);
byId("copy", HTMLButtonElement).addEventListener("click", () => {
  copyExample().catch(() => say("The browser does not let the page copy."));
});
route();
listen({
  status(status) {
    showTotals(status);
    refresh();
  },
  changed: refresh,
  connection(state) {
    document.documentElement.dataset["connection"] = state;
    setText(byId("connection", HTMLElement), CONNECTION_TEXT[state]);
  },
});
