/**
 * Watching: from a server to a stream of ours, exact to the byte, and no faster than that stream
 * takes them.
 *
 *     socket ──data──► output.write ──false──► socket paused ──output drains──► socket resumed
 */
import type { Writable } from "node:stream";
import type { Refusal } from "../core/errors.ts";
import { PROBE_BYTES, recognise } from "../media/recognise.ts";
import { writeAddress, type Address } from "../protocol/address.ts";
import { dial, type Ask, type Connection, type DialHandlers, type Trust } from "./dial.ts";
import type { Outcome } from "./outcome.ts";
import { moved, type Progress } from "./progress.ts";

export interface WatchOptions {
  readonly address: Address;
  readonly ask: Ask;
  readonly output: Writable;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Milliseconds that the stream may take to begin; without, it is waited for. */
  readonly patience?: number;
  /** What a server on TLS is known by. */
  readonly trust?: Trust;
}

/**
 * Watches over one connection, until it ends in one way or another. What was received has been
 * written by then.
 */
export async function watchOnce(options: WatchOptions): Promise<Outcome> {
  const { address, ask, output, patience = Infinity, progress, signal, trust } = options;
  let connection: Connection | undefined;
  let why: Refusal | undefined;
  let heard = false;
  let timer: Timer | undefined;
  const findFormat = formatFinder(progress);
  const { promise: closed, resolve: close } = Promise.withResolvers<Outcome>();

  // Over TLS the end comes also while the output is full. Bun's stdout then says that it holds nothing
  // and has written all of it, so this remembers what the output has answered.
  let room = Promise.withResolvers<void>();
  room.resolve();
  const resume = (): void => {
    room.resolve();
    connection?.resume();
  };
  // What ends it is settled before the connection is: its close would count as a loss.
  const abandon = (outcome: Outcome): void => {
    close(outcome);
    room.resolve();
    connection?.abort();
  };
  const interrupt = (): void => abandon({ kind: "interrupted" });
  const broken = (): void => abandon({ kind: "broken-pipe" });
  const begin = (): void => {
    heard = true;
    clearTimeout(timer);
  };
  output.on("drain", resume);
  output.on("error", broken);
  signal.addEventListener("abort", interrupt);

  const on: DialHandlers = {
    opened(opened) {
      connection = opened;
      progress.state = "waiting";
      timer =
        patience < Infinity ? setTimeout(() => abandon({ kind: "over" }), patience) : undefined;
      if (signal.aborted) {
        interrupt();
      }
    },
    welcomed() {
      begin();
      progress.state = "live";
    },
    refused(refusal) {
      why = refusal;
    },
    bytes(chunk) {
      begin();
      moved(progress, chunk.length);
      findFormat(chunk);
      if (!output.write(chunk)) {
        room = Promise.withResolvers();
        connection?.pause();
      }
    },
    drained() {},
    closed: (clean) => close(ending(why, clean, heard, address)),
  };
  const failure = await dial(address, ask, on, trust);
  const outcome: Outcome =
    failure === undefined ? await closed : { kind: "unreachable", message: failure };
  if (outcome.kind !== "broken-pipe" && outcome.kind !== "interrupted") {
    await room.promise;
    await new Promise<void>((resolve) => output.write("", () => resolve()));
  }
  clearTimeout(timer);
  output.off("drain", resume);
  output.off("error", broken);
  signal.removeEventListener("abort", interrupt);
  return outcome;
}

function ending(
  why: Refusal | undefined,
  clean: boolean,
  heard: boolean,
  address: Address,
): Outcome {
  const where = writeAddress(address);
  if (why !== undefined) {
    return { kind: "refused", why, wasLive: false };
  }
  if (!clean) {
    return { kind: "lost", message: `the connection to ${where} was lost` };
  }
  // A server that sends no replies refuses so; ours says something before it ends a stream.
  const silent = `${where} closed the connection before the stream began`;
  return heard
    ? { kind: "ended" }
    : { kind: "lost", message: `${silent}; are user, channel and password right?` };
}

/** Looks at the first bytes of a stream until they say what it is, or cannot any more. */
function formatFinder(progress: Progress): (chunk: Uint8Array) => void {
  let head = new Uint8Array(0);
  let looking = progress.format === undefined;
  return (chunk) => {
    if (!looking) {
      return;
    }
    const longer = new Uint8Array(Math.min(head.length + chunk.length, PROBE_BYTES));
    longer.set(head);
    longer.set(chunk.subarray(0, longer.length - head.length), head.length);
    head = longer;
    progress.format = recognise(head);
    looking = progress.format === undefined && head.length < PROBE_BYTES;
  };
}
