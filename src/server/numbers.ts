/**
 * What the metrics say of a server: read from it when they are asked for.
 */
import type { Gate } from "../auth/gate.ts";
import type { Channel } from "../hub/model.ts";
import type { ChannelNumbers, Numbers } from "../metrics/numbers.ts";
import type { Server } from "./server.ts";

/** Reads `server`, and what the `gate` before its authenticator has counted. */
export function numbersOf(server: Server, gate: Gate): Numbers {
  const { closes, directory, refused } = server;
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
    joinWaits: counters.joinWaits,
    fanOutLags: counters.fanOutLags,
  };
}

function channelNumbers(channel: Channel): ChannelNumbers {
  const { live, name, tally, user, watchers } = channel;
  const copy = live?.copy?.broadcast.ring.capacity ?? 0;
  return {
    identity: channel,
    user,
    channel: name,
    isOnAir: live !== null,
    counts: tally,
    levels: { watchers, ringBytes: (live?.ring.capacity ?? 0) + copy },
    joinInterval: live?.marks.interval ?? 0,
  };
}
