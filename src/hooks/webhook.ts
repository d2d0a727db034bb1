/**
 * Events posted to an HTTP address:
 *
 *     tell ──► queue, QUEUE_MAX at most ──► one request at a time for a channel ──► 2xx: done
 *                 │ full: the newest is dropped                    ▲                │ else
 *                 ▼                                                └── waits 1, 2, 4, 8 s ◄─┘
 *              counted                                                 then given up
 */
import { createHmac, randomUUID } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { HookEvent, Tell } from "./event.ts";

/** Events that wait: some seconds of a busy server; more would only be old news. */
const QUEUE_MAX = 1_000;

/** Requests under way: a receiver that hangs for one channel does not hold up all others. */
const AT_ONCE_MAX = 8;

/** How often one event is posted at most. */
const TRIES = 5;

/** Milliseconds before the second try; twice as long before each further one. */
const FIRST_WAIT_MS = 1_000;

export interface WebhookOptions {
  readonly clock: Clock;
  readonly url: string;
  /** Empty for no signature. */
  readonly secret: string;
  readonly timeout: number;
  readonly onProblem: (message: string) => void;
}

/** Totals, plain numbers for others to read. */
export interface WebhookCounters {
  delivered: number;
  /** What found the queue full. */
  dropped: number;
  /** Tries that failed. */
  failed: number;
  /** Events that no try has delivered. */
  givenUp: number;
}

export interface Webhook {
  readonly counters: WebhookCounters;
  readonly tell: Tell;
}

/** Throws, with one sentence, where `url` is no HTTP address. */
export function newWebhook(options: WebhookOptions): Webhook {
  const { clock, onProblem } = options;
  checkUrl(options.url);
  const counters: WebhookCounters = { delivered: 0, dropped: 0, failed: 0, givenUp: 0 };
  const queue: HookEvent[] = [];
  const busy = new Set<string>();

  /** Starts what may start: the first event of each channel that has none under way. */
  function pump(): void {
    while (busy.size < AT_ONCE_MAX) {
      const place = queue.findIndex((event) => !busy.has(keyOf(event)));
      const [event] = place < 0 ? [] : queue.splice(place, 1);
      if (event === undefined) {
        return;
      }
      const key = keyOf(event);
      busy.add(key);
      void deliver(event).then(() => {
        busy.delete(key);
        pump();
      });
    }
  }

  async function deliver(event: HookEvent): Promise<void> {
    const body = JSON.stringify(event);
    const id = randomUUID();
    for (let tried = 1; tried <= TRIES; tried++) {
      const problem = await post(options, event, body, id);
      if (problem === null) {
        counters.delivered++;
        return;
      }
      counters.failed++;
      onProblem(`${event.event} could not be delivered: ${problem}`);
      if (tried < TRIES) {
        await new Promise<void>((go) => clock.after(FIRST_WAIT_MS * 2 ** (tried - 1), go));
      }
    }
    counters.givenUp++;
  }

  return {
    counters,
    tell(event) {
      if (queue.length >= QUEUE_MAX) {
        counters.dropped++;
        onProblem(`${queue.length} events wait already: ${event.event} is not told`);
        return;
      }
      queue.push(event);
      pump();
    },
  };
}

function checkUrl(url: string): void {
  const parsed = URL.parse(url);
  if (parsed === null || !["http:", "https:"].includes(parsed.protocol)) {
    throw new Error("hook-url is no http:// or https:// address");
  }
}

/** Null, or what went wrong. The address is not said: it may hold a secret. */
async function post(
  { secret, timeout, url }: WebhookOptions,
  event: HookEvent,
  body: string,
  id: string,
): Promise<string | null> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        "x-fstream-event": event.event,
        "x-fstream-delivery": id,
        ...(secret === "" ? {} : { "x-fstream-signature": `sha256=${signature(secret, body)}` }),
      },
      redirect: "manual",
      signal: AbortSignal.timeout(timeout),
    });
    await answer.body?.cancel();
    return answer.ok ? null : `it answered ${answer.status}`;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const name = error instanceof Error ? error.name : "";
    return name === "TimeoutError" ? "it did not answer in time" : `no connection ${code}`.trim();
  }
}

/** HMAC-SHA256 (RFC 2104) of the body, in hex. */
function signature(secret: string, body: string): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}

function keyOf({ channel, user }: HookEvent): string {
  return `${user}/${channel}`;
}
