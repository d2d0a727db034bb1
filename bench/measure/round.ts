/**
 * One round: a server under a load for some seconds, and all figures about it.
 *
 *     ├─ connect ─┼─ warm-up ─┼────────── window ──────────┼─ late frames ─┤
 *                             └ CPU, memory, bytes, frames ┘
 */
import type { CastResult, Habit, Pulse, WatchResult } from "../load/messages.ts";
import { nowUs, sleepUntil } from "../load/clock.ts";
import type { Subject } from "../peers/peer.ts";
import type { Plan } from "../stream/synthetic.ts";
import type { Histogram } from "../verify/histogram.ts";
import type { Faults, Window } from "../verify/tally.ts";
import type { Placement } from "./placement.ts";
import { cpuSeconds, descriptors, machineBusySeconds, residentMib } from "./proc.ts";
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

/** What the server was seen to use at one moment. */
export interface Sample {
  /** Seconds since the window began. */
  readonly at: number;
  readonly mib: number;
  /** Of one core, since the last sample. */
  readonly cpu: number;
}

export interface Round {
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
  readonly serverCpu: number | undefined;
  readonly serverMib: number | undefined;
  readonly serverDescriptors: number | undefined;
  readonly samples: readonly Sample[];
  /** CPU seconds of all load processes together, and of the busiest one. */
  readonly loadCpu: number;
  readonly busiestLoadCpu: number;
  readonly machineCpu: number | undefined;
}

export interface Watching {
  /** What is being done now, and what has come so far. */
  progress(phase: "connecting" | "warming up" | "measuring", pulses: readonly Pulse[]): void;
}

/** Milliseconds between two looks at the server: fifty of the ticks in which its CPU is counted. */
const SAMPLE_MS = 500;

/** Bounds of the samples that are kept, for a soak may take days. */
const SAMPLES_MAX = 2_000;

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
    const watchers = watchersOf(load).map(({ habit, count }, i) => {
      const member = join(i + 1);
      const sink = load.sink && habit === "steady";
      member.tell({ kind: "watch", target, plan, channels, watchers: count, habit, sink });
      return member;
    });
    const ready = await Promise.all(watchers.map((member) => member.hear("ready")));
    phase = "warming up";
    const from = nowUs() + Math.max(load.warmup * 1e6, NOTICE_US);
    const window: Window = { from, to: from + load.seconds * 1e6 };
    members.forEach((member) => member.tell({ kind: "window", window }));
    await sleepUntil(from);
    phase = "measuring";
    const usage = await observe(subject.pid, window);
    const cast: CastResult = await caster.hear("cast-result");
    const seen: WatchResult[] = await Promise.all(watchers.map((one) => one.hear("watch-result")));
    const failed = ready.reduce((sum, { failed: some }) => sum + some, 0);
    return { ...addUp(load, cast, seen), failed, ...usage };
  } finally {
    await Promise.all(members.map((member) => member.stop()));
  }
}

/** One entry a load process. */
function watchersOf(load: Load): readonly { habit: Habit; count: number }[] {
  const steady = Array.from({ length: load.processes }, (_, i) => ({
    habit: "steady" as const,
    count: Math.floor((load.watchers + i) / load.processes),
  }));
  const habits: readonly Habit[] = ["slow", "frozen", "resetting", "visiting", "probing"];
  const others = habits.map((habit) => ({ habit, count: load.others[habit] ?? 0 }));
  return [...steady, ...others].filter(({ count }) => count > 0);
}

type Usage = Pick<
  Round,
  "serverCpu" | "serverMib" | "serverDescriptors" | "samples" | "machineCpu"
>;

/** Looks at the server and the machine from the window's beginning to its end. */
async function observe(pid: number | undefined, { from, to }: Window): Promise<Usage> {
  const look = (): { cpu: number; mib: number } | undefined => {
    const [cpu, mib] = pid === undefined ? [] : [cpuSeconds(pid), residentMib(pid)];
    return cpu === undefined || mib === undefined ? undefined : { cpu, mib };
  };
  const step = Math.max(SAMPLE_MS * 1_000, (to - from) / SAMPLES_MAX);
  const samples: Sample[] = [];
  const machine = machineBusySeconds();
  const first = look();
  let last = { at: nowUs(), cpu: first?.cpu ?? 0 };
  const began = last.at;
  const looks = Math.max(Math.round((to - from) / step), 1);
  for (let i = 1; i <= looks; i++) {
    await sleepUntil(from + ((to - from) * i) / looks);
    const [at, now] = [nowUs(), look()];
    if (now !== undefined) {
      const cpu = ((now.cpu - last.cpu) * 1e6) / (at - last.at);
      samples.push({ at: (at - began) / 1e6, mib: now.mib, cpu });
      last = { at, cpu: now.cpu };
    }
  }
  const busy = machineBusySeconds();
  return {
    serverCpu: samples.length === 0 || first === undefined ? undefined : last.cpu - first.cpu,
    serverMib: samples.length === 0 ? undefined : Math.max(...samples.map(({ mib }) => mib)),
    serverDescriptors: pid === undefined ? undefined : descriptors(pid),
    samples,
    machineCpu: busy === undefined || machine === undefined ? undefined : busy - machine,
  };
}
