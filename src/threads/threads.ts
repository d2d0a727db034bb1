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
import type { Refusal } from "../core/errors.ts";
import { newDirectory, type Directory } from "../hub/directory.ts";
import type { Page, WatcherStatus } from "../protocol/status.ts";
import { newFaults } from "../server/faults.ts";
import { recordSettings, startRecorder } from "../server/recording.ts";
import type { Server, ServerOptions } from "../server/server.ts";
import type { Settings } from "../server/settings.ts";
import { MAIN, newBroadcasts, type Broadcasts } from "./broadcasts.ts";
import { newCrew, type Crew } from "./crew.ts";
import type { Figures } from "./figures.ts";
import { newMailbox, readMailbox, writerOf } from "./mailbox.ts";
import type { ToMain } from "./messages.ts";
import { newRegistry, type Registry } from "./registry.ts";
import { newRounds, type Rounds } from "./round.ts";
import { CONNECTIONS_EACH, workerSettings } from "./settings.ts";
import { newTotals, type Totals } from "./totals.ts";

/** What the main thread works with. */
interface Office {
  readonly options: ServerOptions;
  /** As they are at the moment. */
  readonly settings: Settings;
  readonly directory: Directory;
  readonly registry: Registry;
  readonly broadcasts: Broadcasts;
  readonly crew: Crew;
  readonly rounds: Rounds;
  readonly totals: Totals;
}

/** Starts `count` threads. Rejects, with one sentence, where the first one cannot listen. */
export async function startThreads(options: ServerOptions, count: number): Promise<Server> {
  const { clock, log, faults = newFaults(log) } = options;
  const settings: Settings = { ...options.settings };
  const mailboxes = Array.from({ length: count + 1 }, newMailbox);
  const open = new Int32Array(new SharedArrayBuffer(4));
  const writers = mailboxes.map(writerOf);
  const wake = (thread: number, id: number): void => writers[thread]?.(id);
  const recorder = await startRecorder(clock, settings, log);
  const rounds = newRounds(clock);
  let isBeside = options.beside ?? false;

  const crew = newCrew({
    clock,
    log,
    start: (self) => ({
      self,
      threads: count + 1,
      settings,
      mailboxes,
      open: open.buffer,
      beside: isBeside,
      hooks: options.tell !== undefined,
    }),
    hear: (thread, message) => hear(office, thread, message),
    crashed(thread) {
      rounds.lost(thread);
      totals.lost(thread);
      registry.crashed(thread);
    },
    replaced: (thread) => broadcasts.introduce((message) => crew.send(thread, message)),
  });
  const broadcasts = newBroadcasts(() => directory, wake, crew.sendAll);
  const registry = newRegistry({
    settings,
    giveWay: ({ channel, id, thread, user }) =>
      crew.send(thread, { kind: "give-way", id, user, channel }),
    silence: ({ id }) => broadcasts.turn("silence", id, MAIN),
    drop: ({ id }) => broadcasts.turn("over", id, MAIN),
  });
  const directory = newDirectory(clock, workerSettings(settings), {
    ...(recorder && { began: recorder.began }),
    ended(channel, { inlet }) {
      const id = inlet?.stream.id ?? -1;
      broadcasts.forget(id);
      if (channel.live === null) {
        registry.over(id);
      }
    },
  });
  const totals = newTotals(directory, registry);
  const office: Office = {
    options,
    settings,
    directory,
    registry,
    broadcasts,
    crew,
    rounds,
    totals,
  };
  readMailbox(mailboxes[MAIN] ?? newMailbox(), broadcasts.look, (error) => faults.note(error));

  const addresses = await crew.begin(1);
  // The others share what the first one got, be it by chance.
  isBeside = true;
  for (const { kind, ...address } of addresses) {
    if (kind === "tcp" && "port" in address) {
      Object.assign(settings, { port: address.port });
    } else if (kind === "tls" && "port" in address) {
      Object.assign(settings, { "tls-port": address.port });
    }
  }
  await Promise.all(Array.from({ length: count - 1 }, (_, i) => crew.begin(i + 2)));
  const ask = async <Answer>(
    message: (question: number) => Parameters<Crew["send"]>[1],
    ms?: number,
  ): Promise<Answer[]> => {
    const answers = await rounds.ask<Answer>(
      crew.threads(),
      (thread, question) => crew.send(thread, message(question)),
      ms,
    );
    return [...answers.values()];
  };

  return {
    addresses,
    directory: {
      ...directory,
      end(channel, why) {
        crew.sendAll({ kind: "end", user: channel.user, channel: channel.name, why });
      },
    },
    closes: totals.closes,
    refused: totals.refused,
    recorded: recorder?.counters,
    connections: { size: 0 },
    local: [],
    elsewhere: {
      async refresh() {
        const figures = await rounds.ask<Figures>(crew.threads(), (thread, question) =>
          crew.send(thread, { kind: "figures", ask: question }),
        );
        totals.take(figures);
      },
      async watchers(query) {
        const pages = await ask<Page<WatcherStatus>>((question) => ({
          kind: "watchers",
          ask: question,
          query,
        }));
        return merge(pages, new URLSearchParams(query));
      },
      async kick(connection, why) {
        const thread = Math.floor(connection / CONNECTIONS_EACH);
        const answers = await rounds.ask<boolean>(
          crew.threads().filter((each) => each === thread),
          (each, question) => crew.send(each, { kind: "kick", ask: question, connection, why }),
        );
        return answers.get(thread) ?? false;
      },
    },
    kick: () => false,
    apply(next) {
      const { port, "tls-port": tlsPort } = settings;
      Object.assign(settings, next, { port, "tls-port": tlsPort });
      recorder?.apply(recordSettings(settings));
      crew.sendAll({ kind: "settings", settings });
    },
    async reloadCertificates() {
      crew.sendAll({ kind: "certificates" });
    },
    async stop() {
      crew.retire();
      await ask((question) => ({ kind: "stop", ask: question }), settings.drain + STOP_SPARE_MS);
      directory.close();
      await recorder?.stop(settings.drain);
      crew.stop();
    },
  };
}

/** Milliseconds beyond the drain time after which a thread that has not stopped is not waited for. */
const STOP_SPARE_MS = 2_000;

/** What a thread tells the main one. */
function hear(office: Office, thread: number, message: ToMain): void {
  const { broadcasts, options, registry, rounds } = office;
  switch (message.kind) {
    case "ask":
      void decide(office, message.asked, thread);
      break;
    case "gone":
      registry.gone({ thread, connection: message.connection });
      break;
    case "live":
      broadcasts.begin(message.live, thread);
      registry.live(message.live.id);
      break;
    case "news":
      broadcasts.learn(message.id, message.news, thread);
      break;
    case "silence":
      broadcasts.turn("silence", message.id, thread);
      registry.silenced(message.id);
      break;
    case "gave-way":
      broadcasts.turn("gave-way", message.id, thread);
      registry.gaveWay(message.id);
      break;
    case "over":
      broadcasts.turn("over", message.id, thread);
      registry.over(message.id);
      break;
    case "answer":
      rounds.answer(message.ask, thread, message.answer);
      break;
    case "hook":
      options.tell?.(message.event);
      break;
    case "listening":
    case "failed":
      break;
  }
}

/** Answers whether a connection is let in, and gives a broadcaster its channel. */
async function decide(
  { crew, options, registry }: Office,
  asked: AuthRequest,
  thread: number,
): Promise<void> {
  const { address, channel, connection, user, verb } = asked;
  const answer = (refused: Refusal | null, id?: number): void => {
    const claim = id === undefined ? null : { key: `${user}/${channel}`, id, copyId: id + 1 };
    crew.send(thread, { kind: "answer", connection, refused, claim });
  };
  const refused = await options.authenticator.authenticate(asked);
  const wanted = { address, channel, connection, thread, user };
  if (refused !== null) {
    answer(refused);
  } else if (verb === "watch") {
    answer(registry.watch(wanted));
  } else {
    const claimed = await registry.claim(wanted);
    if (typeof claimed === "number") {
      answer(null, claimed);
    } else {
      answer(claimed);
    }
  }
}

/** One page of the pages of all threads. Each has what would be on it if the others had nothing. */
function merge(
  pages: readonly Page<WatcherStatus>[],
  params: URLSearchParams,
): Page<WatcherStatus> {
  const offset = Number(params.get("offset") ?? 0);
  const limit = Number(params.get("limit") ?? pages[0]?.items.length ?? 0);
  const items = pages.flatMap((page) => page.items).toSorted((a, b) => a.since - b.since);
  const total = pages.reduce((sum, page) => sum + page.total, 0);
  return { total, offset, items: items.slice(offset, offset + limit) };
}
