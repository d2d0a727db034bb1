/**
 * Who has which channel, decided in one place: on the main thread, before a broadcaster is let in.
 *
 *              claim                  live               silence
 *     free ───────────► granted ─────────────► live ─────────────► lingering ──over──► free
 *                          │                    │ claim               │ claim
 *                          └──gone──► free      ▼                     ▼
 *                                        giving way ──gave way──► granted (to the other one)
 *
 * Claims for one channel are decided one after the other, in the order in which they came. So nobody
 * ever has a channel that somebody else has, and no lock is on a byte's way.
 *
 * Watchers are counted here too, and connections by their address: what is bounded is bounded for all
 * threads together.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import type { ChannelSettings } from "../hub/model.ts";

/** A connection, wherever it is. */
export interface Holder {
  readonly thread: number;
  readonly connection: number;
}

export interface RegistryOptions {
  readonly settings: Pick<
    ChannelSettings,
    "takeover" | "max-watchers" | "max-channels-per-user"
  > & { readonly "max-connections-per-address": number };
  /** Tells a thread to let go of what it has. It answers by `gaveWay`, or is gone. */
  readonly giveWay: (held: Held) => void;
  /** Nobody comes after all: who watches `held` is kept for a while. */
  readonly silence: (held: Held) => void;
  /** Ends what lingers, to make room. */
  readonly drop: (held: Held) => void;
}

/** What somebody has, or had last. */
export interface Held extends Holder {
  readonly id: number;
  readonly user: string;
  readonly channel: string;
}

export interface Wanted extends Holder {
  readonly user: string;
  readonly channel: string;
  readonly address: string;
}

export interface Registry {
  /** Turns away by a limit, by reason. */
  readonly refused: { watchers: number; channels: number; connectionsPerAddress: number };
  readonly counters: { takeovers: number };
  /** A broadcaster may begin: its number, or why not. */
  claim(wanted: Wanted): Promise<number | Refusal>;
  /** A watcher is counted, or why not. */
  watch(wanted: Wanted): Refusal | null;
  live(id: number): void;
  gaveWay(id: number): void;
  silenced(id: number): void;
  over(id: number): void;
  /** A connection that was let in has ended. */
  gone(holder: Holder): void;
  /** A thread is no more. */
  crashed(thread: number): void;
  /** Who has a channel now. */
  find(user: string, channel: string): Held | undefined;
  byId(id: number): Held | undefined;
}

type State = "granted" | "live" | "giving-way" | "lingering";

interface Entry {
  readonly key: string;
  held: Held | null;
  state: State;
  /** What lingers or was given way while another one was granted the channel. */
  former: Held | null;
  /** Claims that wait for their turn. */
  waiting: number;
  turn: Promise<void>;
  /** Wakes the claim whose turn it is. */
  changed: () => void;
}

interface Guest {
  readonly key: string;
  readonly address: string;
  readonly isWatcher: boolean;
}

const BUSY = refusal("busy", "the channel has a broadcaster");
const FULL = refusal("limit", "the user has all the channels on air that one may have");
const CROWDED = refusal("limit", "the channel has all the watchers that it may have");
const ADDRESS_FULL = refusal("limit", "this address has all the connections that it may have");
const GONE = refusal("forbidden", "the connection has ended");

/** A broadcast's copy has the number behind its own. */
const IDS_EACH = 2;

export function newRegistry(options: RegistryOptions): Registry {
  const { settings } = options;
  const entries = new Map<string, Entry>();
  const held = new Map<number, Entry>();
  const guests = new Map<string, Guest>();
  const watchers = new Map<string, number>();
  const addresses = new Map<string, number>();
  const refused = { watchers: 0, channels: 0, connectionsPerAddress: 0 };
  const counters = { takeovers: 0 };
  let lastId = 1;

  const entryOf = (key: string): Entry => {
    const known = entries.get(key);
    if (known !== undefined) {
      return known;
    }
    const turn = Promise.resolve();
    const entry: Entry = {
      key,
      held: null,
      state: "lingering",
      former: null,
      waiting: 0,
      turn,
      changed: () => {},
    };
    entries.set(key, entry);
    return entry;
  };

  const take = (wanted: Wanted, isWatcher: boolean): Refusal | null => {
    const most = settings["max-connections-per-address"];
    const count = addresses.get(wanted.address) ?? 0;
    if (most > 0 && wanted.address !== "" && count >= most) {
      refused.connectionsPerAddress++;
      return ADDRESS_FULL;
    }
    addresses.set(wanted.address, count + 1);
    const key = keyOf(wanted);
    guests.set(nameOf(wanted), { key, address: wanted.address, isWatcher });
    return null;
  };

  const free = (entry: Entry): void => {
    if (entry.held !== null) {
      held.delete(entry.held.id);
    }
    entry.held = null;
    entry.former = null;
    entry.changed();
    if (entry.waiting === 0) {
      entries.delete(entry.key);
    }
  };

  const until = async (entry: Entry, isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        entry.changed = resolve;
      });
    }
  };

  /** Ends what lingers of a user that has all channels one may have; says whether that was enough. */
  const makeWay = (user: string, own: Entry): boolean => {
    const most = settings["max-channels-per-user"];
    const others = [...entries.values()].filter(
      (entry) => entry !== own && entry.held?.user === user,
    );
    const excess = most === 0 || own.held !== null ? 0 : others.length - most + 1;
    const lingering = others.filter(({ state }) => state === "lingering").slice(0, excess);
    if (excess > 0 && lingering.length < excess) {
      return false;
    }
    for (const entry of excess > 0 ? lingering : []) {
      if (entry.held !== null) {
        options.drop(entry.held);
        free(entry);
      }
    }
    return true;
  };

  const decide = async (entry: Entry, wanted: Wanted): Promise<number | Refusal> => {
    // Who was granted the channel before is live by now, or gone.
    await until(entry, () => entry.held === null || entry.state !== "granted");
    if (!guests.has(nameOf(wanted))) {
      return GONE;
    }
    if (entry.held !== null && entry.state === "live") {
      if (settings.takeover === "refuse") {
        return BUSY;
      }
      counters.takeovers++;
      entry.state = "giving-way";
      options.giveWay(entry.held);
      await until(entry, () => entry.state !== "giving-way");
    }
    if (!makeWay(wanted.user, entry)) {
      refused.channels++;
      return FULL;
    }
    if (!guests.has(nameOf(wanted))) {
      if (entry.held !== null) {
        options.silence(entry.held);
      }
      return GONE;
    }
    lastId += IDS_EACH;
    entry.former = entry.held;
    const { channel, connection, thread, user } = wanted;
    entry.held = { id: lastId, channel, connection, thread, user };
    entry.state = "granted";
    held.set(lastId, entry);
    return lastId;
  };

  /** Who was granted a channel has gone before it began: it is as it was. */
  const giveBack = (entry: Entry): void => {
    const { former } = entry;
    if (entry.held !== null) {
      held.delete(entry.held.id);
    }
    entry.held = former;
    entry.state = "lingering";
    entry.former = null;
    if (former === null) {
      free(entry);
    } else {
      options.silence(former);
      entry.changed();
    }
  };

  const change = (id: number, from: readonly State[], to: State): void => {
    const entry = held.get(id);
    if (entry?.held?.id === id && from.includes(entry.state)) {
      entry.state = to;
      entry.changed();
    }
  };

  const gone = (holder: Holder): void => {
    const name = nameOf(holder);
    const guest = guests.get(name);
    if (guest === undefined) {
      return;
    }
    guests.delete(name);
    lower(addresses, guest.address);
    if (guest.isWatcher) {
      lower(watchers, guest.key);
      return;
    }
    const entry = entries.get(guest.key);
    if (entry?.held !== null && entry?.state === "granted" && nameOf(entry.held) === name) {
      giveBack(entry);
    }
  };

  return {
    refused,
    counters,
    async claim(wanted) {
      const full = take(wanted, false);
      if (full !== null) {
        return full;
      }
      const entry = entryOf(keyOf(wanted));
      entry.waiting++;
      const before = entry.turn;
      const { promise, resolve } = Promise.withResolvers<void>();
      entry.turn = promise;
      await before;
      try {
        return await decide(entry, wanted);
      } finally {
        entry.waiting--;
        resolve();
        if (entry.held === null && entry.waiting === 0) {
          entries.delete(entry.key);
        }
      }
    },
    watch(wanted) {
      const key = keyOf(wanted);
      const count = watchers.get(key) ?? 0;
      const most = settings["max-watchers"];
      if (most > 0 && count >= most) {
        refused.watchers++;
        return CROWDED;
      }
      const full = take(wanted, true);
      if (full === null) {
        watchers.set(key, count + 1);
      }
      return full;
    },
    live(id) {
      const entry = held.get(id);
      if (entry?.former !== null && entry?.former !== undefined) {
        held.delete(entry.former.id);
        entry.former = null;
      }
      change(id, ["granted"], "live");
    },
    gaveWay: (id) => change(id, ["giving-way"], "lingering"),
    silenced: (id) => change(id, ["live", "giving-way"], "lingering"),
    over(id) {
      const entry = held.get(id);
      if (entry?.held?.id === id) {
        free(entry);
      } else if (entry?.former?.id === id) {
        held.delete(id);
        entry.former = null;
      }
    },
    gone,
    crashed(thread) {
      for (const name of [...guests.keys()].filter((each) => each.startsWith(`${thread}/`))) {
        gone({ thread, connection: Number(name.slice(name.indexOf("/") + 1)) });
      }
      for (const entry of [...entries.values()]) {
        const { held: own } = entry;
        if (own !== null && own.thread === thread && ["live", "giving-way"].includes(entry.state)) {
          entry.state = "lingering";
          options.silence(own);
          entry.changed();
        }
      }
    },
    find: (user, channel) => entries.get(keyOf({ user, channel }))?.held ?? undefined,
    byId: (id) => held.get(id)?.held ?? undefined,
  };
}

function lower(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 1) - 1;
  if (count === 0) {
    counts.delete(key);
  } else {
    counts.set(key, count);
  }
}

/** A user's name holds no slash. */
function keyOf({ channel, user }: Pick<Wanted, "user" | "channel">): string {
  return `${user}/${channel}`;
}

function nameOf({ connection, thread }: Holder): string {
  return `${thread}/${connection}`;
}
