/**
 * Who is let in at the door, and who may do what behind it.
 *
 *     accepted ──► a place? ──► of a proxy? ──no──► a place for its address? ──► request ──► allowed?
 *                    │              └─yes─► its header ──────┘│                     │           │
 *                    ▼                                        ▼                     ▼           ▼
 *                  limit                                    limit         too many: limit   forbidden
 *
 * A peer that is refused before its request was read gets no reply, for nobody knows whether it
 * wants one. Peers on a unix socket have no address: of them only the number counts.
 *
 * Every setting is read when it is needed, so that it counts from then on if it is changed.
 */
import { newAllowance, spend } from "../core/allowance.ts";
import type { Clock } from "../core/clock.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import { isWithin, parseIp, type Network } from "../core/networks.ts";
import type { Request } from "../protocol/request.ts";
import type { Census } from "./census.ts";
import type { Connection } from "./model.ts";
import type { Log } from "./log.ts";
import { newPlaces } from "./places.ts";
import { newSilent } from "./silent.ts";
import type { Settings } from "./settings.ts";

/** How often each of these turned somebody away, plain numbers for others to read. */
export interface AdmissionCounters {
  connections: number;
  connectionsPerAddress: number;
  handshakes: number;
  bitrate: number;
  networks: number;
}

export interface Admission {
  readonly refused: AdmissionCounters;
  /** Whether there is no place for a peer at `address` beside `others` connections. Says so. */
  isFull(address: string, others: number): boolean;
  /** Whether what comes from `address` begins with a PROXY header. */
  isProxy(address: string): boolean;
  opened(connection: Connection): void;
  closed(connection: Connection): void;
  /** The header of a proxy is complete: says why the peer that it names is turned away, or null. */
  named(connection: Connection): Refusal | null;
  /** The request is complete, or never will be. */
  heard(connection: Connection): void;
  /** Why a peer at `address` may not do what it asks for; null where it may. */
  judge(verb: Request["verb"], address: string): Refusal | null;
  /** Why a broadcaster that has sent `bytes` more may not go on; null where it may. */
  meter(connection: Connection, bytes: number): Refusal | null;
}

/** What an admission needs of the world. */
export interface AdmissionOptions {
  readonly census: Census;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Settings;
  /** How many connections there may be in all, at the moment. */
  readonly most: () => number;
  /** Sends a connection away at once. */
  readonly cut: (connection: Connection, why: Refusal) => void;
}

const UNHEARD = refusal("limit", "too many others had not said what they want either");
const CROWDED = refusal("limit", "this address has all the connections that it may have");
const TOO_FAST = refusal("limit", "the broadcaster sent more bytes a second than it may");

const FORBIDDEN: Readonly<Record<Request["verb"], Refusal>> = {
  broadcast: refusal("forbidden", "nobody may broadcast from this address"),
  watch: refusal("forbidden", "nobody may watch from this address"),
};

export function newAdmission(options: AdmissionOptions): Admission {
  const { census, clock, cut, log, most, settings } = options;
  const refused = newCounters();
  const places = newPlaces(census);
  const silent = newSilent(census, most);

  const isCrowded = (address: string): boolean => {
    const limit = settings["max-connections-per-address"];
    return limit > 0 && places.countOf(address) >= limit;
  };

  const isProxy = (address: string): boolean => isListed(settings["proxy-from"], address);

  return {
    refused,
    isProxy,
    isFull(address, others) {
      if (others >= most()) {
        refused.connections++;
        log.event("warn", "refused, limit", `refused a connection: all ${most()} are taken`, {
          code: "limit",
        });
        return true;
      }
      if (isCrowded(address) && !isProxy(address)) {
        refused.connectionsPerAddress++;
        const line = `refused a connection from ${address}: it has all that it may have`;
        log.event("warn", "refused, limit", line, { code: "limit" });
        return true;
      }
      return false;
    },
    opened(connection) {
      if (connection.proxy === null) {
        places.take(connection);
      }
      const longest = silent.opened(connection);
      if (longest !== undefined) {
        refused.handshakes++;
        cut(longest, UNHEARD);
      }
    },
    closed(connection) {
      silent.heard(connection);
      places.leave(connection);
    },
    named(connection) {
      if (isCrowded(connection.address)) {
        refused.connectionsPerAddress++;
        return CROWDED;
      }
      places.take(connection);
      return null;
    },
    heard: silent.heard,
    judge(verb, address) {
      const [allow, deny] = [settings[`allow-${verb}`], settings[`deny-${verb}`]];
      const isAllowed = allow.length === 0 || isListed(allow, address);
      if (address === "" || (isAllowed && !isListed(deny, address))) {
        return null;
      }
      refused.networks++;
      return FORBIDDEN[verb];
    },
    meter(connection, bytes) {
      const isWithinRate = spendFrom(connection, settings["max-bitrate"], bytes, clock);
      refused.bitrate += isWithinRate ? 0 : 1;
      return isWithinRate ? null : TOO_FAST;
    },
  };
}

/** Takes `bytes` off what a broadcaster may send, and says whether it may. A rate of 0 is any. */
function spendFrom(connection: Connection, rate: number, bytes: number, clock: Clock): boolean {
  if (rate === 0) {
    return true;
  }
  const now = clock.now();
  connection.allowance ??= newAllowance(rate, now);
  return spend(connection.allowance, rate, bytes, now);
}

function newCounters(): AdmissionCounters {
  return { connections: 0, connectionsPerAddress: 0, handshakes: 0, bitrate: 0, networks: 0 };
}

/** A link-local address carries the name of its interface, which no list has. */
function isListed(networks: readonly Network[], address: string): boolean {
  const [plain = ""] = address.split("%");
  const ip = networks.length === 0 ? null : parseIp(plain);
  return ip !== null && isWithin(networks, ip);
}
