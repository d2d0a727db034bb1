/** What a node knows of a cluster, made up; and a server that is such a node. */
import {
  newClusterCounters,
  type ChannelLinks,
  type ClusterFigures,
  type NodeFigures,
} from "../../src/cluster/figures.ts";
import { newChannel } from "../../src/hub/channel.ts";
import type { Channel } from "../../src/hub/model.ts";
import type { Server } from "../../src/server/server.ts";

/** Figures of node n1 that a test changes as it likes. */
export interface MadeUpCluster extends ClusterFigures {
  isConnected: boolean;
  readonly others: NodeFigures[];
  /** By USER/CHANNEL. */
  readonly links: Map<string, ChannelLinks>;
}

const OWN: ChannelLinks = {
  owner: "n1",
  isOwn: true,
  followers: [],
  follows: false,
  lag: null,
  gaps: 0,
  resyncs: 0,
};

export function madeUpCluster(): MadeUpCluster {
  const links = new Map<string, ChannelLinks>();
  const others: NodeFigures[] = [];
  return {
    node: "n1",
    counters: newClusterCounters(),
    isConnected: true,
    others,
    links,
    connected() {
      return this.isConnected;
    },
    nodes: () => others,
    channel: (user, channel) => links.get(`${user}/${channel}`) ?? null,
  };
}

export function madeUpNode(name: string, changes: Partial<NodeFigures> = {}): NodeFigures {
  return { name, id: `id of ${name}`, lost: false, channels: 0, heard: 120, ...changes };
}

/** A channel of this node, which others follow. */
export function ownLinks(followers: ChannelLinks["followers"] = []): ChannelLinks {
  return { ...OWN, followers };
}

/** A channel of the node `owner`. */
export function farLinks(owner: string, changes: Partial<ChannelLinks> = {}): ChannelLinks {
  return { ...OWN, owner, isOwn: false, ...changes };
}

/** `server` as a node of `cluster`, which lists the channels `far` of other nodes beside its own. */
export function asNode(
  server: Server,
  cluster: ClusterFigures,
  far: readonly (readonly [user: string, channel: string])[] = [],
): Server {
  const { directory } = server;
  const others: readonly Channel[] = far.map(([user, channel]) => newChannel(user, channel));
  return {
    ...server,
    cluster,
    directory: {
      ...directory,
      list: () => [...directory.list(), ...others],
      find: (user, channel) =>
        directory.find(user, channel) ??
        others.find((one) => one.user === user && one.name === channel),
    },
  };
}
