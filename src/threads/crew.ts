/**
 * The worker threads: how they begin, and what becomes of one that crashes.
 *
 *     begin ──► listening ──► … ──error──► gone ──RESPAWN_MS──► begin
 */
import type { Clock } from "../core/clock.ts";
import type { Address } from "../protocol/address.ts";
import type { Log } from "../server/log.ts";
import type { Settings } from "../server/settings.ts";
import type { Start, ToMain, ToWorker } from "./messages.ts";

/** Milliseconds before a thread is replaced: one that crashes at once must not spin. */
const RESPAWN_MS = 500;

export interface CrewOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How a thread begins; its settings are those of the moment. */
  readonly start: (thread: number) => Omit<Start, "kind">;
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
  begin(thread: number, settings?: Partial<Settings>): Promise<readonly Address[]>;
  send(thread: number, message: ToWorker): void;
  /** Sends to all but one. */
  sendAll(message: ToWorker, but?: number): void;
  /** Nobody is replaced any more. */
  retire(): void;
  stop(): void;
}

export function newCrew(options: CrewOptions): Crew {
  const { clock, log } = options;
  const workers = new Map<number, Worker>();
  let retired = false;

  const begin = (thread: number, settings: Partial<Settings> = {}): Promise<readonly Address[]> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url).href);
      workers.set(thread, worker);
      const gone = (why: string): void => {
        if (workers.get(thread) !== worker) {
          return;
        }
        workers.delete(thread);
        worker.terminate();
        reject(new Error(why));
        options.crashed(thread);
        if (!retired) {
          log.error(
            `worker ${thread} crashed: ${why}; another one takes its place`,
            "worker crashed",
          );
          clock.after(RESPAWN_MS, () => void again(thread));
        }
      };
      worker.onmessage = ({ data }: MessageEvent<ToMain>) => {
        switch (data.kind) {
          case "listening":
            resolve(data.addresses);
            break;
          case "failed":
            workers.delete(thread);
            worker.terminate();
            reject(new Error(data.message));
            break;
          default:
            options.hear(thread, data);
        }
      };
      worker.onerror = (event) => gone(event.message);
      worker.addEventListener("close", () => gone("it ended"));
      const start = options.start(thread);
      const all = { ...start.settings, ...settings };
      worker.postMessage({ kind: "start", ...start, settings: all } satisfies Start);
    });

  const again = async (thread: number): Promise<void> => {
    try {
      await begin(thread);
      options.replaced(thread);
      log.info(`worker ${thread} is replaced`, "worker replaced");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.error(`worker ${thread} cannot be replaced: ${why}`, "worker crashed");
      clock.after(10 * RESPAWN_MS, () => void again(thread));
    }
  };

  return {
    threads: () => [...workers.keys()],
    begin,
    send: (thread, message) => workers.get(thread)?.postMessage(message),
    sendAll(message, but) {
      for (const [thread, worker] of workers) {
        if (thread !== but) {
          worker.postMessage(message);
        }
      }
    },
    retire() {
      retired = true;
    },
    stop() {
      retired = true;
      workers.forEach((worker) => worker.terminate());
      workers.clear();
    },
  };
}
