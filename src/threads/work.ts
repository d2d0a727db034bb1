/**
 * One worker thread: a server of its own on the port that all share. The main thread starts it, and
 * decides what concerns more than this thread.
 */
import { messageOf } from "../core/errors.ts";
import { pageOfWatchers } from "../admin/lists.ts";
import { systemClock } from "../server/clock.ts";
import { newFaults, survive } from "../server/faults.ts";
import type { Log, LogLevel } from "../server/log.ts";
import { startServer, type Server } from "../server/server.ts";
import { censusOf } from "./census.ts";
import { figuresOf } from "./figures.ts";
import { newLink, type Link } from "./link.ts";
import { readMailbox, writerTo } from "./mailbox.ts";
import type { Question, Reply, Start, ToMain, ToWorker } from "./messages.ts";
import { firstConnection, workerSettings } from "./settings.ts";

declare const self: Worker;

const tell = (message: ToMain): void => self.postMessage(message);

/** Waits to be told to begin. `adapt` gets the server before anybody comes. */
export function work(adapt: (server: Server) => void = () => {}): void {
  self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === "start") {
      begin(data.start, adapt).catch((error: unknown) => {
        tell({ kind: "failed", message: messageOf(error) });
      });
    }
  });
}

/** The main thread writes the log of all, and counts what comes too often. */
function logOf(thread: number): Log {
  const say =
    (level: LogLevel): Log["info"] =>
    (line, about = "", fields = {}) => {
      // What is no event is the same on all threads.
      if (thread === 1) {
        tell({ kind: "log", level, line, about, fields });
      }
    };
  return {
    error: say("error"),
    warn: say("warn"),
    info: say("info"),
    debug: say("debug"),
    event: (level, about, line, fields = {}) => tell({ kind: "log", level, line, about, fields }),
  };
}

/** What a thread works with. */
interface Bench {
  readonly server: Server;
  readonly link: Link;
}

async function begin(start: Start, adapt: (server: Server) => void): Promise<void> {
  const { beside, census, mailboxes, settings, threads } = start;
  const log = logOf(start.self);
  const faults = newFaults(log);
  survive(faults, log);
  const wake = writerTo(mailboxes);
  const link = newLink({ self: start.self, threads, wake, tell });
  const server = await startServer({
    settings: workerSettings(settings),
    authenticator: link.authenticator,
    clock: systemClock,
    log,
    faults,
    beside,
    tell: start.hooks ? (event) => tell({ kind: "hook", event }) : undefined,
    thread: {
      ears: link.ears,
      firstConnection: firstConnection(start),
      census: censusOf(census, threads, start.self),
      gone: link.gone,
    },
  });
  adapt(server);
  const mailbox = mailboxes[start.self];
  if (mailbox !== undefined) {
    readMailbox(mailbox, link.look, (error) => faults.note(error));
  }
  self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
    try {
      obey({ server, link }, data);
    } catch (error) {
      faults.note(error);
    }
  });
  tell({ kind: "listening", addresses: server.addresses });
}

function obey({ link, server }: Bench, message: ToWorker): void {
  const { directory } = server;
  switch (message.kind) {
    case "start":
      break;
    case "answer":
      link.answered(message.answer);
      break;
    case "give-way":
      link.giveWay(directory, message.id);
      break;
    case "mirror":
      link.mirror(directory, message.live, message.owner);
      break;
    case "news":
      link.learn(message.id, message.news);
      break;
    case "turn":
      link.turn(directory, message.turn, message.id);
      break;
    case "end": {
      const channel = directory.find(message.user, message.channel);
      if (channel !== undefined) {
        directory.end(channel, message.why);
      }
      break;
    }
    case "settings":
      server.apply(workerSettings(message.settings));
      break;
    case "question":
      void answerTo(server, message.question).then((reply) =>
        tell({ kind: "reply", number: message.number, reply }),
      );
      break;
  }
}

async function answerTo(server: Server, question: Question): Promise<Reply> {
  switch (question.kind) {
    case "figures":
      return { kind: "figures", figures: figuresOf(server) };
    case "certificates":
      await server.reloadCertificates();
      return { kind: "done", done: true };
    case "kick":
      return { kind: "done", done: server.kick(question.connection, question.why) };
    case "watchers": {
      const epoch = Date.now() - systemClock.now();
      const { limit, offset, query } = question;
      const subject = { server, clock: systemClock, epoch };
      const params = new URLSearchParams(query);
      // A page of all threads may be all of this one: so from the first entry on.
      const page = pageOfWatchers(subject, params, { offset: 0, limit: offset + limit });
      return { kind: "watchers", page };
    }
    case "shut":
      server.shut();
      return { kind: "done", done: true };
    case "stop":
      await server.stop();
      return { kind: "done", done: true };
  }
}
