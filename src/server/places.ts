/**
 * How many connections each address has. Invariant: an address stands in `counts` exactly while a
 * connection has it as its `place`.
 */
import { sourceOf } from "../auth/source.ts";
import type { Connection } from "./model.ts";

export interface Places {
  /** How many connections come from where `address` is; of a unix socket there is no count. */
  countOf(address: string): number;
  take(connection: Connection): void;
  /** Harmless where it has none. */
  leave(connection: Connection): void;
}

export function newPlaces(): Places {
  const counts = new Map<string, number>();
  return {
    countOf: (address) => counts.get(sourceOf(address)) ?? 0,
    take(connection) {
      const place = sourceOf(connection.address);
      if (place !== "") {
        connection.place = place;
        counts.set(place, (counts.get(place) ?? 0) + 1);
      }
    },
    leave(connection) {
      const count = counts.get(connection.place) ?? 0;
      if (count > 1) {
        counts.set(connection.place, count - 1);
      } else {
        counts.delete(connection.place);
      }
      connection.place = "";
    },
  };
}
