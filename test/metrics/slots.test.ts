/**
 * Channels come and go by the thousand: nothing that counts may fall, and the series stay few.
 */
import { expect, test } from "bun:test";
import { newBuckets } from "../../src/core/buckets.ts";
import type { ChannelNumbers, Counts, Numbers } from "../../src/metrics/numbers.ts";
import { newSlots } from "../../src/metrics/slots.ts";

const NOTHING = { bytesIn: 0, bytesOut: 0, framesIn: 0, skips: 0, ringGrowths: 0 };

type Tally = { -readonly [Name in keyof Counts]: number };

interface Fake {
  readonly identity: object;
  readonly channel: string;
  isOnAir: boolean;
  readonly counts: Tally;
}

function numbersOf(counts: Counts, channels: readonly Fake[]): Numbers {
  const rest = { user: "bob", levels: { watchers: 1, ringBytes: 10 }, joinInterval: 0 };
  return {
    counts,
    channels: channels.map((channel): ChannelNumbers => ({ ...channel, ...rest })),
    connections: 0,
    broadcasts: 0,
    admitted: 0,
    takeovers: 0,
    closes: {},
    authFailures: {},
    refusals: {},
    recorded: { bytes: 0, files: 0 },
    recordingFailures: {},
    hooks: {},
    joinWaits: newBuckets([]),
    fanOutLags: newBuckets([]),
    cluster: null,
  };
}

test("1,000 channels come and go: no counter falls, no byte is seen twice, the labelled are few", () => {
  const divide = newSlots(20);
  const total = { ...NOTHING };
  let channels: Fake[] = [];
  let others = 0;
  let rises = 0;
  const labelled = new Map<object, number>();
  const relabelled = new Set<object>();
  for (let round = 0; round < 1000; round++) {
    const isOnAir = round % 3 !== 0;
    const counts = { ...NOTHING };
    channels.push({ identity: {}, channel: `c${round}`, isOnAir, counts });
    channels.forEach((channel, index) => {
      channel.isOnAir = (round + index) % 5 !== 0;
      const bytes = channel.isOnAir ? index + 1 : 0;
      channel.counts.bytesIn += bytes;
      total.bytesIn += bytes;
    });
    channels = channels.filter((_, index) => channels.length < 60 || (index * 7 + round) % 3 !== 0);
    const division = divide(numbersOf(total, channels));
    expect(division.labelled.length).toBeLessThanOrEqual(20);
    const own = division.labelled.reduce((sum, { counts: { bytesIn } }) => sum + bytesIn, 0);
    expect(division.others.counts.bytesIn + own).toBeLessThanOrEqual(total.bytesIn);
    expect(division.others.counts.bytesIn).toBeGreaterThanOrEqual(others);
    expect(division.others.levels.watchers + division.labelled.length).toBe(channels.length);
    rises += division.others.counts.bytesIn - others;
    others = division.others.counts.bytesIn;
    for (const { counts: held, identity } of division.labelled) {
      expect(held.bytesIn).toBeGreaterThanOrEqual(labelled.get(identity) ?? 0);
      rises += held.bytesIn - (labelled.get(identity) ?? 0);
      labelled.set(identity, held.bytesIn);
      relabelled.add(identity);
    }
  }
  expect(relabelled.size).toBeGreaterThan(100);
  // All but what a labelled channel counted after it was last looked at.
  expect(rises).toBeLessThanOrEqual(total.bytesIn);
  expect(rises).toBeGreaterThan(total.bytesIn * 0.9);
});

test("who merely waits takes no slot", () => {
  const divide = newSlots(1);
  const waiting = { identity: {}, channel: "w", isOnAir: false, counts: { ...NOTHING } };
  const live = { identity: {}, channel: "l", isOnAir: true, counts: { ...NOTHING } };
  const { labelled } = divide(numbersOf(NOTHING, [waiting, live]));
  expect(labelled.map(({ channel }) => channel)).toEqual(["l"]);
});
