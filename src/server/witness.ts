/**
 * What the log says of connections: one line when something begins, one with the reason when it
 * ends.
 */
import type { Clock } from "../core/clock.ts";
import { formatBytes, formatDuration } from "../core/units.ts";
import type { Connection, Reason, Witness } from "./connection.ts";
import type { Log } from "./log.ts";

/** Reasons that are nobody's fault. */
const ORDINARY = new Set(["left", "ended", "shutting-down"]);

/** Counts of connections by the reason that ended them, plain numbers for others to read. */
export type Closes = Map<Reason["code"], number>;

/** A witness that writes to `log` and counts in `closes`. */
export function newWitness(clock: Clock, log: Log, closes: Closes): Witness {
  return {
    started(connection) {
      const line = `${subject(connection)} ${verb(connection)} from ${connection.peer}`;
      log.event("info", `${connection.request?.verb ?? ""} started`, line);
    },
    closed(connection, reason) {
      closes.set(reason.code, (closes.get(reason.code) ?? 0) + 1);
      const level = ORDINARY.has(reason.code) ? "info" : "warn";
      log.event(level, `closed, ${reason.code}`, closingLine(clock, connection, reason));
    },
  };
}

function closingLine(clock: Clock, connection: Connection, reason: Reason): string {
  const why = `${reason.code}: ${reason.message}`;
  const { request, peer, bytes } = connection;
  if (request === null) {
    return `closed ${peer}, ${why}`;
  }
  const time = formatDuration(clock.now() - connection.openedAt);
  const who = request.verb === "broadcast" ? "broadcaster" : "watcher";
  return `${subject(connection)}: ${who} ${peer} closed after ${time} and ${formatBytes(bytes)}, ${why}`;
}

function subject(connection: Connection): string {
  const { request } = connection;
  return request === null ? "" : `${request.user}/${request.channel}`;
}

function verb(connection: Connection): string {
  return connection.request?.verb === "broadcast" ? "is live" : "is watched";
}
