/**
 * The API: paths to what they answer.
 *
 *     GET    /api/status                    GET    /api/events
 *     GET    /api/channels                  GET    /api/player/USER/CHANNEL   for everybody
 *     GET    /api/channels/USER/CHANNEL     DELETE /api/channels/USER/CHANNEL
 *     GET    /api/watchers                  DELETE /api/watchers/ID
 *
 * An unnamed channel is the empty name behind the slash.
 */
import { refusal } from "../core/errors.ts";
import type { Channel } from "../hub/model.ts";
import { isLive } from "./cluster.ts";
import type { Events } from "./events.ts";
import { listChannels, listWatchers } from "./lists.ts";
import { json, problem, wrongMethod } from "./replies.ts";
import { channelStatus, formatOf, mediaPort, serverStatus, type Subject } from "./snapshot.ts";

export interface ApiOptions {
  readonly subject: Subject;
  readonly events: Events;
}

const ENDED = refusal("forbidden", "ended by an administrator");
const KICKED = refusal("forbidden", "closed by an administrator");
const NO_CHANNEL = "there is no such channel";

/** Answers a request to /api/ that may be answered. */
export async function answer(options: ApiOptions, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const isDelete = request.method === "DELETE";
  await options.subject.server.elsewhere?.refresh();
  const [, , noun = "", ...rest] = pathname.split("/");
  if (!isDelete && request.method !== "GET") {
    return wrongMethod("GET, DELETE");
  }
  const isOne = rest.length > 0;
  if (noun === "channels" && isOne) {
    return oneChannel(options, rest, isDelete);
  }
  if (noun === "watchers" && isOne) {
    return isDelete ? kick(options, rest) : wrongMethod("DELETE");
  }
  if (isOne || !["status", "channels", "watchers", "events"].includes(noun)) {
    return problem(404, "not-found", "there is no such address in this API");
  }
  if (isDelete) {
    return wrongMethod("GET");
  }
  switch (noun) {
    case "channels":
      return orBad(listChannels(options.subject, searchParams));
    case "watchers":
      return orBad(await listWatchers(options.subject, searchParams));
    case "events":
      return stream(options.events);
    default:
      return json(serverStatus(options.subject));
  }
}

/** What a player needs to know of a channel, for every page that asks: the media port says as much. */
export function answerPlayer({ server }: Subject, request: Request): Response {
  const open = { "access-control-allow-origin": "*" };
  if (request.method !== "GET") {
    return wrongMethod("GET");
  }
  const words = new URL(request.url).pathname.split("/").slice(3);
  const name = channelName(words);
  if (name === undefined) {
    return problem(404, "not-found", NO_CHANNEL);
  }
  const channel = server.directory.find(name.user, name.channel);
  const { contentType, format } = formatOf(channel?.live?.scan.format);
  const live = channel !== undefined && isLive(server, channel);
  const locked = (channel?.password ?? "") !== "";
  return json({ port: mediaPort(server), live, format, contentType, locked }, 200, open);
}

function oneChannel(
  { subject }: ApiOptions,
  words: readonly string[],
  isDelete: boolean,
): Response {
  const { directory } = subject.server;
  const name = channelName(words);
  const channel: Channel | undefined = name && directory.find(name.user, name.channel);
  if (channel === undefined) {
    return problem(404, "not-found", NO_CHANNEL);
  }
  if (!isDelete) {
    return json(channelStatus(subject, channel, subject.rates.history(channel)));
  }
  directory.end(channel, ENDED);
  return json({ ended: true });
}

async function kick(
  { subject }: ApiOptions,
  [id = "", ...more]: readonly string[],
): Promise<Response> {
  const { elsewhere, ...server } = subject.server;
  const isNumber = more.length === 0 && /^\d{1,15}$/.test(id);
  const isClosed =
    isNumber &&
    (server.kick(Number(id), KICKED) || (await elsewhere?.kick(Number(id), KICKED)) === true);
  return isClosed ? json({ closed: true }) : problem(404, "not-found", "there is no such watcher");
}

function channelName(
  words: readonly string[],
): { readonly user: string; readonly channel: string } | undefined {
  const [user, channel = "", ...more] = words.map(decode);
  return user === undefined || more.length > 0 ? undefined : { user, channel };
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

function orBad(found: object | string): Response {
  return typeof found === "string" ? problem(400, "bad-request", found) : json(found);
}

function stream(events: Events): Response {
  const body = events.listen();
  return body === undefined
    ? problem(503, "limit", "too many listen already")
    : new Response(body, {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      });
}
