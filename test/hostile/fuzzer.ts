/**
 * Hostile peers, in a process of their own. Prints one line of JSON when all of them have come and
 * gone: a {@link Tally}.
 *
 *     bun fuzzer.ts '{"port":61920,"seed":1,"first":0,"count":50000,…}'
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { drawAttack, type Attack, type Target } from "./attacks.ts";
import { attack, type Outcome } from "./peer.ts";
import { newRandom } from "./random.ts";

/** What the process is told. */
export interface Orders extends Omit<Target, "samples"> {
  readonly port: number;
  readonly seed: number;
  /** The number of the first connection, and how many there are. */
  readonly first: number;
  readonly count: number;
  /** The folder of the streams that are mutated. */
  readonly samples: string;
  /** Whether the port speaks TLS, which they do not: what comes back are its alerts. */
  readonly tls?: boolean;
}

export interface Tally {
  /** Connections that were made. */
  opened: number;
  /** What was not as it must be, with the number of the connection; of many the first ones. */
  readonly faults: string[];
  /** How many of each kind. */
  readonly kinds: Record<string, number>;
}

/** Connections at the same time: half of a listener's queue, for there may be two such processes. */
const AT_ONCE = 128;

/** Faults that are told. */
const FAULTS_MAX = 20;

function readOrders(text: string): Orders {
  const orders: Orders = JSON.parse(text);
  return orders;
}

function readSamples(folder: string): Target["samples"] {
  const files = readdirSync(folder).toSorted();
  const [first = new Uint8Array(1), ...others] = files.map((name) =>
    readFileSync(join(folder, name)),
  );
  return [first, ...others];
}

async function run(orders: Orders): Promise<Tally> {
  const target: Target = { ...orders, samples: readSamples(orders.samples) };
  const tally: Tally = { opened: 0, faults: [], kinds: {} };
  let next = orders.first;
  const lane = async (): Promise<void> => {
    while (next < orders.first + orders.count) {
      const index = next++;
      const drawn = drawAttack(newRandom(orders.seed, index), index, target);
      const plan: Attack = orders.tls === true ? { ...drawn, answer: "anything" } : drawn;
      note(tally, plan, index, await attack(orders.port, plan));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return tally;
}

function note(tally: Tally, { kind }: Attack, index: number, outcome: Outcome): void {
  tally.opened += outcome.connected ? 1 : 0;
  tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1;
  if (outcome.fault !== null && tally.faults.length < FAULTS_MAX) {
    tally.faults.push(`${index}, ${kind}: ${outcome.fault}`);
  }
}

if (import.meta.main) {
  const tally = await run(readOrders(process.argv[2] ?? ""));
  process.stdout.write(`${JSON.stringify(tally)}\n`);
  process.exit(0);
}
