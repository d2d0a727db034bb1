/**
 * One worker thread: a server of its own on the port that all share. The main thread starts it, and
 * decides what concerns more than this thread.
 */
import { systemClock } from "../server/clock.ts";
import { newFaults, survive } from "../server/faults.ts";
import { stderrWriter } from "../server/log-writer.ts";
import { newLog } from "../server/log.ts";
import { startServer, type Server } from "../server/server.ts";
import { listWatchers } from "../admin/lists.ts";
import { figuresOf } from "./figures.ts";
import { newLink, type Link } from "./link.ts";
import { readMailbox, writerOf } from "./mailbox.ts";
import type { Start, ToMain, ToWorker } from "./messages.ts";
import { CONNECTIONS_EACH, workerSettings } from "./settings.ts";

declare const self: Worker;

const tell = (message: ToMain): void => self.postMessage(message);

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "start") {
    begin(data).catch((error: unknown) => {
      tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    });
  }
};

async function begin(start: Start): Promise<void> {
  const { beside, mailboxes, open, settings, threads } = start;
  const log = newLog(systemClock, settings["log-level"], stderrWriter(settings["log-format"]));
  const faults = newFaults(log);
  survive(faults, log);
  const writers = mailboxes.map(writerOf);
  const wake = (thread: number, id: number): void => writers[thread]?.(id);
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
      firstConnection: start.self * CONNECTIONS_EACH,
      open: new Int32Array(open),
      gone: link.gone,
    },
  });
  const mailbox = mailboxes[start.self];
  if (mailbox !== undefined) {
    readMailbox(mailbox, link.look, (error) => faults.note(error));
  }
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    try {
      if (data.kind === "settings") {
        log.configure(data.settings["log-level"], stderrWriter(data.settings["log-format"]));
      }
      obey(server, link, data);
    } catch (error) {
      faults.note(error);
    }
  };
  tell({ kind: "listening", addresses: server.addresses });
}

function obey(server: Server, link: Link, message: ToWorker): void {
  if (link.take(server.directory, message)) {
    return;
  }
  switch (message.kind) {
    case "end": {
      const channel = server.directory.find(message.user, message.channel);
      if (channel !== undefined) {
        server.directory.end(channel, message.why);
      }
      break;
    }
    case "kick":
      answer(message.ask, server.kick(message.connection, message.why));
      break;
    case "figures":
      answer(message.ask, figuresOf(server));
      break;
    case "watchers": {
      const epoch = Date.now() - systemClock.now();
      const subject = { server, clock: systemClock, epoch };
      answer(message.ask, listWatchers(subject, allUpTo(message.query)));
      break;
    }
    case "settings":
      server.apply(workerSettings(message.settings));
      break;
    case "certificates":
      void server.reloadCertificates();
      break;
    case "stop":
      void server.stop().finally(() => answer(message.ask, true));
      break;
  }
}

function answer(ask: number, what: unknown): void {
  tell({ kind: "answer", ask, answer: what });
}

/** A page of all threads may be all of this one: so from the first entry on. */
function allUpTo(query: string): URLSearchParams {
  const params = new URLSearchParams(query);
  const end = Number(params.get("offset") ?? 0) + Number(params.get("limit") ?? 0);
  params.set("offset", "0");
  params.set("limit", String(end));
  return params;
}
