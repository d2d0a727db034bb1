/**
 * Which node of a cluster a broadcaster or a watcher comes to. A channel's watchers are at all nodes
 * alike, and those at the node of its broadcaster come last.
 *
 *     channel       0    1    2    3
 *     broadcaster   n1   n2   n3   n1
 *     watchers      n2   n3   n1   n2
 *                   n3   n1   n2   n3
 *                   n1   n2   n3   n1
 */
import type { Target } from "./messages.ts";

/** The port for the broadcaster of a channel. */
export function castPort(target: Target, channel: number): number {
  return portAt(target, channel);
}

/** The port for a channel's watcher of the number `index`. */
export function watchPort(target: Target, channel: number, index: number): number {
  return portAt(target, channel + 1 + index);
}

function portAt({ nodes = [], port }: Target, number: number): number {
  return nodes[number % nodes.length] ?? port;
}
