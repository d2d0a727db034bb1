/**
 * Server-sent events (WHATWG HTML, section 9.2): the state of the server every second, and which
 * channels began or ended. One ticker serves all who listen, and runs only while somebody does.
 *
 *     event: status            event: channels
 *     data: {"version":…}      data: ["bob/camera"]
 */
import type { Clock } from "../core/clock.ts";
import { isLive } from "./cluster.ts";
import { serverStatus, type Subject } from "./snapshot.ts";

/** Pages and programs that listen at once: far more than people look at one server. */
const LISTENERS_MAX = 64;

/** Milliseconds between two looks. */
const TICK_MS = 1_000;

/** Events that a listener may leave unread before it is taken for gone. */
const UNREAD_MAX = 30;

type Listener = ReadableStreamDefaultController<Uint8Array>;

export interface Events {
  /** A stream of events; undefined where too many listen. */
  listen(): ReadableStream<Uint8Array> | undefined;
  /** Ends every stream. */
  stop(): void;
}

export function newEvents(clock: Clock, subject: Subject): Events {
  const listeners = new Set<Listener>();
  const encoder = new TextEncoder();
  let live = new Set<string>();
  let cancel: (() => void) | null = null;
  let stopped = false;

  const drop = (listener: Listener): void => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      cancel?.();
      cancel = null;
    }
  };
  const end = (listener: Listener): void => {
    drop(listener);
    listener.close();
  };
  const tell = (event: string, data: unknown, whom: Iterable<Listener>): void => {
    const bytes = encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    for (const listener of whom) {
      if ((listener.desiredSize ?? 0) <= 0) {
        end(listener);
      } else {
        listener.enqueue(bytes);
      }
    }
  };
  const tick = (): void => {
    cancel = clock.after(TICK_MS, tick);
    // What the sampler of the rates has brought up to date will do here.
    const now = liveKeys(subject);
    const changed = [...live.symmetricDifference(now)];
    live = now;
    if (changed.length > 0) {
      tell("channels", changed, listeners);
    }
    tell("status", serverStatus(subject), listeners);
  };

  const join = (listener: Listener): void => {
    listeners.add(listener);
    listener.enqueue(encoder.encode(": fstream\n\n"));
    tell("status", serverStatus(subject), [listener]);
    if (cancel === null) {
      live = liveKeys(subject);
      cancel = clock.after(TICK_MS, tick);
    }
  };

  return {
    listen() {
      if (stopped || listeners.size >= LISTENERS_MAX) {
        return undefined;
      }
      return streamTo(join, drop);
    },
    stop() {
      stopped = true;
      [...listeners].forEach(end);
    },
  };
}

/** A stream that `join` is given the writing end of, and `drop` when its reader has gone. */
function streamTo(
  join: (listener: Listener) => void,
  drop: (listener: Listener) => void,
): ReadableStream<Uint8Array> {
  let mine: Listener | undefined;
  return new ReadableStream(
    {
      start(listener) {
        mine = listener;
        join(listener);
      },
      cancel() {
        if (mine !== undefined) {
          drop(mine);
        }
      },
    },
    { highWaterMark: UNREAD_MAX },
  );
}

function liveKeys({ server }: Subject): Set<string> {
  const keys = new Set<string>();
  for (const channel of server.directory.list()) {
    if (isLive(server, channel)) {
      keys.add(`${channel.user}/${channel.name}`);
    }
  }
  return keys;
}
