/**
 * The load processes of one round: started, told what to do, and heard. What any of them reports goes
 * to whoever waits for it; when one fails, the round fails.
 */
import { join } from "node:path";
import type { Order, Report } from "../load/messages.ts";
import { adopt, kill } from "./spawn.ts";

const PROGRAM = join(import.meta.dir, "../load/child.ts");

/** Milliseconds that a load process may take to get ready, or to report when its time is over. */
const ANSWER_MS = 120_000;

export interface Member {
  readonly pid: number;
  tell(order: Order): void;
  /** Resolves with the next report of that kind; rejects when there can be none. */
  hear<K extends Report["kind"]>(kind: K): Promise<Extract<Report, { kind: K }>>;
  stop(): Promise<void>;
}

/** Starts a load process. `onPulse` sees its signs of life. */
export function recruit(
  prefix: readonly string[],
  onPulse: (pulse: Extract<Report, { kind: "pulse" }>) => void = () => {},
): Member {
  const waiting = new Map<string, (report: Report) => void>();
  const early = new Map<string, Report>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});

  const child = Bun.spawn([...prefix, process.execPath, PROGRAM], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc(report: Report) {
      if (report.kind === "pulse") {
        onPulse(report);
      } else if (report.kind === "trouble") {
        failed.reject(new Error(report.message));
      } else {
        const hear = waiting.get(report.kind);
        waiting.delete(report.kind);
        if (hear === undefined) {
          early.set(report.kind, report);
        } else {
          hear(report);
        }
      }
    },
  });
  adopt(child);
  void child.exited.then((code) => {
    failed.reject(new Error(`a load process ended with ${code}`));
  });

  const next = async (kind: string): Promise<Report> => {
    const here = early.get(kind);
    if (here !== undefined) {
      early.delete(kind);
      return here;
    }
    return new Promise((resolve) => waiting.set(kind, resolve));
  };
  return {
    pid: child.pid,
    tell: (order) => child.send(order),
    async hear(kind) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        late.reject(new Error("a load process does not answer; is this machine overloaded?"));
      }, ANSWER_MS);
      try {
        const report = await Promise.race([next(kind), failed.promise, late.promise]);
        if (isKind(report, kind)) {
          return report;
        }
        throw new Error(`a load process answered ${report.kind} for ${kind}`);
      } finally {
        clearTimeout(timer);
      }
    },
    stop: () => kill(child),
  };
}

function isKind<K extends Report["kind"]>(
  report: Report,
  kind: K,
): report is Extract<Report, { kind: K }> {
  return report.kind === kind;
}
