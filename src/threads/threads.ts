/**
 * A server of several threads, as the rest of the program sees it. The main thread has no listener: it
 * decides who has which channel, asks the authenticator, records, tells the hooks, and knows every
 * broadcast by a mirror of its own.
 *
 *     main ──┬── worker 1 ── listener ─┐
 *            ├── worker 2 ── listener ─┼── one port: the kernel deals out connections
 *            └── worker 3 ── listener ─┘
 */
import type { AuthRequest } from "../auth/authenticator.ts";
import { withCopy } from "../hub/broadcast.ts";
import { keyOf, newDirectory, type Directory } from "../hub/directory.ts";
import { catchUp } from "../hub/mirror.ts";
import type { Address } from "../protocol/address.ts";
import type { Bounds, Page, WatcherStatus } from "../protocol/status.ts";
import type { Recorder } from "../record/recorder.ts";
import { newFaults } from "../server/faults.ts";
import { recordSettings, startRecorder } from "../server/recording.ts";
import type { Elsewhere, Server, ServerOptions } from "../server/server.ts";
import type { Settings } from "../server/settings.ts";
import type { Census } from "../server/census.ts";
import { censusOf, forgetThread, newCensusMemory } from "./census.ts";
import { MAIN, newBroadcasts, type Broadcasts } from "./broadcasts.ts";
import { newCrew, type Crew } from "./crew.ts";
import { newAsking, type Asking } from "./asking.ts";
import { newMailbox, readMailbox, writerTo } from "./mailbox.ts";
import type { Answer, FromWorker, Question, Reply } from "./messages.ts";
import { newRegistry, type Registry } from "./registry.ts";
import { newRounds, type Rounds } from "./rounds.ts";
import { threadOf, workerSettings } from "./settings.ts";
import { newTotals, type Totals } from "./totals.ts";

export interface ThreadsOptions extends ServerOptions {
  /** Worker threads, beside the main one. */
  readonly workers: number;
  /** What a worker runs, where that is not `worker.ts`. */
  readonly script?: URL;
}

/** What the main thread works with. */
interface Office {
  readonly options: ThreadsOptions;
  /** As they are at the moment. */
  readonly settings: Settings;
  readonly directory: Directory;
  readonly registry: Registry;
  readonly broadcasts: Broadcasts;
  readonly crew: Crew;
  readonly rounds: Rounds;
  readonly asking: Asking;
  readonly totals: Totals;
  readonly recorder: Recorder | undefined;
  readonly census: Census;
}

/** Milliseconds beyond the drain time after which a thread that has not stopped is not waited for. */
const STOP_SPARE_MS = 2_000;

/** Starts all threads. Rejects, with one sentence, where one cannot listen. */
export async function startThreads(options: ThreadsOptions): Promise<Server> {
  const settings: Settings = { ...options.settings };
  const office = await openOffice(options, settings);
  const { crew } = office;
  try {
    const addresses = await crew.begin(1);
    // The others share the ports that the first one got, be it by chance.
    Object.assign(settings, portsOf(addresses));
    await Promise.all(Array.from({ length: options.workers - 1 }, (_, i) => crew.begin(i + 2)));
    return serverOf(office, addresses);
  } catch (error) {
    crew.stop();
    throw error;
  }
}

async function openOffice(options: ThreadsOptions, settings: Settings): Promise<Office> {
  const { clock, log, faults = newFaults(log), workers } = options;
  const mailboxes = Array.from({ length: workers + 1 }, newMailbox);
  const census = newCensusMemory(workers + 1);
  const recorder = await startRecorder(clock, settings, log);
  const rounds = newRounds(clock);
  const asking = newAsking(options.authenticator);
  const crew = newCrew({
    clock,
    log,
    script: options.script ?? new URL("./worker.ts", import.meta.url),
    start: (self, begun) => ({
      self,
      begun,
      threads: workers + 1,
      // A path has one listener.
      settings: self === 1 ? settings : { ...settings, unix: undefined },
      mailboxes,
      census,
      beside: options.beside === true || crew.threads().length > 1,
      hooks: options.tell !== undefined,
    }),
    hear: (thread, message) => hear(office, thread, message),
    crashed(thread) {
      rounds.lost(thread);
      asking.crashed(thread);
      totals.lost(thread);
      forgetThread(census, workers + 1, thread);
      registry.crashed(thread);
    },
    replaced: (thread) => broadcasts.introduce((message) => crew.send(thread, message)),
  });
  const wake = writerTo(mailboxes);
  const broadcasts = newBroadcasts(() => directory, wake, crew.sendAll);
  const registry = newRegistry({
    settings,
    giveWay: ({ id, thread }) => crew.send(thread, { kind: "give-way", id }),
    silence: ({ id }) => broadcasts.turn("silence", id, MAIN),
    drop: ({ id }) => broadcasts.turn("over", id, MAIN),
  });
  const directory = newDirectory(clock, workerSettings(settings), {
    ...(recorder && { began: recorder.began }),
    ended(channel, { inlet }) {
      const id = inlet?.stream.id ?? -1;
      broadcasts.forget(id);
      if (channel.live === null) {
        registry.change(id, "over");
      }
    },
  });
  const totals = newTotals(directory, registry);
  const mailbox = mailboxes[MAIN] ?? newMailbox();
  readMailbox(mailbox, broadcasts.look, (error) => faults.note(error));
  const office: Office = {
    options,
    settings,
    directory,
    registry,
    broadcasts,
    crew,
    rounds,
    asking,
    totals,
    recorder,
    census: censusOf(census, workers + 1, MAIN),
  };
  return office;
}

/** The ports that 0 has become. */
function portsOf(addresses: readonly Address[]): Partial<Settings> {
  const ports: { port?: number; "tls-port"?: number } = {};
  for (const address of addresses) {
    if (address.kind === "tcp") {
      ports.port ??= address.port;
    } else if (address.kind === "tls") {
      ports["tls-port"] ??= address.port;
    }
  }
  return ports;
}

/** What a thread tells the main one. */
function hear(office: Office, thread: number, message: FromWorker): void {
  const { broadcasts, options, registry, rounds } = office;
  switch (message.kind) {
    case "ask":
      void decide(office, message.asked, thread);
      break;
    case "gone": {
      const holder = { thread, connection: message.connection };
      office.asking.gone(holder);
      registry.gone(holder);
      break;
    }
    case "live":
      broadcasts.begin(message.live, thread);
      registry.change(message.live.id, "live");
      break;
    case "news":
      broadcasts.learn(message.id, message.news, thread);
      break;
    case "turn":
      broadcasts.turn(message.turn, message.id, thread);
      registry.change(message.id, message.turn);
      break;
    case "reply":
      rounds.reply(message.number, thread, message.reply);
      break;
    case "hook":
      options.tell?.(message.event);
      break;
    case "log":
      options.log.event(message.level, message.about, message.line, message.fields);
      break;
  }
}

/** Answers whether a connection is let in, and gives a broadcaster its channel. */
async function decide(office: Office, asked: AuthRequest, thread: number): Promise<void> {
  const { asking, crew, registry } = office;
  const { channel, connection, user, verb } = asked;
  const wanted = { channel, connection, thread, user };
  const answer = (said: Partial<Answer>): void => {
    const all = { connection, refused: null, claim: null, ...said };
    crew.send(thread, { kind: "answer", answer: all });
  };
  const refused = await asking.judge(asked, thread);
  if (refused === undefined) {
    return;
  }
  if (refused instanceof Error) {
    answer({ fault: refused.message });
  } else if (refused !== null) {
    answer({ refused });
  } else if (verb === "watch") {
    answer({ refused: registry.guests.take(wanted, true) });
  } else {
    const claimed = await registry.claim(wanted);
    if (typeof claimed === "number") {
      answer({ claim: { key: keyOf(user, channel), id: claimed } });
    } else {
      answer({ refused: claimed });
    }
  }
}

function serverOf(office: Office, addresses: readonly Address[]): Server {
  const { census, crew, directory, recorder, settings, totals } = office;
  return {
    addresses,
    directory: {
      ...directory,
      channels: () => directory.channels() + totals.quiet().length,
      list: () => [...directory.list(), ...totals.quiet()],
      find: (user, channel) =>
        directory.find(user, channel) ??
        totals.quiet().find((each) => each.user === user && each.name === channel),
      end({ name, user }, why) {
        crew.sendAll({ kind: "end", user, channel: name, why });
      },
    },
    closes: totals.closes,
    refused: totals.refused,
    recorded: recorder?.counters,
    connections: {
      get size() {
        return census.all();
      },
    },
    local: [],
    elsewhere: elsewhereOf(office),
    kick: () => false,
    apply(next) {
      const { port, "tls-port": tlsPort } = settings;
      Object.assign(settings, next, { port, "tls-port": tlsPort });
      recorder?.apply(recordSettings(settings));
      crew.sendAll({ kind: "settings", settings });
    },
    async reloadCertificates() {
      await ask(office, { kind: "certificates" }, crew.threads());
    },
    shut() {
      void ask(office, { kind: "shut" }, crew.threads());
    },
    async stop() {
      crew.retire();
      // First, for whoever comes while only some have stopped would not see the others' broadcasts.
      await ask(office, { kind: "shut" }, crew.threads());
      await ask(office, { kind: "stop" }, crew.threads(), settings.drain + STOP_SPARE_MS);
      await elsewhereOf(office).refresh();
      directory.close();
      await recorder?.stop(settings.drain);
      crew.stop();
    },
  };
}

function ask(
  { crew, rounds }: Office,
  question: Question,
  threads: readonly number[],
  ms?: number,
): Promise<Map<number, Reply>> {
  const send = (thread: number, number: number): void =>
    crew.send(thread, { kind: "question", number, question });
  return rounds.ask(threads, send, ms);
}

function elsewhereOf(office: Office): Elsewhere {
  const { crew, directory, options, totals } = office;
  return {
    workers: options.workers,
    async refresh() {
      totals.take(await ask(office, { kind: "figures" }, crew.threads()));
      for (const { live } of directory.list()) {
        (live === null ? [] : withCopy(live)).forEach(catchUp);
      }
    },
    async watchers(query, bounds) {
      const question = { kind: "watchers", query, ...bounds } as const;
      const replies = await ask(office, question, crew.threads());
      return merged([...replies.values()], bounds);
    },
    async kick(connection, why) {
      const thread = threadOf(connection);
      const threads = crew.threads().filter((each) => each === thread);
      const replies = await ask(office, { kind: "kick", connection, why }, threads);
      const reply = replies.get(thread);
      return reply?.kind === "done" && reply.done;
    },
  };
}

/** One page of the pages of all threads. Each has what would be on it if the others had nothing. */
function merged(replies: readonly Reply[], { limit, offset }: Bounds): Page<WatcherStatus> {
  const pages = replies.flatMap((reply) => (reply.kind === "watchers" ? [reply.page] : []));
  const items = pages.flatMap((page) => page.items).toSorted((a, b) => a.since - b.since);
  const total = pages.reduce((sum, page) => sum + page.total, 0);
  return { total, offset, items: items.slice(offset, offset + limit) };
}
