/**
 * The exposition for Prometheus. Everything is read when it is scraped: what counts knows nothing of
 * this, and costs a plain increment.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Buckets } from "../core/buckets.ts";
import { addCluster } from "./cluster.ts";
import type { ByReason, ChannelNumbers, Counts, Levels, Numbers } from "./numbers.ts";
import { newSlots, type Division } from "./slots.ts";

export interface Metrics {
  readonly contentType: string;
  readonly render: () => Promise<string>;
}

/** What Bun does not know is not said: its heap spaces and handles would all be 0. */
const TRUE_IN_BUN =
  /^(process_(?!heap|virtual)|nodejs_eventloop_lag_((mean|max|p50|p90|p99)_)?seconds)/;

/**
 * Milliseconds between two looks at how late the event loop is. Each wakes the process: with the usual
 * ten they took a fiftieth of the CPU of a fan-out to 500 watchers.
 */
const LOOP_LOOK_MS = 100;

const NOBODY = { user: "", channel: "other" };

const CHANNEL_COUNTERS: readonly (readonly [string, keyof Counts, string])[] = [
  ["received_bytes_total", "bytesIn", "Bytes that broadcasters have sent"],
  ["sent_bytes_total", "bytesOut", "Bytes that watchers have been sent"],
  ["received_frames_total", "framesIn", "Frames that broadcasters have sent, where they are known"],
  ["skips_total", "skips", "How often a slow watcher has gone on at a newer keyframe"],
  ["ring_growths_total", "ringGrowths", "How often a ring has grown"],
];

const CHANNEL_GAUGES: readonly (readonly [string, keyof Levels, string])[] = [
  ["watchers", "watchers", "Watchers, those included that wait"],
  ["ring_bytes", "ringBytes", "Bytes of the ring"],
];

const SERVER_COUNTERS: readonly (readonly [string, (numbers: Numbers) => number, string])[] = [
  ["received_bytes_total", ({ counts }) => counts.bytesIn, "Bytes that broadcasters have sent"],
  ["sent_bytes_total", ({ counts }) => counts.bytesOut, "Bytes that watchers have been sent"],
  ["skips_total", ({ counts }) => counts.skips, "How often a slow watcher has gone on further on"],
  ["broadcasts_total", ({ broadcasts }) => broadcasts, "Channels that have gone on air"],
  ["watchers_admitted_total", ({ admitted }) => admitted, "Watchers that were let in"],
  [
    "takeovers_total",
    ({ takeovers }) => takeovers,
    "Broadcasters that were replaced by another one",
  ],
  [
    "recorded_bytes_total",
    ({ recorded }) => recorded.bytes,
    "Bytes that were written to recordings",
  ],
  ["recorded_files_total", ({ recorded }) => recorded.files, "Files that recordings were begun in"],
];

const REASON_COUNTERS: readonly (readonly [
  string,
  "closes" | "authFailures" | "refusals" | "recordingFailures" | "hooks",
  string,
])[] = [
  ["connections_closed_total", "closes", "Connections that have ended, by reason"],
  ["auth_failures_total", "authFailures", "Requests that the authenticator refused, by reason"],
  ["refusals_total", "refusals", "Peers turned away by a limit, by reason"],
  ["recording_failures_total", "recordingFailures", "Recordings that lack bytes, by reason"],
  ["hook_events_total", "hooks", "Events for the webhook, by what became of them"],
];

const HISTOGRAMS: readonly (readonly [string, "joinWaits" | "fanOutLags", string])[] = [
  ["join_wait_seconds", "joinWaits", "From a watcher's admission to its place in the stream"],
  ["fanout_lag_seconds", "fanOutLags", "From a chunk's arrival to the end of its fan-out"],
];

/** Metrics of what `read` reads. */
export function newMetrics(read: () => Numbers): Metrics {
  const registry = new Registry();
  const divide = newSlots();
  let numbers = read();
  let division = divide(numbers);
  addProcess(registry);
  addChannels(registry, () => division);
  addServer(registry, () => numbers);
  const { cluster } = numbers;
  if (cluster !== null) {
    addCluster(registry, () => numbers.cluster ?? cluster);
  }
  return {
    contentType: registry.contentType,
    render() {
      numbers = read();
      division = divide(numbers);
      return registry.metrics();
    },
  };
}

function addProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS });
  registry
    .getMetricsAsArray()
    .filter(({ name }) => !TRUE_IN_BUN.test(name))
    .forEach(({ name }) => registry.removeSingleMetric(name));
}

function addChannels(registry: Registry, division: () => Division): void {
  const common = { labelNames: ["user", "channel"], registers: [] };
  for (const [name, key, help] of CHANNEL_COUNTERS) {
    registry.registerMetric(
      new Counter({
        ...common,
        name: `fstream_channel_${name}`,
        help,
        collect() {
          const { labelled, others } = division();
          this.reset();
          labelled.forEach((each) => this.inc(labelsOf(each), each.counts[key]));
          this.inc(NOBODY, others.counts[key]);
        },
      }),
    );
  }
  for (const [name, key, help] of CHANNEL_GAUGES) {
    registry.registerMetric(
      new Gauge({
        ...common,
        name: `fstream_channel_${name}`,
        help,
        collect() {
          const { labelled, others } = division();
          this.reset();
          labelled.forEach((each) => this.set(labelsOf(each), each.levels[key]));
          this.set(NOBODY, others.levels[key]);
        },
      }),
    );
  }
  registry.registerMetric(
    new Gauge({
      ...common,
      name: "fstream_channel_join_interval_bytes",
      help: "Bytes from one place to join to the next",
      collect() {
        this.reset();
        division().labelled.forEach((each) => this.set(labelsOf(each), each.joinInterval));
      },
    }),
  );
}

function addServer(registry: Registry, numbers: () => Numbers): void {
  const registers: Registry[] = [];
  registry.registerMetric(
    new Gauge({
      registers,
      name: "fstream_connections",
      help: "Connections that are open",
      collect() {
        this.set(numbers().connections);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      registers,
      name: "fstream_channels",
      help: "Channels that are on air, linger or are waited for",
      collect() {
        this.set(numbers().channels.length);
      },
    }),
  );
  for (const [name, read, help] of SERVER_COUNTERS) {
    registry.registerMetric(
      new Counter({
        registers,
        name: `fstream_${name}`,
        help,
        collect() {
          this.reset();
          this.inc(read(numbers()));
        },
      }),
    );
  }
  for (const [name, key, help] of REASON_COUNTERS) {
    registry.registerMetric(
      new Counter({
        registers,
        name: `fstream_${name}`,
        help,
        labelNames: ["reason"],
        collect() {
          this.reset();
          reasonsOf(numbers()[key]).forEach(([reason, count]) => this.inc({ reason }, count));
        },
      }),
    );
  }
  for (const [name, key, help] of HISTOGRAMS) {
    addHistogram(registry, `fstream_${name}`, help, () => numbers()[key]);
  }
}

/** A histogram that takes its counts as they are: prom-client's own would observe each value anew. */
function addHistogram(registry: Registry, name: string, help: string, read: () => Buckets): void {
  const histogram = new Histogram({ name, help, registers: [] });
  const getForPromString = () => {
    const { bounds, counts, sum } = read();
    let count = 0;
    const values = Array.from(counts, (own, index) => {
      count += own;
      const le = index < bounds.length ? (bounds[index] ?? 0) / 1000 : "+Inf";
      return { metricName: `${name}_bucket`, labels: { le }, value: count };
    });
    const total = { metricName: `${name}_sum`, labels: {}, value: sum / 1000 };
    const number = { metricName: `${name}_count`, labels: {}, value: count };
    return { name, help, type: "histogram", values: [...values, total, number] };
  };
  registry.registerMetric(Object.assign(histogram, { getForPromString }));
}

function labelsOf({ channel, user }: ChannelNumbers): { user: string; channel: string } {
  return { user, channel };
}

function reasonsOf(counts: ByReason): [string, number][] {
  return Object.entries(counts);
}
