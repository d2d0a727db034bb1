/** What the API says of a cluster: what the node knows, and nothing else that its objects may have. */
import type { ChannelLinks, ClusterFigures } from "../cluster/figures.ts";
import type { Channel } from "../hub/model.ts";
import type { ChannelCluster, ChannelState, ServerCluster } from "../protocol/status.ts";
import type { Server } from "../server/server.ts";

/** How `channel` goes through the cluster. */
export function linksOf({ cluster }: Server, { name, user }: Channel): ChannelLinks | null {
  return cluster?.channel(user, name) ?? null;
}

/** What is held here says more than what other nodes say: it may linger after they have lost it. */
export function stateOf({ live, source }: Channel, links: ChannelLinks | null): ChannelState {
  if (source !== null) {
    return "live";
  }
  if (live !== null) {
    return "lingering";
  }
  return links === null ? "waiting" : "live";
}

/** Whether `channel` has a broadcaster, here or at another node. */
export function isLive(server: Server, channel: Channel): boolean {
  return channel.source !== null || stateOf(channel, linksOf(server, channel)) === "live";
}

export function channelCluster(links: ChannelLinks | null): ChannelCluster | null {
  if (links === null) {
    return null;
  }
  const { followers, follows, gaps, isOwn, lag, owner, resyncs } = links;
  return {
    owner,
    isOwn,
    followers: followers.map(({ lagBytes, node }) => ({ node, lagBytes })),
    follows,
    lag,
    gaps,
    resyncs,
  };
}

export function serverCluster(cluster: ClusterFigures | undefined): ServerCluster | null {
  if (cluster === undefined) {
    return null;
  }
  const { counters, node } = cluster;
  return {
    node,
    connected: cluster.connected(),
    nodes: cluster.nodes().map(({ channels, heard, id, lost, name }) => ({
      name,
      id,
      lost,
      channels,
      heard,
    })),
    bytesIn: counters.bytesIn,
    bytesOut: counters.bytesOut,
    messagesIn: counters.messagesIn,
    messagesOut: counters.messagesOut,
    gaps: counters.gaps,
    resyncs: counters.resyncs,
    skips: counters.skips,
    connects: counters.connects,
    nodesLost: counters.nodesLost,
    yielded: counters.yielded,
  };
}
