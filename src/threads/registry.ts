/**
 * Who has which channel, decided in one place: on the main thread, before a broadcaster is let in.
 *
 *              claim                  live               silence
 *     free ───────────► granted ─────────────► live ─────────────► lingering ──over──► free
 *       ▲                  │                    │ claim               │ claim
 *       └── gone, nothing ─┤                    ▼                     ▼
 *          lingered before └─ gone ─► lingering ◄── gave way ── giving way     granted (to another one)
 *
 * Claims for one channel are decided one after the other, in the order in which they came. So nobody
 * ever has a channel that somebody else has, and no lock is on a byte's way.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import { keyOf } from "../hub/directory.ts";
import type { ChannelSettings } from "../hub/model.ts";
import {
  nameOf,
  newGuests,
  type Guest,
  type GuestLimits,
  type Guests,
  type Holder,
  type Wanted,
} from "./guests.ts";
import { IDS_EACH } from "./ids.ts";

export interface RegistryOptions {
  /** Read anew each time. */
  readonly settings: Pick<ChannelSettings, "takeover" | "max-channels-per-user"> & GuestLimits;
  /** Tells a thread to let go of what it has. It answers, or is no more. */
  readonly giveWay: (held: Held) => void;
  /** Nobody takes its place after all: who watches is kept for a while. */
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

export interface Registry {
  readonly guests: Guests;
  readonly counters: { takeovers: number; channelsRefused: number };
  /** A broadcaster may begin: the number of its broadcast, or why not. */
  claim(wanted: Wanted): Promise<number | Refusal>;
  /** What becomes of a broadcast. */
  change(id: number, what: "live" | "silence" | "gave-way" | "over"): void;
  /** A connection that was let in has ended. */
  gone(holder: Holder): void;
  /** A thread is no more. */
  crashed(thread: number): void;
}

type State = "granted" | "live" | "giving-way" | "lingering";

interface Entry {
  readonly key: string;
  held: Held | null;
  state: State;
  /** What lingers while another one was granted the channel. */
  former: Held | null;
  /** Claims that are not decided. */
  waiting: number;
  /** Resolves when the last of them is. */
  turn: Promise<void>;
  /** Wakes the claim whose turn it is. */
  changed: () => void;
}

/** What the functions here share. */
interface Book {
  readonly options: RegistryOptions;
  readonly guests: Guests;
  readonly counters: { takeovers: number; channelsRefused: number };
  readonly entries: Map<string, Entry>;
  readonly byId: Map<number, Entry>;
  lastId: number;
}

const BUSY = refusal("busy", "the channel has a broadcaster");
const FULL = refusal("limit", "the user has all the channels on air that one may have");
const GONE = refusal("forbidden", "the connection has ended");

export function newRegistry(options: RegistryOptions): Registry {
  const book: Book = {
    options,
    guests: newGuests(options.settings),
    counters: { takeovers: 0, channelsRefused: 0 },
    entries: new Map(),
    byId: new Map(),
    lastId: 0,
  };
  return {
    guests: book.guests,
    counters: book.counters,
    claim: (wanted) => claim(book, wanted),
    change: (id, what) => change(book, id, what),
    gone: (holder) => leave(book, book.guests.leave(holder)),
    crashed: (thread) => crashed(book, thread),
  };
}

async function claim(book: Book, wanted: Wanted): Promise<number | Refusal> {
  const full = book.guests.take(wanted, false);
  if (full !== null) {
    return full;
  }
  const entry = entryOf(book, keyOf(wanted.user, wanted.channel));
  const before = entry.turn;
  const { promise, resolve } = Promise.withResolvers<void>();
  entry.turn = promise;
  entry.waiting++;
  await before;
  try {
    return await decide(book, entry, wanted);
  } finally {
    entry.waiting--;
    resolve();
    forgetIfFree(book, entry);
  }
}

async function decide(book: Book, entry: Entry, wanted: Wanted): Promise<number | Refusal> {
  const { counters, guests, options } = book;
  // Who was granted the channel before is live by now, or gone.
  await until(entry, () => entry.held === null || entry.state !== "granted");
  if (guests.has(wanted) && entry.state === "live") {
    if (options.settings.takeover === "refuse") {
      return BUSY;
    }
    counters.takeovers++;
    await displace(book, entry);
  }
  if (!guests.has(wanted)) {
    keepWatchers(book, entry);
    return GONE;
  }
  if (!makeWay(book, entry, wanted.user)) {
    counters.channelsRefused++;
    return FULL;
  }
  const { channel, connection, thread, user } = wanted;
  book.lastId += IDS_EACH;
  entry.former = entry.held;
  entry.held = { id: book.lastId, channel, connection, thread, user };
  entry.state = "granted";
  book.byId.set(book.lastId, entry);
  return book.lastId;
}

async function displace({ options }: Book, entry: Entry): Promise<void> {
  if (entry.held !== null) {
    entry.state = "giving-way";
    options.giveWay(entry.held);
    await until(entry, () => entry.state !== "giving-way");
  }
}

async function until(entry: Entry, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise<void>((resolve) => {
      entry.changed = resolve;
    });
  }
}

/** Ends what lingers of a user who has all channels that one may have; says whether that was enough. */
function makeWay({ byId, entries, options }: Book, own: Entry, user: string): boolean {
  const most = options.settings["max-channels-per-user"];
  const others = [...entries.values()].filter(
    (entry) => entry !== own && entry.held?.user === user,
  );
  const excess = others.length - most + 1;
  if (most === 0 || own.held !== null || excess <= 0) {
    return true;
  }
  const lingering = others.filter(({ state }) => state === "lingering").slice(0, excess);
  if (lingering.length < excess) {
    return false;
  }
  for (const { held } of lingering) {
    if (held !== null) {
      options.drop(held);
      byId.delete(held.id);
    }
  }
  for (const entry of lingering) {
    entry.held = null;
    entries.delete(entry.key);
  }
  return true;
}

function change(book: Book, id: number, what: "live" | "silence" | "gave-way" | "over"): void {
  const entry = book.byId.get(id);
  if (entry?.held?.id !== id) {
    // What somebody had before: it lingered, and that is over too.
    if (entry?.former?.id === id && what === "over") {
      book.byId.delete(id);
      entry.former = null;
    }
    return;
  }
  switch (what) {
    case "live":
      if (entry.former !== null) {
        book.byId.delete(entry.former.id);
        entry.former = null;
      }
      entry.state = "live";
      break;
    case "silence":
    case "gave-way":
      entry.state = "lingering";
      break;
    case "over":
      book.byId.delete(id);
      entry.held = null;
      entry.state = "lingering";
      break;
  }
  entry.changed();
  forgetIfFree(book, entry);
}

/** Who was granted a channel may go before it begins: then all is as it was. */
function leave(book: Book, guest: Guest | undefined): void {
  const entry = guest === undefined ? undefined : book.entries.get(guest.key);
  if (guest === undefined || entry === undefined || entry.state !== "granted") {
    return;
  }
  if (entry.held !== null && nameOf(entry.held) === nameOf(guest)) {
    book.byId.delete(entry.held.id);
    entry.held = entry.former;
    entry.former = null;
    entry.state = "lingering";
    if (entry.waiting === 0) {
      keepWatchers(book, entry);
    }
    entry.changed();
    forgetIfFree(book, entry);
  }
}

/** Nobody comes: what gave way lingers, for as long as anything does. */
function keepWatchers({ options }: Book, { held, state }: Entry): void {
  if (held !== null && state === "lingering") {
    options.silence(held);
  }
}

function crashed(book: Book, thread: number): void {
  book.guests.of(thread).forEach((guest) => leave(book, book.guests.leave(guest)));
  for (const entry of book.entries.values()) {
    const { held, state } = entry;
    if (held?.thread === thread && state !== "granted" && state !== "lingering") {
      entry.state = "lingering";
      if (entry.waiting === 0) {
        book.options.silence(held);
      }
      entry.changed();
    }
  }
}

function entryOf({ entries }: Book, key: string): Entry {
  const known = entries.get(key);
  if (known !== undefined) {
    return known;
  }
  const entry: Entry = {
    key,
    held: null,
    state: "lingering",
    former: null,
    waiting: 0,
    turn: Promise.resolve(),
    changed: () => {},
  };
  entries.set(key, entry);
  return entry;
}

function forgetIfFree({ entries }: Book, entry: Entry): void {
  if (entry.held === null && entry.waiting === 0 && entries.get(entry.key) === entry) {
    entries.delete(entry.key);
  }
}
