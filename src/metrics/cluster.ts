/** The part of the exposition that a node of a cluster has, and no other server. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { ClusterCounts, ClusterNumbers } from "./numbers.ts";

const COUNTERS: readonly (readonly [string, keyof ClusterCounts, string])[] = [
  ["received_bytes_total", "bytesIn", "Bytes of streams that came from other nodes"],
  ["sent_bytes_total", "bytesOut", "Bytes of streams that went to other nodes"],
  ["received_messages_total", "messagesIn", "Messages of streams that came from other nodes"],
  ["sent_messages_total", "messagesOut", "Messages of streams that went to other nodes"],
  ["gaps_total", "gaps", "Messages that were missing"],
  ["resyncs_total", "resyncs", "How often an owner was asked to begin again"],
  ["skips_total", "skips", "How often a stream went on further on, because bytes were gone"],
  ["connects_total", "connects", "Connections to NATS that were made"],
  ["nodes_lost_total", "nodesLost", "How often another node was lost"],
  ["yielded_channels_total", "yielded", "Channels that were given up to another node"],
];

const GAUGES: readonly (readonly [string, (numbers: ClusterNumbers) => number, string])[] = [
  ["connected", ({ connected }) => Number(connected), "Whether there is a connection to NATS"],
  ["followed_channels", ({ followed }) => followed, "Others' channels whose bytes come here"],
  ["led_channels", ({ led }) => led, "Own channels whose bytes go to other nodes"],
];

/** Adds to `registry` what `read` reads. */
export function addCluster(registry: Registry, read: () => ClusterNumbers): void {
  const registers: Registry[] = [];
  for (const [name, key, help] of COUNTERS) {
    registry.registerMetric(
      new Counter({
        registers,
        name: `fstream_cluster_${name}`,
        help,
        collect() {
          this.reset();
          this.inc(read().counts[key]);
        },
      }),
    );
  }
  for (const [name, level, help] of GAUGES) {
    registry.registerMetric(
      new Gauge({
        registers,
        name: `fstream_cluster_${name}`,
        help,
        collect() {
          this.set(level(read()));
        },
      }),
    );
  }
  registry.registerMetric(
    new Gauge({
      registers,
      name: "fstream_cluster_nodes",
      help: "Nodes of the cluster, this one included, and those that are lost",
      labelNames: ["state"],
      collect() {
        const { here, lost } = read().nodes;
        this.set({ state: "here" }, here);
        this.set({ state: "lost" }, lost);
      },
    }),
  );
}
