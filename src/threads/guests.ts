/**
 * Connections that were let in, of all threads, and how many of them watch each channel.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import { keyOf } from "../hub/directory.ts";

/** A connection, wherever it is. */
export interface Holder {
  readonly thread: number;
  readonly connection: number;
}

export interface Wanted extends Holder {
  readonly user: string;
  readonly channel: string;
}

/** Whoever was let in, and for which channel. */
export interface Guest extends Holder {
  readonly key: string;
  readonly isWatcher: boolean;
}

export interface Guests {
  readonly refused: { watchers: number };
  /** Counts a connection, or says why not. */
  take(wanted: Wanted, isWatcher: boolean): Refusal | null;
  has(holder: Holder): boolean;
  /** Forgets a connection; undefined where it is none of these. */
  leave(holder: Holder): Guest | undefined;
  of(thread: number): Guest[];
}

export interface GuestLimits {
  readonly "max-watchers": number;
}

const CROWDED = refusal("limit", "the channel has all the watchers that it may have");

/** The limits are read anew each time. */
export function newGuests(limits: GuestLimits): Guests {
  const guests = new Map<string, Guest>();
  const watchers = newCounts();
  const refused = { watchers: 0 };
  return {
    refused,
    take({ channel, connection, thread, user }, isWatcher) {
      const key = keyOf(user, channel);
      if (isWatcher && isFull(watchers.of(key), limits["max-watchers"])) {
        refused.watchers++;
        return CROWDED;
      }
      if (isWatcher) {
        watchers.raise(key);
      }
      const guest = { thread, connection, key, isWatcher };
      guests.set(nameOf(guest), guest);
      return null;
    },
    has: (holder) => guests.has(nameOf(holder)),
    leave(holder) {
      const guest = guests.get(nameOf(holder));
      if (guest !== undefined) {
        guests.delete(nameOf(holder));
        if (guest.isWatcher) {
          watchers.lower(guest.key);
        }
      }
      return guest;
    },
    of: (thread) => [...guests.values()].filter((guest) => guest.thread === thread),
  };
}

export function nameOf({ connection, thread }: Holder): string {
  return `${thread}/${connection}`;
}

function isFull(count: number, most: number): boolean {
  return most > 0 && count >= most;
}

interface Counts {
  of(key: string): number;
  raise(key: string): void;
  lower(key: string): void;
}

/** How often each of some keys is there. What is not there takes no place. */
function newCounts(): Counts {
  const counts = new Map<string, number>();
  const of = (key: string): number => counts.get(key) ?? 0;
  return {
    of,
    raise: (key) => void counts.set(key, of(key) + 1),
    lower(key) {
      if (of(key) > 1) {
        counts.set(key, of(key) - 1);
      } else {
        counts.delete(key);
      }
    },
  };
}
