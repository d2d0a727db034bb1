/**
 * What the README and the Grafana dashboard say of the metrics is true of what a server says.
 */
import { expect, test } from "bun:test";
import { gate } from "../../src/auth/gate.ts";
import grafana from "../../src/metrics/grafana.json";
import { newMetrics } from "../../src/metrics/metrics.ts";
import { systemClock } from "../../src/server/clock.ts";
import { numbersOf } from "../../src/server/numbers.ts";
import { asNode, madeUpCluster } from "../support/cluster.ts";
import { everyone, relay } from "../support/server.ts";
import { describeWith } from "../support/tools.ts";

const README = new URL("../../README.md", import.meta.url);

/** Of one that is a node of a cluster: it has them all. */
async function namesOfServer(): Promise<Set<string>> {
  await using fstream = await relay();
  const beside = { gate: gate(everyone, { clock: systemClock, onProblem: () => {} }) };
  const node = asNode(fstream.server, madeUpCluster());
  const metrics = newMetrics(() => numbersOf(node, { ...beside, webhook: undefined }));
  const lines = (await metrics.render()).split("\n");
  return new Set(lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []));
}

/** The names in a query; a histogram's series have endings of their own. */
function namesIn(text: string): string[] {
  const names = text.match(/\b(?:fstream|process|nodejs)_[a-z0-9_]+/g) ?? [];
  return names.map((name) => name.replace(/_bucket$/, ""));
}

async function alerts(): Promise<string> {
  const text = await Bun.file(README).text();
  return /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
}

test("every metric of ours is in the README, and none that is not there", async () => {
  const known = await namesOfServer();
  const text = await Bun.file(README).text();
  const section = /### Metrics\n([\s\S]*?)\n## /.exec(text)?.[1] ?? "";
  const table = section.split("\n").filter((line) => line.startsWith("| `fstream_"));
  const told = table.flatMap((line) => {
    const names = [...(line.split("|")[1] ?? "").matchAll(/`([a-z_]+)`/g)].map(([, name]) => name);
    const [first = ""] = names;
    const family = /^fstream_(?:channel|cluster)(?=_)/.exec(first)?.[0] ?? "fstream";
    return names.map((name = "") => (name.startsWith("_") ? family + name : name));
  });
  const ours = [...known].filter((name) => name.startsWith("fstream_"));
  expect(told.toSorted()).toEqual(ours.toSorted());
});

test("the dashboard for Grafana and the alerts ask for metrics that there are", async () => {
  const known = await namesOfServer();
  const queries = grafana.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const asked = [...queries, await alerts()].flatMap(namesIn);
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

/** Exit code and words of `promtool check rules`. */
async function checkRules(text: string): Promise<[number, string]> {
  const tool = Bun.spawn(["promtool", "check", "rules", "/dev/stdin"], {
    stdin: new Blob([text]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = (await tool.stdout.text()) + (await tool.stderr.text());
  return [await tool.exited, said];
}

describeWith("promtool", "Prometheus' own tool", () => {
  test("takes the alerts of the README", async () => {
    expect(await checkRules(await alerts())).toEqual([0, expect.stringContaining("5 rules found")]);
  });

  test("takes the queries of the dashboard for Grafana", async () => {
    const queries = grafana.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const rules = queries.map((expr, index) => ({
      record: `query_${index}`,
      expr: expr.replaceAll("$__rate_interval", "1m"),
    }));
    const text = JSON.stringify({ groups: [{ name: "grafana", rules }] });
    const found = expect.stringContaining(`${queries.length} rules found`);
    expect(await checkRules(text)).toEqual([0, found]);
  });
});
