/** `fstream status`: what a running server has to tell of its channels, as a table. */
import type { ChannelStatus, Page, ServerStatus, WatcherStatus } from "../protocol/status.ts";
import { command, type Command } from "./command.ts";
import { passwordFromFile } from "./passwords.ts";
import { statusTables } from "./status-tables.ts";
import { messageOf, talk, UsageError } from "./talk.ts";

const DEFAULT_URL = "http://127.0.0.1:61921";

/** Milliseconds between two tables. */
const REDRAW_MS = 1_000;

/** Milliseconds that the server may take to answer. */
const ANSWER_MS = 5_000;

/** Rows that a person looks through; the server has the rest. */
const ROWS = 50;

/** Home, and everything below it is gone (ECMA-48, sections 8.3.21 and 8.3.39). */
const CLEAR = "\u001b[H\u001b[J";

/** Why there is no answer, for the person who asked. */
class NoAnswer extends Error {}

interface Source {
  readonly url: URL;
  readonly token: string | undefined;
}

export const status: Command = command({
  meta: { name: "fstream status", description: "Show what a running server does" },
  args: {
    url: {
      type: "positional",
      required: false,
      valueHint: "url",
      description: `Address of the server's pages [${DEFAULT_URL}]`,
    },
    token: {
      type: "string",
      valueHint: "text",
      description: "The server's admin-token; FSTREAM_ADMIN_TOKEN in the environment",
    },
    "token-file": {
      type: "string",
      valueHint: "path",
      description: "File whose first line is the token",
    },
    json: { type: "boolean", description: "Print JSON, one object a line" },
    watch: {
      type: "boolean",
      description: "Show it anew every second; in a pipe, one table after the other",
    },
    watchers: { type: "boolean", description: "Show the watchers too" },
  },
  async run({ args }) {
    const source = { url: readUrl(args.url ?? DEFAULT_URL), token: readToken(args) };
    const draw = args.json === true ? drawJson : drawTable;
    const once = (): Promise<string> => draw(source, args.watchers === true);
    if (args.watch === true) {
      const isLive = args.json !== true && process.stdout.isTTY;
      await keepLive(once, isLive ? "screen" : "lines", args.json === true ? "" : "\n");
      return;
    }
    try {
      process.stdout.write(`${await once()}\n`);
    } catch (error) {
      talk.error(noAnswer(error).message);
      process.exitCode = 1;
    }
  },
});

/**
 * Shows it anew every second, on a screen in place of what was there. A server that does not answer
 * may be about to come back: that is said, once, and it goes on. The first answer must come.
 */
async function keepLive(
  draw: () => Promise<string>,
  where: "screen" | "lines",
  between: string,
): Promise<void> {
  for (let shown = 0, isLost = false; ;) {
    try {
      const text = await draw();
      process.stdout.write(
        where === "screen" ? CLEAR + fittedToScreen(text) : `${text}\n${between}`,
      );
      shown++;
      isLost = false;
    } catch (error) {
      const { message } = noAnswer(error);
      if (shown === 0) {
        talk.error(message);
        process.exitCode = 1;
        return;
      }
      if (!isLost) {
        talk.warn(`${message}; trying again`);
      }
      isLost = true;
    }
    await Bun.sleep(REDRAW_MS);
  }
}

/** What fits: of a table that is too long, its head is what counts. */
function fittedToScreen(text: string): string {
  const lines = text.split("\n");
  const room = Math.max(process.stdout.rows - 1, 2);
  return lines.length <= room
    ? `${text}\n`
    : `${lines.slice(0, room - 1).join("\n")}\n… the terminal has no more lines\n`;
}

/** Anything else is a mistake of ours. */
function noAnswer(error: unknown): NoAnswer {
  if (error instanceof NoAnswer) {
    return error;
  }
  throw error;
}

function readUrl(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`"${text}" is no address of a server's pages; write ${DEFAULT_URL}`);
  }
  return url;
}

function readToken(args: {
  readonly token?: string | undefined;
  readonly "token-file"?: string | undefined;
}): string | undefined {
  const file = args["token-file"];
  return (
    args.token ?? (file === undefined ? process.env["FSTREAM_ADMIN_TOKEN"] : passwordFromFile(file))
  );
}

/** What the server says is taken for what this version says: names may be added, none changes. */
async function ask<Answer>({ token, url }: Source, path: string): Promise<Answer> {
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { response, text } = await read(new URL(path, url), headers);
  if (response.status === 401) {
    const what = token === undefined ? "needs its admin-token" : "has another admin-token";
    throw new NoAnswer(`the server ${what}; see --token, --token-file or FSTREAM_ADMIN_TOKEN`);
  }
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  const answer: (Answer & { readonly message?: string }) | null = isJson ? JSON.parse(text) : null;
  if (!response.ok || answer === null) {
    const why = answer?.message ?? `HTTP status ${response.status}`;
    throw new NoAnswer(`what answers at ${url.origin} tells nothing: ${why}`);
  }
  return answer;
}

async function read(
  url: URL,
  headers: Record<string, string>,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    return { response, text: await response.text() };
  } catch (error) {
    throw new NoAnswer(`no server answers at ${url.origin}: ${messageOf(error)}`);
  }
}

function askAll(
  source: Source,
  withWatchers: boolean,
): Promise<[ServerStatus, Page<ChannelStatus>, Page<WatcherStatus> | undefined]> {
  return Promise.all([
    ask<ServerStatus>(source, "/api/status"),
    ask<Page<ChannelStatus>>(source, `/api/channels?sort=bitsOut&limit=${ROWS}`),
    withWatchers
      ? ask<Page<WatcherStatus>>(source, `/api/watchers?limit=${ROWS}`)
      : Promise.resolve(undefined),
  ]);
}

async function drawJson(source: Source, withWatchers: boolean): Promise<string> {
  const [server, channels, watchers] = await askAll(source, withWatchers);
  return JSON.stringify({ server, channels, watchers });
}

async function drawTable(source: Source, withWatchers: boolean): Promise<string> {
  const [server, channels, watchers] = await askAll(source, withWatchers);
  return statusTables(server, channels, watchers);
}
