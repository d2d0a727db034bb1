/**
 * Recording: each broadcast, byte for byte, in files that play by themselves.
 *
 *     broadcast   ────────────┬───────────────────┬──────────────►
 *     first file  from byte 0 │ limit             │ join point
 *     second                  └ set-up, join point, … ──►
 *
 * A file is written by a tap of the hub. When it is to be followed, a second tap waits for a join point;
 * where that is placed the first file ends, whatever of it lies behind being cut off. A file that could
 * not be written, or fell behind the ring, is called cut, and recording goes on in another one.
 */
import { join } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Broadcast, Channel } from "../hub/model.ts";
import type { Sink } from "../hub/sink.ts";
import { tapInto, type Tap } from "../hub/tap.ts";
import { newRecordFile, type FileOptions, type RecordFile } from "./file.ts";
import { fitsPatterns, folderName, newMoments } from "./names.ts";
import { extensionFor, makeRoom, openStore, type Store } from "./store.ts";

/** How often it is looked which files are to be followed, in milliseconds. */
const LOOK_MS = 1_000;

/** How long nothing is tried after a file could not be written, in milliseconds. */
const RETRY_MS = 5_000;

/** Of all that recordings may take, one file may have this part: the oldest ones can go only whole. */
const SHARE_OF_FILE = 1 / 8;

export interface RecordSettings {
  readonly folder: string;
  /** Whose broadcasts are recorded. */
  readonly users: string;
  /** Milliseconds after which a file is followed by another one. */
  readonly span: number;
  readonly maxBytes: number;
}

export interface RecorderOptions {
  readonly clock: Clock;
  readonly settings: RecordSettings;
  /** Told what went wrong; `kind` is what it is counted by. */
  readonly onProblem: (kind: string, message: string) => void;
  readonly openFile?: FileOptions["openFile"];
}

/** Totals, plain numbers for others to read. */
export interface RecordCounters {
  files: number;
  bytes: number;
  /** Files that could not be written, or not to their end. */
  failed: number;
  /** Files that end early because the disk was too slow. */
  behind: number;
}

export interface Recorder {
  readonly counters: RecordCounters;
  /** A broadcast begins: has it recorded if it is to be. */
  readonly began: (channel: Channel, broadcast: Broadcast) => void;
  /** Takes over what may change; the folder may not. */
  apply(settings: RecordSettings): void;
  /** Resolves when every file has its name, or after `ms` milliseconds: a disk may hang. */
  stop(ms: number): Promise<void>;
}

/** One file and the tap that fills it. */
interface Take {
  readonly handle: number;
  readonly channel: Channel;
  readonly broadcast: Broadcast;
  /** Null before its first byte. */
  file: RecordFile | null;
  tap: Tap | null;
  directory: string;
  moment: string;
  /** Bytes at which it ends, as soon as the next one has begun. */
  limit: number;
  /** The absolute offset of its first byte, less the length of its set-up. */
  base: number;
  rollAt: number;
  /** The one that ends where this one begins; null once it does. */
  former: Take | null;
  followed: boolean;
}

interface State {
  readonly clock: Clock;
  readonly options: RecorderOptions;
  readonly counters: RecordCounters;
  readonly store: Store;
  readonly takes: Map<number, Take>;
  /** Files on the way to their names. */
  readonly finishing: Set<Promise<void>>;
  readonly nameMoment: (time: number) => string;
  readonly sink: Sink;
  settings: RecordSettings;
  handles: number;
  looking: boolean;
  stopped: boolean;
  clearing: Promise<void>;
}

/** Opens the folder. Rejects where it cannot be read. */
export async function newRecorder(options: RecorderOptions): Promise<Recorder> {
  const counters: RecordCounters = { files: 0, bytes: 0, failed: 0, behind: 0 };
  const state: State = {
    clock: options.clock,
    options,
    counters,
    store: await openStore(options.settings.folder),
    takes: new Map(),
    finishing: new Set(),
    nameMoment: newMoments(),
    sink: {
      write: (handle, buffer, offset, length) =>
        write(state, handle, buffer.subarray(offset, offset + length)),
    },
    settings: options.settings,
    handles: 0,
    looking: false,
    stopped: false,
    clearing: Promise.resolve(),
  };
  return {
    counters,
    began: (channel, broadcast) => {
      if (fitsPatterns(channel.user, state.settings.users)) {
        record(state, channel, broadcast, "raw", null);
      }
    },
    apply(next) {
      state.settings = { ...next, folder: state.settings.folder };
    },
    async stop(ms) {
      state.stopped = true;
      state.takes.forEach((take) => void end(state, take, isBehind(take)));
      const named = Promise.all([...state.finishing, state.clearing]);
      await Promise.race([named, new Promise<void>((go) => state.clock.after(ms, go))]);
    },
  };
}

function write(state: State, handle: number, bytes: Uint8Array): number {
  const take = state.takes.get(handle);
  if (take === undefined) {
    return -1;
  }
  const file = take.file ?? begin(state, take);
  const wanted = Math.min(bytes.length, take.limit - file.taken());
  const taken = wanted > 0 ? file.take(bytes.subarray(0, wanted)) : 0;
  endAtLimit(state, take);
  return taken;
}

/** The first byte: the file is created, and the one before it ends here. */
function begin(state: State, take: Take): RecordFile {
  const { former, tap } = take;
  const { openFile } = state.options;
  take.moment = state.nameMoment(Date.now());
  take.base = (tap?.cursor() ?? 0) - (tap?.prefaceLeft() ?? 0);
  const file = newRecordFile({
    path: join(take.directory, `${take.moment}.${process.pid}.part`),
    onRoom: () => tap?.drained(),
    onWritten: (bytes) => account(state, take, bytes),
    onFailed: (error) => fail(state, take, error),
    ...(openFile === undefined ? {} : { openFile }),
  });
  take.file = file;
  take.rollAt = state.clock.now() + state.settings.span;
  state.counters.files++;
  if (former !== null && former.file !== null) {
    former.limit = (tap?.cursor() ?? 0) - former.base;
    endAtLimit(state, former);
  }
  take.former = null;
  look(state);
  return file;
}

/** A sink may not call the hub, so the end waits until it has returned. */
function endAtLimit(state: State, take: Take): void {
  if (take.file !== null && take.file.taken() >= take.limit) {
    queueMicrotask(() => void end(state, take, false));
  }
}

function account(state: State, take: Take, bytes: number): void {
  state.store.bytes += bytes;
  state.counters.bytes += bytes;
  if (state.store.bytes <= state.settings.maxBytes) {
    return;
  }
  if (state.store.complete.length === 0) {
    fail(state, take, new Error("recordings being written take all the bytes that they may"));
    return;
  }
  state.clearing = state.clearing
    .then(() => makeRoom(state.store, state.settings.maxBytes))
    .catch((error: unknown) => problem(state, "recordings not deleted", error));
}

function problem(state: State, kind: string, error: unknown): void {
  state.options.onProblem(kind, messageOf(error));
}

/** Nothing more is tried for a while. */
function fail(state: State, take: Take, error: unknown): void {
  if (state.takes.has(take.handle)) {
    state.counters.failed++;
    problem(state, "recording failed", error);
    void retry(state, take, end(state, take, true), RETRY_MS);
  }
}

/**
 * Goes on in another file `ms` after the last one is done with: a disk that hangs holds the bytes of
 * one file, and not of one after the other.
 */
async function retry(state: State, take: Take, done: Promise<void>, ms: number): Promise<void> {
  if (!take.followed) {
    take.followed = true;
    await done;
    state.clock.after(ms, () => record(state, take.channel, take.broadcast, "live", null));
  }
}

/** The file gets its name; harmless when it is done already. */
function end(state: State, take: Take, isCut: boolean): Promise<void> {
  if (!state.takes.delete(take.handle)) {
    return Promise.resolve();
  }
  take.tap?.leave();
  const { broadcast, directory, file, limit, moment } = take;
  if (file === null) {
    return Promise.resolve();
  }
  const name = `${moment}${isCut ? ".cut" : ""}.${extensionFor(broadcast.scan.format)}`;
  const path = join(directory, name);
  const done = file.finish(path, limit).then(
    (bytes) => {
      state.store.bytes -= Math.max(file.taken() - bytes, 0);
      state.store.complete.push({ path, name, bytes });
    },
    (error: unknown) => {
      if (!isCut) {
        state.counters.failed++;
        problem(state, "recording failed", error);
      }
    },
  );
  state.finishing.add(done);
  void done.then(() => state.finishing.delete(done));
  return done;
}

/** Whether the hub has bytes for it that it has not taken. */
function isBehind({ broadcast, tap }: Take): boolean {
  const cursor = tap?.cursor() ?? -1;
  return cursor >= 0 && cursor < broadcast.ring.head;
}

function record(
  state: State,
  channel: Channel,
  broadcast: Broadcast,
  how: "raw" | "live",
  former: Take | null,
): void {
  if (state.stopped || broadcast.ended) {
    return;
  }
  const take: Take = {
    handle: state.handles++,
    channel,
    broadcast,
    file: null,
    tap: null,
    directory: join(state.settings.folder, folderName(channel.user), folderName(channel.name)),
    moment: "",
    limit: Infinity,
    base: 0,
    rollAt: Infinity,
    former,
    followed: false,
  };
  state.takes.set(take.handle, take);
  tapInto(channel, broadcast, how, (tap) => {
    take.tap = tap;
    return {
      sink: state.sink,
      handle: take.handle,
      attendant: {
        admitted: () => {},
        close(why) {
          if (why !== null) {
            state.counters.behind++;
            problem(
              state,
              "recording behind",
              new Error(`${channel.user}/${channel.name}: the disk is too slow, a part is missing`),
            );
            void retry(state, take, end(state, take, true), 0);
          } else {
            void end(state, take, false);
          }
        },
      },
    };
  });
}

/** Once a second, while something is recorded: which files are to be followed. */
function look(state: State): void {
  if (state.looking) {
    return;
  }
  state.looking = true;
  state.clock.after(LOOK_MS, () => {
    state.looking = false;
    const most = state.settings.maxBytes * SHARE_OF_FILE;
    for (const take of state.takes.values()) {
      const isLarge = (take.file?.taken() ?? 0) > most;
      if (!take.followed && (isLarge || state.clock.now() >= take.rollAt)) {
        take.followed = true;
        record(state, take.channel, take.broadcast, "live", take);
      }
    }
    if (state.takes.size > 0) {
      look(state);
    }
  });
}
