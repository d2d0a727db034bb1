/**
 * What the server tells by itself: figures each second, and channels that begin and end. A
 * connection that is lost comes back by itself, also to a server that has been started again.
 */
import type { ServerStatus } from "../../protocol/status.ts";
import { getStatus, token } from "./api.ts";

/** Milliseconds until the next attempt: soon enough for a person, rare enough for a server. */
const RETRY_MS = 2_000;

export type Connection = "connecting" | "live" | "gone";

export interface EventHandlers {
  readonly status: (status: ServerStatus) => void;
  /** Channels began or ended. */
  readonly changed: () => void;
  readonly connection: (state: Connection) => void;
}

export function listen(handlers: EventHandlers): void {
  handlers.connection("connecting");
  void connect(handlers);
}

/** Asks for the status first: unlike an event source it can say that a token is missing. */
async function connect(handlers: EventHandlers): Promise<void> {
  const answer = await getStatus();
  if (!answer.ok) {
    again(handlers);
    return;
  }
  handlers.status(answer.value);
  const used = token();
  const source = new EventSource(
    used === "" ? "/api/events" : `/api/events?token=${encodeURIComponent(used)}`,
  );
  source.addEventListener("open", () => handlers.connection("live"));
  source.addEventListener("status", (event) => handlers.status(JSON.parse(event.data)));
  source.addEventListener("channels", handlers.changed);
  source.addEventListener("error", () => {
    source.close();
    again(handlers);
  });
}

function again(handlers: EventHandlers): void {
  handlers.connection("gone");
  setTimeout(() => void connect(handlers), RETRY_MS);
}
