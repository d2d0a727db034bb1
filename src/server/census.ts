/**
 * How many connections there are, in all and from each place: of one thread, or of all.
 */

export interface Census {
  /** A connection is open. */
  opened(): void;
  closed(): void;
  /** How many are open. */
  all(): number;
  /** How many of them have not said what they want changes by that. */
  silent(by: 1 | -1): void;
  allSilent(): number;
  /** One of them comes from `place`. */
  take(place: string): void;
  leave(place: string): void;
  countOf(place: string): number;
}

/** A census of this thread alone. Invariant: a place stands in `counts` while something comes from it. */
export function newCensus(): Census {
  const counts = new Map<string, number>();
  let open = 0;
  let silent = 0;
  return {
    opened: () => void open++,
    closed: () => void open--,
    all: () => open,
    silent: (by) => void (silent += by),
    allSilent: () => silent,
    take: (place) => void counts.set(place, (counts.get(place) ?? 0) + 1),
    leave(place) {
      const count = counts.get(place) ?? 0;
      if (count > 1) {
        counts.set(place, count - 1);
      } else {
        counts.delete(place);
      }
    },
    countOf: (place) => counts.get(place) ?? 0,
  };
}
