/** The list of channels: one page of it, kept as it is on the server. */
import type { ChannelStatus } from "../../protocol/status.ts";
import { getChannel, getChannels, path } from "./api.ts";
import { arrange, byId, element, setText } from "../dom.ts";
import {
  formatBitrate,
  formatCount,
  formatDuration,
  formatInterval,
  formatMedia,
  formatOwner,
  nameOf,
} from "./format.ts";
import { newPager, PAGE_SIZE } from "./pager.ts";
import { newSparkline, type Sparkline } from "./plot.ts";

/** Points of a small plot; more could not be told apart. */
const SPARK_POINTS = 90;

interface Row {
  readonly node: HTMLTableRowElement;
  readonly spark: Sparkline;
  readonly rates: number[];
  readonly cells: ReadonlyMap<string, HTMLElement>;
  readonly state: HTMLElement;
  readonly owner: HTMLElement;
  readonly link: HTMLAnchorElement;
  /** When the newest point of the plot was added. */
  plotted: number;
}

export interface List {
  /** Asks for the visible page; while an answer is awaited another call only notes that. */
  refresh(): void;
}

const COLUMNS: readonly (readonly [name: string, label: string])[] = [
  ["state", "State"],
  ["media", "Format"],
  ["plot", "Last minutes"],
  ["in", "In"],
  ["out", "Out"],
  ["watchers", "Watchers"],
  ["interval", "Join interval"],
  ["skips", "Skips"],
  ["uptime", "Uptime"],
];

/** `historyStep` is that of the server, for the small plots go on where its history ends. */
export function newList(historyStep: () => number): List {
  const body = byId("channels", HTMLTableSectionElement);
  const search = byId("search", HTMLInputElement);
  const rows = new Map<string, Row>();
  let sort = "name";
  let busy = false;
  let again = false;

  const show = (items: readonly ChannelStatus[], total: number): void => {
    const keys = new Set(items.map(nameOf));
    [...rows.keys()].filter((key) => !keys.has(key)).forEach((key) => rows.delete(key));
    const wanted = items.map((status) => {
      const key = nameOf(status);
      const row = rows.get(key) ?? newRow(status);
      rows.set(key, row);
      fill(row, status, historyStep());
      return row.node;
    });
    arrange(body, wanted);
    byId("list-table", HTMLElement).hidden = total === 0;
    byId("empty", HTMLElement).hidden = total > 0 || search.value !== "";
    byId("nothing", HTMLElement).hidden = total > 0 || search.value === "";
    pager.show(total);
  };

  const refresh = async (): Promise<void> => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      const query = search.value.trim();
      const answer = await getChannels({ offset: pager.offset(), limit: PAGE_SIZE, query, sort });
      if (answer.ok) {
        show(answer.value.items, answer.value.total);
      }
    } while (again);
    busy = false;
  };
  const pager = newPager("list-pager", () => void refresh());

  search.addEventListener("input", () => {
    pager.first();
    void refresh();
  });
  sortable(byId("list-table", HTMLElement), (key) => {
    sort = key;
    pager.first();
    void refresh();
  });
  body.addEventListener("click", openRow);
  body.addEventListener("keydown", moveFocus);
  return { refresh: () => void refresh() };
}

function newRow(status: ChannelStatus): Row {
  const link = element("a", { href: `#/${path(status.user, status.channel)}` });
  const name = element("th", { scope: "row", class: "name" }, link);
  const cells = new Map(
    COLUMNS.map(([column, label]) => [
      column,
      element("td", { class: column, "data-label": label }),
    ]),
  );
  const watch = element("td", { class: "watch" });
  watch.append(
    element(
      "a",
      {
        href: `/watch/${path(status.user, status.channel)}`,
        "aria-label": `Watch ${nameOf(status)}`,
      },
      "Watch",
    ),
  );
  const spark = newSparkline();
  cells.get("plot")?.append(spark.node);
  const [state, owner] = [element("span"), element("span", { class: "owner" })];
  cells.get("state")?.append(state, owner);
  const row = {
    node: element("tr", {}, name, ...cells.values(), watch),
    spark,
    rates: [],
    cells,
    state,
    owner,
    link,
    plotted: 0,
  };
  setText(link, nameOf(status));
  void seed(row, status);
  return row;
}

/** The list has no history, so that a page of it is small: each new row asks for its own once. */
async function seed(row: Row, { user, channel }: ChannelStatus): Promise<void> {
  const answer = await getChannel(user, channel);
  if (answer.ok) {
    row.rates.unshift(...answer.value.history.map((point) => point.bitsIn).slice(-SPARK_POINTS));
    row.spark.draw(row.rates);
  }
}

function fill(row: Row, status: ChannelStatus, historyStep: number): void {
  const put = (column: string, text: string): void => {
    const cell = row.cells.get(column);
    if (cell !== undefined) {
      setText(cell, text);
    }
  };
  row.node.dataset["state"] = status.state;
  setText(row.state, status.locked ? `${status.state}, locked` : status.state);
  setText(row.owner, formatOwner(status));
  put("media", formatMedia(status));
  put("in", formatBitrate(status.bitsIn));
  put("out", formatBitrate(status.bitsOut));
  put("watchers", formatCount(status.watchers));
  put("interval", status.farApart ? "too long" : formatInterval(status.joinInterval));
  put("skips", formatCount(status.skips));
  put("uptime", status.since === null ? "–" : formatDuration(status.uptime));
  const now = performance.now();
  if (now - row.plotted >= historyStep) {
    row.plotted = now;
    row.rates.push(status.bitsIn);
    row.rates.splice(0, row.rates.length - SPARK_POINTS);
    row.spark.draw(row.rates);
  }
}

/** A click sorts by a column: names from the first, figures from the largest, as the API does. */
function sortable(table: HTMLElement, sorted: (sort: string) => void): void {
  const heads = [...table.querySelectorAll<HTMLElement>("th[data-sort]")];
  heads.forEach((head) => {
    head.addEventListener("click", () => {
      const key = head.dataset["sort"] ?? "name";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", key === "name" ? "ascending" : "descending");
      sorted(key);
    });
  });
}

/** A click anywhere in a row opens it, unless it is meant for a link or selects text. */
function openRow(event: MouseEvent): void {
  const { target } = event;
  if (target instanceof Element && target.closest("a") === null && String(getSelection()) === "") {
    target.closest("tr")?.querySelector<HTMLAnchorElement>(".name a")?.click();
  }
}

/** Arrow keys go from row to row. */
function moveFocus(event: KeyboardEvent): void {
  const row = event.target instanceof Element ? event.target.closest("tr") : null;
  const steps = new Map([
    ["ArrowDown", row?.nextElementSibling],
    ["ArrowUp", row?.previousElementSibling],
  ]);
  const link = steps.get(event.key)?.querySelector<HTMLAnchorElement>(".name a");
  if (link) {
    event.preventDefault();
    link.focus();
  }
}
