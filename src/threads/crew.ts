/**
 * The worker threads: how they begin, and what becomes of one that crashes.
 *
 *     begin ──► listening ──► … ──error, end──► gone ──RESPAWN_MS──► begin
 */
import type { Clock } from "../core/clock.ts";
import type { Address } from "../protocol/address.ts";
import type { Log } from "../server/log.ts";
import type { Start, ToMain, ToWorker } from "./messages.ts";

/** Milliseconds before a thread is replaced: one that crashes at once must not spin. */
const RESPAWN_MS = 500;

export interface CrewOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What a thread runs. */
  readonly script: URL;
  /** How a thread begins, at this moment. */
  readonly start: (thread: number) => Start;
  readonly hear: (thread: number, message: ToMain) => void;
  /** A thread is no more. */
  readonly crashed: (thread: number) => void;
  /** Another one has taken its place, and knows nothing yet. */
  readonly replaced: (thread: number) => void;
}

export interface Crew {
  /** Those that are there. */
  threads(): number[];
  /** Begins a thread. Rejects, with one sentence, where it cannot. */
  begin(thread: number): Promise<readonly Address[]>;
  readonly send: (thread: number, message: ToWorker) => void;
  /** Sends to all but one. */
  readonly sendAll: (message: ToWorker, but?: number) => void;
  /** Ends all threads at once, and replaces none any more. */
  stop(): void;
  /** Nobody is replaced any more. */
  retire(): void;
}

export function newCrew(options: CrewOptions): Crew {
  const { clock, log } = options;
  const workers = new Map<number, Worker>();
  let retired = false;

  const gone = (thread: number, worker: Worker, why: string): void => {
    if (workers.get(thread) !== worker) {
      return;
    }
    workers.delete(thread);
    worker.terminate();
    options.crashed(thread);
    if (!retired) {
      log.error(`worker ${thread} crashed: ${why}; another takes its place`, "worker crashed");
      clock.after(RESPAWN_MS, () => void replace(thread));
    }
  };

  const begin = (thread: number): Promise<readonly Address[]> => {
    const worker = new Worker(options.script.href);
    workers.set(thread, worker);
    return new Promise((resolve, reject) => {
      const lost = (why: string): void => {
        reject(new Error(why));
        gone(thread, worker, why);
      };
      worker.addEventListener("message", ({ data }: MessageEvent<ToMain>) => {
        if (data.kind === "listening") {
          resolve(data.addresses);
        } else if (data.kind === "failed") {
          workers.delete(thread);
          worker.terminate();
          reject(new Error(data.message));
        } else {
          options.hear(thread, data);
        }
      });
      worker.addEventListener("error", (event) => lost(event.message));
      worker.addEventListener("close", () => lost("it ended"));
      worker.postMessage({ kind: "start", start: options.start(thread) } satisfies ToWorker);
    });
  };

  const replace = async (thread: number): Promise<void> => {
    try {
      await begin(thread);
      options.replaced(thread);
      log.info(`worker ${thread} is replaced`, "worker replaced");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.error(`worker ${thread} cannot be replaced: ${why}`, "worker crashed");
      clock.after(RESPAWN_MS, () => void replace(thread));
    }
  };

  return {
    threads: () => [...workers.keys()],
    begin,
    send: (thread, message) => workers.get(thread)?.postMessage(message),
    sendAll: (message, but) =>
      workers.forEach((worker, thread) => {
        if (thread !== but) {
          worker.postMessage(message);
        }
      }),
    retire: () => void (retired = true),
    stop() {
      retired = true;
      workers.forEach((worker) => worker.terminate());
      workers.clear();
    },
  };
}
