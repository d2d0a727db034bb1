/**
 * What the metrics say of a server: read from it when they are asked for.
 */
import type { Gate } from "../auth/gate.ts";
import { ringBytesOf } from "../hub/broadcast.ts";
import type { Channel } from "../hub/model.ts";
import type { WebhookCounters } from "../hooks/webhook.ts";
import type { ChannelNumbers, ClusterNumbers, Numbers } from "../metrics/numbers.ts";
import type { Server } from "./server.ts";

/** What counts beside the server itself. */
export interface Beside {
  /** Before the server's authenticator. */
  readonly gate: Gate;
  readonly webhook: WebhookCounters | undefined;
}

/** Reads `server`, and what is beside it. */
export function numbersOf(server: Server, { gate, webhook }: Beside): Numbers {
  const { closes, directory, recorded, refused } = server;
  const { counters } = directory;
  return {
    counts: counters,
    channels: Array.from(directory.list(), channelNumbers),
    connections: server.connections.size,
    broadcasts: counters.broadcasts,
    admitted: counters.watchers,
    takeovers: counters.takeovers,
    closes: Object.fromEntries(closes),
    authFailures: Object.fromEntries(gate.failures),
    refusals: {
      connections: refused.connections,
      "connections-per-address": refused.connectionsPerAddress,
      handshakes: refused.handshakes,
      bitrate: refused.bitrate,
      networks: refused.networks,
      watchers: counters.watchersRefused,
      channels: counters.channelsRefused,
      attempts: gate.counters.refused,
    },
    recorded: { bytes: recorded?.bytes ?? 0, files: recorded?.files ?? 0 },
    recordingFailures:
      recorded === undefined ? {} : { "disk-error": recorded.failed, "disk-slow": recorded.behind },
    hooks:
      webhook === undefined
        ? {}
        : {
            delivered: webhook.delivered,
            "try-failed": webhook.failed,
            "given-up": webhook.givenUp,
            dropped: webhook.dropped,
          },
    joinWaits: counters.joinWaits,
    fanOutLags: counters.fanOutLags,
    cluster: clusterNumbers(server),
  };
}

function clusterNumbers({ cluster, directory }: Server): ClusterNumbers | null {
  if (cluster === undefined) {
    return null;
  }
  const nodes = cluster.nodes();
  const lost = nodes.filter((node) => node.lost).length;
  let [followed, led] = [0, 0];
  for (const { name, user } of directory.list()) {
    const links = cluster.channel(user, name);
    followed += links?.follows === true ? 1 : 0;
    led += links !== null && links.followers.length > 0 ? 1 : 0;
  }
  return {
    connected: cluster.connected(),
    nodes: { here: nodes.length - lost + 1, lost },
    followed,
    led,
    counts: cluster.counters,
  };
}

function channelNumbers(channel: Channel): ChannelNumbers {
  const { live, name, tally, user, watchers } = channel;
  return {
    identity: channel,
    user,
    channel: name,
    isOnAir: live !== null,
    counts: tally,
    levels: { watchers, ringBytes: live === null ? 0 : ringBytesOf(live) },
    joinInterval: live?.marks.interval ?? 0,
  };
}
