/**
 * Broadcasting: from a stream of ours to a server, exact to the byte, and no faster than the
 * network takes them.
 *
 *     pump ──chunk──► socket.write ──short──► pump stopped ──drain──► the rest, then pump started
 */
import type { Refusal } from "../core/errors.ts";
import { GOODBYE_MS } from "../core/limits.ts";
import { writeAddress, type Address } from "../protocol/address.ts";
import { NOTHING } from "../media/scanner.ts";
import { dial, type Ask, type Connection, type DialHandlers, type Trust } from "./dial.ts";
import type { Outcome } from "./outcome.ts";
import { moved, type Progress } from "./progress.ts";
import type { Resumer } from "./resume.ts";

/**
 * The bytes to broadcast, over as many connections as it takes. It holds at most one chunk, of
 * which a connection may have taken a part.
 */
export interface Pump {
  /** Asks for the next chunk, or the end. Harmless where one has been asked for. */
  readonly more: () => void;
  /** Another connection begins: it gets what can stand at a beginning. */
  readonly restart: () => void;
  chunk: Uint8Array;
  taken: number;
  ended: boolean;
  /** Called when there is a chunk or the end, where the present connection waits for one. */
  wake: () => void;
}

export interface BroadcastOptions {
  readonly address: Address;
  readonly ask: Ask;
  readonly pump: Pump;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What a server on TLS is known by. */
  readonly trust?: Trust;
}

/**
 * A pump that reads `input` only while a connection wants more. It takes a chunk at a time from an
 * iterator: with `pause` and `resume` instead, Bun's stdin sometimes loses the end of its input.
 */
export function newPump(input: AsyncIterable<Uint8Array>, resumer: Resumer = AS_IT_IS): Pump {
  const chunks = input[Symbol.asyncIterator]();
  let asked = false;
  const hold = (chunk: Uint8Array): void => {
    pump.chunk = chunk;
    pump.taken = 0;
  };
  const arrived = (chunk: Uint8Array | undefined): void => {
    asked = false;
    pump.ended = chunk === undefined;
    hold(chunk === undefined ? NOTHING : resumer.take(chunk));
    pump.wake();
  };
  const pump: Pump = {
    more() {
      if (!asked && !pump.ended) {
        asked = true;
        chunks.next().then(
          ({ done, value }) => arrived(done === true ? undefined : value),
          () => arrived(undefined),
        );
      }
    },
    restart: () => hold(resumer.restart(pump.chunk.length - pump.taken)),
    chunk: NOTHING,
    taken: 0,
    ended: false,
    wake: () => {},
  };
  return pump;
}

/** For an input that goes over one connection alone. */
const AS_IT_IS: Resumer = { take: (chunk) => chunk, restart: () => NOTHING };

/** Broadcasts over one connection, until it ends in one way or another. */
export async function broadcastOnce(options: BroadcastOptions): Promise<Outcome> {
  const { address, ask, pump, progress, signal, trust } = options;
  let connection: Connection | undefined;
  let why: Refusal | undefined;
  let welcome = false;
  let finished = false;
  let timer: Timer | undefined;
  const { promise: closed, resolve: close } = Promise.withResolvers<Outcome>();

  const send = (): void => {
    if (connection === undefined || finished || why !== undefined) {
      return;
    }
    if (push(pump, connection, progress) && pump.ended) {
      finish();
    }
  };
  // What the kernel has taken still arrives: the server closes when it has read to the end.
  const finish = (): void => {
    finished = true;
    connection?.finish();
    timer = setTimeout(() => connection?.abort(), GOODBYE_MS);
  };
  const interrupt = (): void => {
    if (connection === undefined) {
      close({ kind: "interrupted" });
    } else {
      finish();
    }
  };
  signal.addEventListener("abort", interrupt);
  pump.wake = send;

  const on: DialHandlers = {
    opened(opened) {
      connection = opened;
      progress.state = "live";
      if (signal.aborted) {
        interrupt();
      } else {
        send();
      }
    },
    welcomed() {
      welcome = true;
    },
    refused(refusal) {
      why = refusal;
    },
    bytes() {},
    drained: send,
    closed(clean) {
      const complete = finished && clean;
      close(signal.aborted ? { kind: "interrupted" } : ending(why, welcome, complete, address));
    },
  };
  const failure = await dial(address, ask, on, trust);
  const outcome: Outcome =
    failure === undefined ? await closed : { kind: "unreachable", message: failure };
  clearTimeout(timer);
  pump.wake = () => {};
  signal.removeEventListener("abort", interrupt);
  return outcome;
}

/** Sends what the pump holds. Returns whether all of it was taken; then more has been asked for. */
function push(pump: Pump, connection: Connection, progress: Progress): boolean {
  const left = pump.chunk.length - pump.taken;
  if (left > 0) {
    const taken = connection.write(pump.chunk, pump.taken, left);
    if (taken < 0) {
      return false;
    }
    moved(progress, taken);
    pump.taken += taken;
    if (taken < left) {
      return false;
    }
  }
  pump.more();
  return true;
}

function ending(
  why: Refusal | undefined,
  wasLive: boolean,
  complete: boolean,
  address: Address,
): Outcome {
  if (why !== undefined) {
    return { kind: "refused", why, wasLive };
  }
  if (complete) {
    return { kind: "ended" };
  }
  const closed = `${writeAddress(address)} closed the connection`;
  // A server that sends no replies refuses so.
  const message = wasLive ? closed : `${closed} without a word; are user and password right?`;
  return { kind: "lost", message };
}
