/**
 * The worker threads: how they begin, and what becomes of one that crashes.
 *
 *     begin ──► listening ──► … ──error, end──► gone ──RESPAWN_MS──► begin
 */
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Address } from "../protocol/address.ts";
import type { Log } from "../server/log.ts";
import type { FromWorker, Start, ToMain, ToWorker } from "./messages.ts";

/** Milliseconds before a thread is replaced: one that crashes at once must not spin. */
const RESPAWN_MS = 500;

export interface CrewOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What a thread runs. */
  readonly script: URL;
  /** How a thread begins, at this moment. */
  readonly start: (thread: number, begun: number) => Start;
  readonly hear: (thread: number, message: FromWorker) => void;
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
  /** How often a thread with a number has begun. */
  const begun = new Map<number, number>();
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
    const before = begun.get(thread) ?? 0;
    begun.set(thread, before + 1);
    const { promise, reject, resolve } = Promise.withResolvers<readonly Address[]>();
    const worker = listenTo(options.script, {
      listening: resolve,
      failed(message) {
        workers.delete(thread);
        worker.terminate();
        reject(new Error(message));
      },
      hear: (message) => options.hear(thread, message),
      lost(why) {
        reject(new Error(why));
        gone(thread, worker, why);
      },
    });
    workers.set(thread, worker);
    const start = options.start(thread, before);
    worker.postMessage({ kind: "start", start } satisfies ToWorker);
    return promise;
  };

  const replace = async (thread: number): Promise<void> => {
    try {
      await begin(thread);
      options.replaced(thread);
      log.info(`worker ${thread} is replaced`, "worker replaced");
    } catch (error) {
      const why = messageOf(error);
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

interface Ears {
  listening(addresses: readonly Address[]): void;
  failed(message: string): void;
  hear(message: FromWorker): void;
  lost(why: string): void;
}

function listenTo(script: URL, ears: Ears): Worker {
  const worker = new Worker(script.href);
  worker.addEventListener("message", ({ data }: MessageEvent<ToMain>) => {
    if (data.kind === "listening") {
      ears.listening(data.addresses);
    } else if (data.kind === "failed") {
      ears.failed(data.message);
    } else {
      ears.hear(data);
    }
  });
  worker.addEventListener("error", (event) => ears.lost(event.message));
  worker.addEventListener("close", () => ears.lost("it ended"));
  return worker;
}
