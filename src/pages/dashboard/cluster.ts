/** The cluster, where there is one: how it is in a line of the header, and the other nodes in a list. */
import type { NodeStatus, ServerCluster } from "../../protocol/status.ts";
import { arrange, byId, element, setText } from "../dom.ts";
import { formatBytes, formatCount, formatDuration, formatTimes } from "./format.ts";

const rows = new Map<string, HTMLLIElement>();

export function showCluster(cluster: ServerCluster | null): void {
  const details = byId("cluster", HTMLDetailsElement);
  details.hidden = cluster === null;
  if (cluster === null) {
    return;
  }
  const { connected, node, nodes } = cluster;
  const lost = nodes.filter((one) => one.lost).length;
  const trouble = connected ? [] : ["NATS is away"];
  const missing = lost === 0 ? [] : [`${formatCount(lost)} lost`];
  const words = [`Node ${node}, one of ${formatCount(nodes.length + 1)}`, ...trouble, ...missing];
  details.dataset["state"] = words.length === 1 ? "well" : "trouble";
  setText(byId("cluster-state", HTMLElement), words.join(", "));
  showNodes(nodes);
  byId("cluster-alone", HTMLElement).hidden = nodes.length > 0;
  setText(byId("cluster-totals", HTMLElement), totals(cluster));
}

/** Those that are lost come first. */
function showNodes(nodes: readonly NodeStatus[]): void {
  const ids = new Set(nodes.map(({ id }) => id));
  [...rows.keys()].filter((id) => !ids.has(id)).forEach((id) => rows.delete(id));
  const wanted = nodes
    .toSorted((a, b) => Number(b.lost) - Number(a.lost))
    .map(({ channels, heard, id, lost, name }) => {
      const row = rows.get(id) ?? element("li", {}, element("b"), element("span"));
      rows.set(id, row);
      const [title, state] = row.children;
      if (title !== undefined && state !== undefined) {
        setText(title, name);
        const word = lost
          ? `lost, heard ${formatDuration(heard)} ago`
          : formatTimes(channels, "channel");
        setText(state, word);
      }
      return row;
    });
  arrange(byId("cluster-nodes", HTMLElement), wanted);
}

function totals({ bytesIn, bytesOut, gaps, resyncs, skips }: ServerCluster): string {
  const faults = [
    formatTimes(gaps, "gap"),
    formatTimes(resyncs, "resync"),
    formatTimes(skips, "skip"),
  ];
  return `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out; ${faults.join(", ")}`;
}
