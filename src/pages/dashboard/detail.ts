/** One channel: its plot, its facts and its watchers, and the ways to end and to kick. */
import type { ChannelStatus, WatcherStatus } from "../../protocol/status.ts";
import { endBroadcast, getChannel, getWatchers, kickWatcher, path, type Answer } from "./api.ts";
import { confirm, say } from "./dialog.ts";
import { arrange, byId, element, setText } from "../dom.ts";
import {
  formatBitrate,
  formatBytes,
  formatCount,
  formatDuration,
  formatInterval,
  formatLag,
  formatLinks,
  formatMedia,
  nameOf,
} from "./format.ts";
import { newPager, PAGE_SIZE } from "./pager.ts";
import { newPlot, type Plot } from "./plot.ts";

export interface Detail {
  open(user: string, channel: string): void;
  close(): void;
  refresh(): void;
}

interface Shown {
  readonly user: string;
  readonly channel: string;
  readonly plot: Plot;
}

interface WatcherRow {
  readonly node: HTMLTableRowElement;
  readonly cells: readonly HTMLElement[];
}

export function newDetail(historyStep: () => number): Detail {
  const body = byId("watchers", HTMLTableSectionElement);
  const rows = new Map<string, WatcherRow>();
  let shown: Shown | undefined;
  let busy = false;

  const showWatchers = (items: readonly WatcherStatus[], total: number): void => {
    const ids = new Set(items.map(({ id }) => id));
    [...rows.keys()].filter((id) => !ids.has(id)).forEach((id) => rows.delete(id));
    const wanted = items.map((watcher) => {
      const row = rows.get(watcher.id) ?? newWatcherRow(watcher, refresh);
      rows.set(watcher.id, row);
      watcherFigures(watcher).forEach((text, index) => {
        const cell = row.cells[index];
        if (cell !== undefined) {
          setText(cell, text);
        }
      });
      return row.node;
    });
    arrange(body, wanted);
    byId("watchers-table", HTMLElement).hidden = total === 0;
    byId("no-watchers", HTMLElement).hidden = total > 0;
    pager.show(total);
  };

  const load = async (): Promise<void> => {
    const at = shown;
    if (at === undefined || busy) {
      return;
    }
    busy = true;
    const [status, watchers] = await Promise.all([
      getChannel(at.user, at.channel),
      getWatchers(at.user, at.channel, pager.offset(), PAGE_SIZE),
    ]);
    busy = false;
    if (shown !== at) {
      void load();
      return;
    }
    showStatus(status, at.plot, historyStep());
    if (watchers.ok) {
      showWatchers(watchers.value.items, watchers.value.total);
    }
  };
  const refresh = (): void => void load();
  const pager = newPager("watchers-pager", refresh);

  byId("end", HTMLButtonElement).addEventListener("click", () => {
    if (shown !== undefined) {
      void end(shown, refresh);
    }
  });
  const close = (): void => {
    shown?.plot.destroy();
    shown = undefined;
    rows.clear();
    body.replaceChildren();
  };
  return {
    open(user, channel) {
      close();
      setText(byId("detail-title", HTMLElement), nameOf({ user, channel }));
      byId("detail-watch", HTMLAnchorElement).href = `/watch/${path(user, channel)}`;
      shown = { user, channel, plot: newPlot(byId("plot", HTMLElement)) };
      pager.first();
      refresh();
    },
    close,
    refresh,
  };
}

function showStatus(answer: Answer<ChannelStatus>, plot: Plot, historyStep: number): void {
  const gone = !answer.ok && answer.code === 404;
  byId("detail-gone", HTMLElement).hidden = !gone;
  byId("end", HTMLButtonElement).disabled = !answer.ok || answer.value.state !== "live";
  if (!answer.ok) {
    return;
  }
  plot.draw(answer.value.history, historyStep);
  for (const [id, text] of facts(answer.value)) {
    setText(byId(`fact-${id}`, HTMLElement), text);
  }
  const { cluster } = answer.value;
  byId("facts-cluster", HTMLElement).hidden = cluster === null;
  if (cluster !== null) {
    setText(byId("fact-owner", HTMLElement), cluster.isOwn ? "this one" : cluster.owner);
    setText(byId("fact-links", HTMLElement), formatLinks(cluster));
  }
}

function facts(status: ChannelStatus): readonly (readonly [id: string, text: string])[] {
  const far = status.farApart ? "; keyframes are too far apart for the window" : "";
  const waiting = status.waiting === 0 ? "" : `, ${formatCount(status.waiting)} waiting`;
  return [
    ["state", status.locked ? `${status.state}, with a password` : status.state],
    ["media", formatMedia(status)],
    ["in", formatBitrate(status.bitsIn)],
    ["out", formatBitrate(status.bitsOut)],
    ["watchers", `${formatCount(status.watchers)}${waiting}`],
    ["interval", `${formatInterval(status.joinInterval)}${far}`],
    ["skips", formatCount(status.skips)],
    ["uptime", status.since === null ? "–" : formatDuration(status.uptime)],
    ["received", `${formatBytes(status.bytesIn)}, ${formatCount(status.framesIn)} frames`],
    ["sent", formatBytes(status.bytesOut)],
    ["ring", formatBytes(status.ringBytes)],
  ];
}

const WATCHER_LABELS = ["Via", "Lag", "Bytes", "Skips", "Since"];

function watcherFigures(watcher: WatcherStatus): readonly string[] {
  return [
    watcher.via,
    formatLag(watcher),
    formatBytes(watcher.bytes),
    formatCount(watcher.skips),
    new Date(watcher.since).toLocaleTimeString(),
  ];
}

function newWatcherRow(watcher: WatcherStatus, refresh: () => void): WatcherRow {
  const cells = WATCHER_LABELS.map((label) =>
    element("td", { class: label.toLowerCase(), "data-label": label }),
  );
  const kick = element(
    "button",
    { class: "quiet", "aria-label": `Kick ${watcher.address}` },
    "Kick",
  );
  kick.addEventListener("click", () => void kickOut(watcher, refresh));
  const name = element("th", { scope: "row", class: "name" }, watcher.address);
  return {
    node: element("tr", {}, name, ...cells, element("td", { class: "watch" }, kick)),
    cells,
  };
}

async function kickOut({ id, address }: WatcherStatus, refresh: () => void): Promise<void> {
  const text = "Its connection is closed. It can come back.";
  if (await confirm(`Kick ${address}?`, text, "Kick")) {
    const answer = await kickWatcher(id);
    say(answer.ok ? `${address} has been kicked.` : `Not kicked: ${answer.message}`);
    refresh();
  }
}

async function end({ user, channel }: Shown, refresh: () => void): Promise<void> {
  const name = nameOf({ user, channel });
  const text = "Its watchers get the rest and then the end.";
  if (await confirm(`End the broadcast ${name}?`, text, "End broadcast")) {
    const answer = await endBroadcast(user, channel);
    say(answer.ok ? `${name} has been ended.` : `Not ended: ${answer.message}`);
    refresh();
  }
}
