/**
 * Makes events for the hooks of what becomes of connections: when one begins and ends, and once a
 * second of those who skipped since.
 */
import type { Clock } from "../core/clock.ts";
import type { HookEvent, Tell } from "../hooks/event.ts";
import type { Connection, Witness } from "./model.ts";

/** At most one event a watcher says that it skips, in this many milliseconds. */
const SKIPS_MS = 1_000;

/** `witness`, and `tell` beside it, where there is somebody to tell. */
export function withHooks(clock: Clock, witness: Witness, tell: Tell | undefined): Witness {
  return tell === undefined ? witness : hookWitness(clock, witness, tell);
}

function hookWitness(clock: Clock, witness: Witness, tell: Tell): Witness {
  /** Who watches, with the skips that were told. */
  const watching = new Map<Connection, number>();
  let waits = false;

  function look(): void {
    if (waits || watching.size === 0) {
      return;
    }
    waits = true;
    clock.after(SKIPS_MS, () => {
      waits = false;
      watching.forEach((_, connection) => tellSkips(connection));
      look();
    });
  }

  function tellSkips(connection: Connection): void {
    const skips = connection.seat?.watcher.skips ?? 0;
    if (skips > (watching.get(connection) ?? 0)) {
      watching.set(connection, skips);
      say("on-skip", connection, { skips });
    }
  }

  function say(event: HookEvent["event"], { peer, request }: Connection, more: object = {}): void {
    if (request !== null) {
      const { channel, user } = request;
      tell({ event, time: new Date().toISOString(), user, channel, address: peer, ...more });
    }
  }

  return {
    started(connection) {
      witness.started(connection);
      if (connection.request?.verb === "broadcast") {
        say("on-live", connection);
      } else {
        watching.set(connection, 0);
        say("on-watch", connection);
        look();
      }
    },
    closed(connection, reason) {
      witness.closed(connection, reason);
      const { bytes, feed, openedAt } = connection;
      const end = { bytes, duration_ms: Math.round(clock.now() - openedAt), reason: reason.code };
      if (watching.delete(connection)) {
        say("on-leave", connection, end);
      } else if (feed !== null) {
        const format = feed.format();
        say("on-end", connection, format === undefined ? end : { ...end, format });
      }
    },
  };
}
