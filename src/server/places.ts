/**
 * The places that connections take. Invariant: a connection has a `place` exactly while the census
 * counts it there.
 */
import { sourceOf } from "../auth/source.ts";
import type { Census } from "./census.ts";
import type { Connection } from "./model.ts";

export interface Places {
  /** How many connections come from where `address` is; of a unix socket there is no count. */
  countOf(address: string): number;
  take(connection: Connection): void;
  /** Harmless where it has none. */
  leave(connection: Connection): void;
}

export function newPlaces(census: Census): Places {
  return {
    countOf: (address) => census.countOf(sourceOf(address)),
    take(connection) {
      const place = sourceOf(connection.address);
      if (place !== "") {
        connection.place = place;
        census.take(place);
      }
    },
    leave(connection) {
      if (connection.place !== "") {
        census.leave(connection.place);
      }
      connection.place = "";
    },
  };
}
