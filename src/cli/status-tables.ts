/** What `fstream status` shows: a head of two lines, or three in a cluster, and tables below it. */
import { formatBitrate, formatBytes, formatDuration } from "../core/units.ts";
import type {
  ChannelCluster,
  ChannelStatus,
  NodeStatus,
  Page,
  ServerCluster,
  ServerStatus,
  WatcherStatus,
} from "../protocol/status.ts";

/** The tables, for a terminal of 80 columns; `watchers` where they are asked for. */
export function statusTables(
  server: ServerStatus,
  channels: Page<ChannelStatus>,
  watchers: Page<WatcherStatus> | undefined,
): string {
  const { cluster } = server;
  const head = [
    `fstream ${server.version}, up ${formatDuration(Date.now() - server.since)}: ` +
      `${server.live} live, ${server.watchers} watchers, ${formatBytes(server.residentBytes)}`,
    `${formatBitrate(server.bitsIn)} in, ${formatBitrate(server.bitsOut)} out, ` +
      `${server.skips} skips`,
  ];
  // A server that is older says nothing of it.
  const [node, ...tables] = cluster ? clusterTables(cluster, channels) : [];
  return [
    ...head,
    ...(node ?? []),
    "",
    ...table(CHANNEL_COLUMNS, channels),
    ...tables.flatMap((lines) => ["", ...lines]),
    ...(watchers === undefined ? [] : ["", ...table(WATCHER_COLUMNS, watchers)]),
  ].join("\n");
}

/** A line for this node; then the tables that have something in them: links, and nodes. */
function clusterTables(
  cluster: ServerCluster,
  { items }: Page<ChannelStatus>,
): readonly (readonly string[])[] {
  const { connected, node, nodes } = cluster;
  const lost = nodes.filter((one) => one.lost).length;
  const state = connected ? "connected" : "NATS is away";
  const away = lost === 0 ? "" : `, ${lost} lost`;
  const own = `node ${shortened(node, 32)}, one of ${nodes.length + 1}, ${state}${away}`;
  const links = items.flatMap(({ channel, cluster: link, user }) =>
    link === null ? [] : [{ name: `${user}/${channel}`, link }],
  );
  return [
    [own],
    ...(links.length === 0 ? [] : [table(LINK_COLUMNS, whole(links))]),
    ...(nodes.length === 0 ? [] : [table(NODE_COLUMNS, whole(nodes.toSorted(lostFirst)))]),
  ];
}

function lostFirst(a: NodeStatus, b: NodeStatus): number {
  return Number(b.lost) - Number(a.lost);
}

/** A list that is not a page of a longer one. */
function whole<Item>(items: readonly Item[]): Page<Item> {
  return { total: items.length, offset: 0, items };
}

/** A column: its heading, its width (to the right where that is below 0), and what stands in it. */
type Column<Item> = readonly [heading: string, width: number, cell: (item: Item) => string];

const CHANNEL_COLUMNS: readonly Column<ChannelStatus>[] = [
  ["CHANNEL", 21, ({ channel, user }) => `${user}/${channel}`],
  ["FORMAT", 9, ({ state, title }) => (state === "live" ? title || "unknown" : state)],
  ["SIZE", 9, ({ height, width }) => (width === null ? "" : `${width}x${height}`)],
  ["WATCH", -5, ({ watchers }) => String(watchers)],
  ["IN", -11, ({ bitsIn }) => formatBitrate(bitsIn)],
  ["OUT", -11, ({ bitsOut }) => formatBitrate(bitsOut)],
  ["UP", -8, ({ since, uptime }) => (since === null ? "–" : formatDuration(uptime))],
];

const WATCHER_COLUMNS: readonly Column<WatcherStatus>[] = [
  ["WATCHER", 8, ({ id }) => id],
  ["CHANNEL", 21, ({ channel, user }) => `${user}/${channel}`],
  ["ADDRESS", 24, ({ address }) => address],
  ["LAG", -8, ({ lag, state }) => (state === "waiting" ? "waiting" : `${lag} ms`)],
  ["SENT", -8, ({ bytes }) => formatBytes(bytes)],
  ["SKIPS", -6, ({ skips }) => String(skips)],
];

interface Link {
  readonly name: string;
  readonly link: ChannelCluster;
}

/** `here` is this node, as the owner of a channel or as one that follows it. */
const LINK_COLUMNS: readonly Column<Link>[] = [
  ["CHANNEL", 21, ({ name }) => name],
  ["OWNER", 16, ({ link }) => (link.isOwn ? "here" : link.owner)],
  ["LAG", -8, ({ link }) => (link.follows && link.lag !== null ? `${link.lag} ms` : "–")],
  ["GAPS", -6, ({ link }) => (link.isOwn ? "–" : String(link.gaps))],
  ["FOLLOWERS", 25, ({ link }) => followersOf(link)],
];

const NODE_COLUMNS: readonly Column<NodeStatus>[] = [
  ["NODE", 38, ({ name }) => name],
  ["STATE", 8, ({ lost }) => (lost ? "lost" : "up")],
  ["CHANNELS", -8, ({ channels }) => String(channels)],
  ["HEARD", -12, ({ heard }) => `${formatDuration(heard)} ago`],
];

/** Those first to which most is on the way, for there is no room for many. */
function followersOf({ followers, follows, isOwn }: ChannelCluster): string {
  if (!isOwn) {
    return follows ? "here" : "";
  }
  return followers
    .toSorted((a, b) => b.lagBytes - a.lagBytes)
    .map(({ lagBytes, node }) =>
      lagBytes === 0 ? node : `${node} ${formatBytes(lagBytes)} on the way`,
    )
    .join(", ");
}

function table<Item>(
  columns: readonly Column<Item>[],
  { items, total }: Page<Item>,
): readonly string[] {
  const rows = items.map((item) => line(columns, ([, , cell]) => cell(item)));
  const more = total > items.length ? [`… and ${total - items.length} more`] : [];
  return [line(columns, ([heading]) => heading), ...rows, ...more];
}

function line<Item>(
  columns: readonly Column<Item>[],
  cell: (column: Column<Item>) => string,
): string {
  return columns
    .map((column) => fitted(cell(column), column[1]))
    .join(" ")
    .trimEnd();
}

function fitted(text: string, width: number): string {
  const room = Math.abs(width);
  const short = shortened(text, room);
  return width < 0 ? short.padStart(room) : short.padEnd(room);
}

/** Names are others' to choose: nothing of them may steer a terminal. */
function shortened(text: string, room: number): string {
  const plain = text.replaceAll(/\p{C}/gu, "?");
  return plain.length > room ? `${plain.slice(0, room - 1)}…` : plain;
}
