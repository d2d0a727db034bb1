/**
 * The text of a request: `verb,key=value,key=value…`, read and written.
 *
 * A value runs from its first `=` to the next comma, so it may hold `=` and never a comma. Unknown
 * keys are ignored, and of a key that is given twice the last one counts.
 */
import { encodeUtf8 } from "../core/bytes.ts";
import { refusal, type Refusal } from "../core/errors.ts";
import { CHANNEL_MAX_BYTES, NAME_MAX_CHARS } from "../core/limits.ts";

export const JOINS = ["keyframe", "live", "raw"] as const;

/** Where in the stream a watcher begins. */
export type Join = (typeof JOINS)[number];

/** What a peer asks for. */
export interface Request {
  readonly verb: "broadcast" | "watch";
  readonly user: string;
  readonly userPassword: string | undefined;
  /** Empty for the user's unnamed channel. */
  readonly channel: string;
  readonly channelPassword: string | undefined;
  /** Whether the peer wants a reply frame before anything else. */
  readonly reply: boolean;
  /** Watch only; undefined leaves it to the server. */
  readonly join: Join | undefined;
  /** Watch only: whether to wait for a channel that is not live. */
  readonly wait: boolean;
}

/** A request as it is asked for: all but the user may be left out. */
export type Wish = Pick<Request, "verb" | "user"> & {
  readonly [Field in keyof Request]?: Request[Field] | undefined;
};

/** Why a text is no request. `reply` says whether the peer asked to be told. */
export interface BadRequest extends Refusal {
  readonly reply: boolean;
}

/**
 * Says whether `text` may name a user: 1 to 64 of `A-Z a-z 0-9 . _ -`, no leading dot. Names become
 * files' names, so nothing else is let through.
 */
export function isName(text: string): boolean {
  return text.length <= NAME_MAX_CHARS && /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text);
}

/**
 * Says whether `text` may name a channel: anything of up to 255 bytes without control characters;
 * it may be empty.
 */
export function isChannel(text: string): boolean {
  return encodeUtf8(text).length <= CHANNEL_MAX_BYTES && !/[\p{Cc}\u2028\u2029]/u.test(text);
}

/** Splits `verb,key=value…` into its verb and its fields. Pieces without `=` are passed over. */
export function readFields(text: string): { verb: string; fields: Map<string, string> } {
  const [verb = "", ...pieces] = text.split(",");
  const fields = new Map<string, string>();
  for (const piece of pieces) {
    const equals = piece.indexOf("=");
    if (equals > 0) {
      fields.set(piece.slice(0, equals), piece.slice(equals + 1));
    }
  }
  return { verb, fields };
}

/** A request, or why there is none. */
export type RequestRead = { ok: true; request: Request } | { ok: false; bad: BadRequest };

/** Reads the text of a request. */
export function readRequest(text: string): RequestRead {
  return requestOf(readFields(text));
}

/** The request that `fields` make, however they came. */
export function requestOf({ verb, fields }: ReturnType<typeof readFields>): RequestRead {
  const reply = fields.get("reply") === "1";
  const bad = (message: string): { ok: false; bad: BadRequest } => ({
    ok: false,
    bad: { ...refusal("bad-request", message), reply },
  });
  if (verb !== "broadcast" && verb !== "watch") {
    return bad("the verb is neither broadcast nor watch");
  }
  const user = fields.get("user") ?? "";
  if (user === "") {
    return bad("the user is missing");
  }
  if (!isName(user)) {
    return bad("a user's name is 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot");
  }
  const channel = fields.get("channel") ?? "";
  if (!isChannel(channel)) {
    return bad("a channel's name is at most 255 bytes without control characters");
  }
  const join = fields.get("join");
  if (join !== undefined && !isJoin(join)) {
    return bad("join is none of keyframe live raw");
  }
  const request: Request = {
    verb,
    user,
    userPassword: fields.get("user-password"),
    channel,
    channelPassword: fields.get("channel-password"),
    reply,
    join,
    wait: fields.get("wait") !== "0",
  };
  return { ok: true, request };
}

/** As the request of a channel's broadcaster was, without what only the authenticator needs. */
export function broadcastRequest(user: string, channel: string, channelPassword: string): Request {
  return {
    verb: "broadcast",
    user,
    userPassword: undefined,
    channel,
    channelPassword,
    reply: false,
    join: undefined,
    wait: true,
  };
}

/**
 * Writes the text of a request. The caller has made sure by {@link firstUnsendable} that no value
 * holds a comma.
 */
export function writeRequest(wish: Wish): string {
  const fields: readonly (readonly [string, string | undefined])[] = [
    ["user", wish.user],
    ["user-password", wish.userPassword],
    ["channel", wish.channel],
    ["channel-password", wish.channelPassword],
    ["reply", wish.reply === true ? "1" : undefined],
    ["join", wish.join],
    ["wait", wish.wait === false ? "0" : undefined],
  ];
  const given = fields.filter(([, value]) => value !== undefined);
  return [wish.verb, ...given.map(([key, value]) => `${key}=${value}`)].join(",");
}

/**
 * The key of the first value that the protocol cannot carry because it holds a comma, or undefined.
 */
export function firstUnsendable(wish: Wish): string | undefined {
  const values = [
    ["user", wish.user],
    ["user-password", wish.userPassword],
    ["channel", wish.channel],
    ["channel-password", wish.channelPassword],
  ] as const;
  return values.find(([, value]) => value?.includes(","))?.[0];
}

/** Says whether `text` is a way to join. */
export function isJoin(text: string): text is Join {
  return (JOINS as readonly string[]).includes(text);
}
