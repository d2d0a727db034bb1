/**
 * What nodes say to one another in JSON: all that is rare. Bytes go by layout.ts.
 *
 *     to all    beat   I am here, and this is the number of my last change
 *               live   I have a broadcaster of this channel
 *               silent it has gone, and may come back
 *               over   that broadcast is over
 *               bye    I am leaving in good order
 *     to one    ask    tell me what you have          list    this, in parts
 *               follow send me a broadcast            leave   no longer
 *               taken  I have it up to there          gone    I do not have it
 *               lapsed you were left behind
 *               claim  give a channel up              gave    done          kept    I do not
 *               end    end a channel
 *
 * Everyone who may write to NATS may write anything: what cannot be understood is ignored, and so are
 * kinds and fields that a newer version has.
 */
import { encodeUtf8 } from "../core/bytes.ts";
import { isCode, type Code } from "../core/errors.ts";
import { NODE_NAME_MAX_CHARS } from "../core/limits.ts";
import { isChannel, isName } from "../protocol/request.ts";
import { isNodeId } from "./subjects.ts";

/** A broadcast, as its node tells of it. */
export interface Stream {
  /** A number that no other broadcast of its node has. */
  readonly seq: number;
  /**
   * The time of day at which the channel was claimed, in milliseconds, and more than that of any claim
   * that was known: of two claims the later one counts.
   */
  readonly epoch: number;
  readonly user: string;
  readonly channel: string;
  /** The salted hash of what watchers must know, in lock.ts' form; empty where it is nothing. */
  readonly lock: string;
  /** Whether its broadcaster has gone, and may come back. */
  readonly silent: boolean;
  /** What it is; empty where that is not known yet. */
  readonly format: string;
}

/** Who says it. */
interface From {
  readonly from: string;
}

/** What changes what a node has; `v` counts the changes. */
interface Change extends From {
  readonly v: number;
}

export type ToAll =
  | ({
      readonly k: "beat";
      readonly name: string;
      /** Whether it was away from NATS, and what it said meanwhile is lost. */
      readonly again: boolean;
    } & Change)
  | ({ readonly k: "live"; readonly stream: Stream } & Change)
  | ({
      readonly k: "silent" | "over";
      readonly seq: number;
      /** Whether another node has the channel now, or is about to. */
      readonly replaced: boolean;
    } & Change)
  | ({ readonly k: "bye" } & From);

export type ToOne =
  | ({ readonly k: "ask" } & From)
  | ({
      readonly k: "list";
      readonly name: string;
      readonly streams: readonly Stream[];
      /** Which of so many parts it is, from 0 on. */
      readonly part: number;
      readonly parts: number;
    } & Change)
  | ({
      readonly k: "follow";
      readonly seq: number;
      readonly session: number;
      /** The absolute offset of the next byte that it lacks; -1 where it has none. */
      readonly at: number;
      /** Whether somebody waits who wants all from the first byte on. */
      readonly whole: boolean;
    } & From)
  | ({ readonly k: "taken"; readonly session: number; readonly at: number } & From)
  | ({ readonly k: "leave" | "gone" | "lapsed"; readonly session: number } & From)
  | ({ readonly k: "claim"; readonly number: number; readonly seq: number } & From)
  | ({ readonly k: "gave" | "kept"; readonly number: number } & From)
  | ({
      readonly k: "end";
      readonly seq: number;
      readonly code: Code;
      readonly message: string;
    } & From);

export type Word = ToAll | ToOne;

export function writeWord(word: Word): Uint8Array {
  return encodeUtf8(JSON.stringify(word));
}

/** What `bytes` say; undefined where that cannot be understood. */
export function readWord(bytes: Uint8Array): Word | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  return isFields(value) && isNodeId(value["from"]) ? wordOf(value, value["from"]) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function wordOf(fields: Fields, from: string): Word | undefined {
  const { k } = fields;
  const [seq, session, at, v] = ["seq", "session", "at", "v"].map((name) => wholeOf(fields[name]));
  const number = wholeOf(fields["number"]);
  switch (k) {
    case "beat":
    case "live":
    case "silent":
    case "over":
    case "list":
      return v === undefined ? undefined : changeOf(fields, { from, v }, seq);
    case "bye":
    case "ask":
      return { k, from };
    case "follow":
      return seq === undefined || session === undefined || at === undefined
        ? undefined
        : { k, from, seq, session, at, whole: fields["whole"] === true };
    case "taken":
      return session === undefined || at === undefined ? undefined : { k, from, session, at };
    case "leave":
    case "gone":
    case "lapsed":
      return session === undefined ? undefined : { k, from, session };
    case "claim":
      return number === undefined || seq === undefined ? undefined : { k, from, number, seq };
    case "gave":
    case "kept":
      return number === undefined ? undefined : { k, from, number };
    case "end":
      return seq === undefined ? undefined : endOf(fields, from, seq);
    default:
      return undefined;
  }
}

function changeOf(fields: Fields, base: Change, seq: number | undefined): Word | undefined {
  const { k, streams } = fields;
  const name = textOf(fields["name"]);
  const [part, parts] = [wholeOf(fields["part"]), wholeOf(fields["parts"])];
  const stream = streamOf(fields["stream"]);
  if (k === "beat") {
    return name === undefined ? undefined : { k, name, again: fields["again"] === true, ...base };
  }
  if (k === "live") {
    return stream === undefined ? undefined : { k, stream, ...base };
  }
  if (k === "silent" || k === "over") {
    return seq === undefined
      ? undefined
      : { k, seq, replaced: fields["replaced"] === true, ...base };
  }
  if (name === undefined || part === undefined || parts === undefined || !Array.isArray(streams)) {
    return undefined;
  }
  const understood = streams.map(streamOf).filter((each) => each !== undefined);
  return { k: "list", name, part, parts, streams: understood, ...base };
}

function endOf(fields: Fields, from: string, seq: number): Word | undefined {
  const { code } = fields;
  const message = textOf(fields["message"]);
  return typeof code !== "string" || !isCode(code) || message === undefined
    ? undefined
    : { k: "end", from, seq, code, message };
}

function streamOf(value: unknown): Stream | undefined {
  if (!isFields(value)) {
    return undefined;
  }
  const { channel, format, lock, silent, user } = value;
  const [seq, epoch] = [wholeOf(value["seq"]), wholeOf(value["epoch"])];
  if (seq === undefined || epoch === undefined || epoch < 0) {
    return undefined;
  }
  const isNamed =
    typeof user === "string" && isName(user) && typeof channel === "string" && isChannel(channel);
  return isNamed && typeof lock === "string" && lock.length <= NODE_NAME_MAX_CHARS
    ? { seq, epoch, user, channel, lock, silent: silent === true, format: textOf(format) ?? "" }
    : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number that is exact. */
function wholeOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}

/** A text of bounded length, without what would change the line of a log that it stands in. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= NODE_NAME_MAX_CHARS && !/\p{Cc}/u.test(value)
    ? value
    : undefined;
}
