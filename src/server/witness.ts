/**
 * What the log says of connections: one line when something begins, one with the reason when it
 * ends.
 */
import type { Clock } from "../core/clock.ts";
import { formatBytes, formatDuration } from "../core/units.ts";
import type { Channel, Notice } from "../hub/model.ts";
import { formatTitle } from "../media/format.ts";
import type { Connection, Reason, Witness } from "./model.ts";
import type { Faults } from "./faults.ts";
import type { Log, LogFields } from "./log.ts";

/** Reasons that are nobody's fault. */
const ORDINARY = new Set(["left", "ended", "shutting-down"]);

/** Counts of connections by the reason that ended them, plain numbers for others to read. */
export type Closes = Map<Reason["code"], number>;

/** A witness that writes to `log` and counts in `closes`. */
export function newWitness(clock: Clock, log: Log, closes: Closes): Witness {
  return {
    started(connection) {
      const line = `${subject(connection)} ${verb(connection)} from ${connection.peer}${byHttp(connection)}`;
      log.event("info", `${connection.request?.verb ?? ""} started`, line, fieldsOf(connection));
    },
    closed(connection, reason) {
      closes.set(reason.code, (closes.get(reason.code) ?? 0) + 1);
      const level = ORDINARY.has(reason.code) ? "info" : "warn";
      log.event(level, `closed, ${reason.code}`, closingLine(clock, connection, reason), {
        ...fieldsOf(connection),
        code: reason.code,
        bytes: connection.bytes,
        duration_ms: Math.round(clock.now() - connection.openedAt),
      });
    },
  };
}

/** Says what becomes known of a channel's stream. */
export function newNotifier(log: Log, faults: Faults): (channel: Channel, notice: Notice) => void {
  return ({ user, name }, notice) => {
    const whose = { user, channel: name };
    if (notice.kind === "far-apart") {
      const line = `${user}/${name}: keyframes are further apart than the window holds: who joins waits for the next one; a larger --window helps`;
      log.event("warn", "keyframes far apart", line, whose);
    } else if (notice.kind === "fault") {
      faults.note(notice.error);
    } else {
      const { format } = notice;
      const what =
        format === "unknown" || format === undefined
          ? "of no format that is known: who joins gets the next byte"
          : formatTitle(format);
      log.event("info", "recognised", `${user}/${name} is ${what}`, whose);
    }
  };
}

/** Who it is, as programs read it. */
function fieldsOf({ peer, request }: Connection): LogFields {
  return request === null
    ? { address: peer }
    : { user: request.user, channel: request.channel, verb: request.verb, address: peer };
}

function closingLine(clock: Clock, connection: Connection, reason: Reason): string {
  const why = `${reason.code}: ${reason.message}`;
  const { request, peer, bytes } = connection;
  if (request === null) {
    return `closed ${peer}${byHttp(connection)}, ${why}`;
  }
  const time = formatDuration(clock.now() - connection.openedAt);
  const who = request.verb === "broadcast" ? "broadcaster" : "watcher";
  return `${subject(connection)}: ${who} ${peer}${byHttp(connection)} closed after ${time} and ${formatBytes(bytes)}, ${why}`;
}

function subject(connection: Connection): string {
  const { request } = connection;
  return request === null ? "" : `${request.user}/${request.channel}`;
}

function byHttp({ http }: Connection): string {
  return http === null ? "" : " over HTTP";
}

function verb(connection: Connection): string {
  return connection.request?.verb === "broadcast" ? "is live" : "is watched";
}
