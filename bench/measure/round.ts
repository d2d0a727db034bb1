/**
 * One round: a server under a load for some seconds, and all figures about it.
 *
 *     ├─ connect ─┼─ warm-up ─┼────────── window ──────────┼─ late frames ─┤
 *                             └ CPU, memory, bytes, frames ┘
 */
import type { CastResult, Habit, Pulse, WatchOrder, WatchResult } from "../load/messages.ts";
import { nowUs, sleepUntil } from "../load/clock.ts";
import type { Subject } from "../peers/peer.ts";
import type { Plan } from "../stream/synthetic.ts";
import type { Histogram } from "../verify/histogram.ts";
import type { Faults, Window } from "../verify/tally.ts";
import type { Placement } from "./placement.ts";
import { observe, type Usage } from "./observe.ts";
import { recruit, type Member } from "./team.ts";
import { addUp } from "./sum.ts";

export interface Load {
  readonly plan: Plan;
  readonly channels: number;
  /** Watchers that are owed every frame. */
  readonly watchers: number;
  /** Others, by their habit. */
  readonly others: Partial<Readonly<Record<Habit, number>>>;
  readonly seconds: number;
  readonly warmup: number;
  /** Load processes that the steady watchers are spread over. */
  readonly processes: number;
  readonly sink: boolean;
  /** Milliseconds after which broadcasters come anew; 0 for never. */
  readonly restartMs: number;
}

export interface Round extends Usage {
  readonly watchers: number;
  readonly seconds: number;
  /** Gigabits that steady watchers and others received within the window. */
  readonly gbit: number;
  /** Frames owed to steady watchers, and frames that they got. */
  readonly expected: number;
  readonly delivered: number;
  /** Of steady watchers. What was lost is counted by what was owed. */
  readonly faults: Faults;
  /** Of all others. */
  readonly othersFaults: Faults;
  readonly latency: Histogram;
  readonly slices: readonly Histogram[];
  readonly firstByteMs: readonly number[];
  readonly firstKeyMs: readonly number[];
  /** How late broadcasters were. */
  readonly lateness: Histogram;
  /** Connections that could not be made, and steady ones that the server closed. */
  readonly failed: number;
  readonly closed: number;
  readonly broadcastersClosed: number;
  /** CPU seconds of all load processes together, and of the busiest one. */
  readonly loadCpu: number;
  readonly busiestLoadCpu: number;
}

export interface Watching {
  /** What is being done now, and what has come so far. */
  progress(phase: "connecting" | "warming up" | "measuring", pulses: readonly Pulse[]): void;
}

/** Microseconds between setting the window and its beginning, at least: for the message's way. */
const NOTICE_US = 50_000;

/** Puts `subject` under `load`. Whatever happens, its load processes are gone in the end. */
export async function runRound(
  subject: Subject,
  load: Load,
  placement: Placement,
  watching: Watching,
): Promise<Round> {
  const members: Member[] = [];
  const pulses: Pulse[] = [];
  let phase: Parameters<Watching["progress"]>[0] = "connecting";
  const join = (index: number): Member => {
    const member = recruit(placement.load, (pulse) => {
      pulses[index] = pulse;
      watching.progress(phase, pulses);
    });
    members.push(member);
    return member;
  };
  const { target } = subject;
  const { plan, channels, restartMs } = load;
  try {
    const caster = join(0);
    caster.tell({ kind: "cast", target, plan, channels, restartMs });
    await caster.hear("ready");
    const watchers = watchersOf(load).map((own, i) => {
      const member = join(i + 1);
      const sink = load.sink && own.habit === "steady";
      member.tell({ kind: "watch", target, plan, channels, ...own, sink });
      return member;
    });
    const ready = await Promise.all(watchers.map((member) => member.hear("ready")));
    phase = "warming up";
    const from = nowUs() + Math.max(load.warmup * 1e6, NOTICE_US);
    const window: Window = { from, to: from + load.seconds * 1e6 };
    members.forEach((member) => member.tell({ kind: "window", window }));
    await sleepUntil(from);
    phase = "measuring";
    const usage = await observe(subject.parts, window);
    const cast: CastResult = await caster.hear("cast-result");
    const seen: WatchResult[] = await Promise.all(watchers.map((one) => one.hear("watch-result")));
    const failed = ready.reduce((sum, { failed: some }) => sum + some, 0);
    return { ...addUp(load, cast, seen), failed, ...usage };
  } finally {
    await Promise.all(members.map((member) => member.stop()));
  }
}

/** One entry a load process. */
function watchersOf(load: Load): readonly Pick<WatchOrder, "habit" | "first" | "watchers">[] {
  let first = 0;
  const steady = Array.from({ length: load.processes }, (_, i) => {
    const watchers = Math.floor((load.watchers + i) / load.processes);
    first += watchers;
    return { habit: "steady" as const, first: first - watchers, watchers };
  });
  const habits: readonly Habit[] = ["slow", "frozen", "resetting", "visiting", "probing"];
  const others = habits.map((habit) => ({ habit, first: 0, watchers: load.others[habit] ?? 0 }));
  return [...steady, ...others].filter(({ watchers }) => watchers > 0);
}
