/**
 * A raw client of the relay: it sends what a test says, and counts and hashes what comes back. It
 * knows the frame of the protocol and nothing else, so that a mistake of the real client cannot
 * hide one of the server.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Socket, SocketHandler } from "bun";
import { boundReceiveBuffer } from "./receive-buffer.ts";

/** Where a server listens. On TLS, `ca` is the authority that its certificate is from. */
export type Where =
  { readonly port: number; readonly ca?: string | undefined } | { readonly unix: string };

/** How a connection ended: the server closed it, the server reset it, or this side gave it up. */
export type Ending = "end" | "reset" | "own";

export interface DialOptions {
  /** The address of this side: the loopback has all that begin with 127. */
  readonly from?: string;
  /**
   * How many of the first frames that come are replies and no stream. Where the request asks for
   * them a watcher gets one, and a broadcaster nothing but such frames.
   */
  readonly replies?: number;
  /** Whether nothing is read until `resume`. */
  readonly frozen?: boolean;
  /** Bytes a second that are read at most, asked again after each piece. */
  readonly pace?: () => number;
  /** Bytes that the kernel takes in while this side does not read. */
  readonly receiveBuffer?: number;
  /** Whether this side stays open, and can send, when the server has closed its own. */
  readonly halfOpen?: boolean;
  /** Shown the bytes of the stream as they come. */
  readonly onStream?: (chunk: Uint8Array) => void;
}

export interface Client extends Disposable {
  /** How the connection ended; with `halfOpen` how the server's side of it did. */
  ended(): Promise<Ending>;
  /** Bytes of the stream so far. Replies that were asked for are none of them. */
  received(): number;
  /** The SHA-256 of those bytes, in hex. */
  digest(): string;
  /** The text of the next reply, once it is there. */
  reply(): Promise<string>;
  /** Resolves when `count` bytes of the stream are there, fails when they can no longer come. */
  until(count: number): Promise<void>;
  /** Resolves when the kernel has taken all of `bytes`, and fails when it cannot any more. */
  send(bytes: Uint8Array): Promise<void>;
  pause(): void;
  resume(): void;
  /** Closes this side; what was sent arrives. */
  end(): void;
  /** Resets the connection. */
  destroy(): void;
}

/** Milliseconds after which what a test waits for counts as never: machines are busy. */
const NEVER_MS = 60_000;

/** Fails, saying `what` has not come, when `promise` takes far too long. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  ms: number = NEVER_MS,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const missed = typeof what === "string" ? what : what();
    late.reject(new Error(`waited ${ms} ms in vain for ${missed}`));
  }, ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The frame that carries `text`, built here by hand. */
export function frame(text: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/** Random bytes that begin with a text no format begins with. */
export function payload(size: number): Uint8Array {
  const bytes = randomBytes(size);
  bytes.write("a stream of no format that anybody knows\n".slice(0, size));
  return bytes;
}

/** The SHA-256 of `bytes`, in hex. */
export function sha256(...bytes: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  bytes.forEach((piece) => hash.update(piece));
  return hash.digest("hex");
}

/** Connects and sends `request`; undefined sends nothing. */
export async function connect(
  where: Where,
  request?: string,
  options: DialOptions = {},
): Promise<Client> {
  const client = await dial(where, {
    replies: repliesTo(request ?? ""),
    ...options,
  });
  if (request !== undefined) {
    await client.send(frame(request));
  }
  return client;
}

/** Connects, and returns how that ends where the server has no place: it may be before it has begun. */
export async function turnedAway(where: Where, options: DialOptions = {}): Promise<Ending> {
  try {
    using client = await connect(where, undefined, options);
    return await client.ended();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ECONNRESET") {
      return "reset";
    }
    throw error;
  }
}

/** Connects and waits until the server has let the client in: `request` must ask for a reply. */
export async function admitted(
  where: Where,
  request: string,
  options: DialOptions = {},
): Promise<Client> {
  const client = await connect(where, request, options);
  const reply = await client.reply();
  if (reply !== "ok") {
    throw new Error(`the server answered ${reply} to ${request}`);
  }
  return client;
}

function repliesTo(request: string): number {
  const [verb, ...fields] = request.split(",");
  return fields.includes("reply=1") ? (verb === "broadcast" ? Infinity : 1) : 0;
}

interface State {
  readonly stream: ReturnType<typeof createHash>;
  readonly options: DialOptions;
  /** Replies that nobody has asked for yet. */
  readonly replies: string[];
  /** How many replies have yet to come before what comes is stream. */
  awaited: number;
  /** What has come of the next reply. */
  held: Uint8Array;
  received: number;
  over: Ending | null;
  finished: boolean;
  /** Those who wait for something, each asked again whenever something has changed. */
  readonly waiting: Set<() => void>;
}

async function dial(where: Where, options: DialOptions): Promise<Client> {
  const ended = Promise.withResolvers<Ending>();
  const state: State = {
    stream: createHash("sha256"),
    options,
    replies: [],
    awaited: options.replies ?? 0,
    held: new Uint8Array(0),
    received: 0,
    over: null,
    finished: false,
    waiting: new Set(),
  };
  const finish = (ending: Ending): void => {
    state.over ??= ending;
    ended.resolve(state.over);
    wake(state);
  };
  const secured = Promise.withResolvers<void>();
  const handlers: SocketHandler<undefined> = {
    ...("ca" in where && where.ca !== undefined ? handshakeHandler(secured, options) : {}),
    open(opened) {
      opened.timeout(0);
      if (options.receiveBuffer !== undefined) {
        boundReceiveBuffer(opened, options.receiveBuffer);
      }
      if (options.frozen === true && !("ca" in where)) {
        opened.pause();
      }
    },
    data(from, chunk) {
      takeStream(state, takeReplies(state, chunk));
      keepPace(from, chunk.length, options.pace?.() ?? Infinity);
      wake(state);
    },
    drain: () => wake(state),
    end: () => finish("end"),
    close() {
      state.finished = true;
      // Where this side's own write meets the reset, Bun reports no error.
      finish("reset");
    },
    error: () => {},
  };
  const allowHalfOpen = options.halfOpen ?? false;
  // Bun has the option, its types do not: spread in, it passes.
  const local = options.from === undefined ? {} : { localAddress: options.from };
  const socket =
    "port" in where
      ? await Bun.connect({
          hostname: "127.0.0.1",
          port: where.port,
          allowHalfOpen,
          socket: handlers,
          ...local,
          ...(where.ca === undefined ? {} : { tls: { ca: where.ca } }),
        })
      : await Bun.connect({ unix: where.unix, allowHalfOpen, socket: handlers });
  if ("ca" in where && where.ca !== undefined) {
    await within(secured.promise, "the TLS handshake");
  }
  return {
    ...sender(socket, state),
    ended: () =>
      within(ended.promise, () => `the end of a connection that got ${state.received} bytes`),
    received: () => state.received,
    digest: () => state.stream.copy().digest("hex"),
    reply: () => nextReply(state),
    until: (count) => arrival(state, count),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}

/** Settles when TLS is agreed on, or not. Nothing can be frozen before that. */
function handshakeHandler(
  secured: PromiseWithResolvers<void>,
  { frozen = false }: DialOptions,
): Pick<SocketHandler<undefined>, "handshake"> {
  return {
    handshake(socket, success, error) {
      if (success) {
        if (frozen) {
          socket.pause();
        }
        secured.resolve();
      } else {
        secured.reject(error ?? new Error("TLS failed"));
      }
    },
  };
}

/** The half of a client that sends and closes. */
function sender(
  socket: Socket,
  state: State,
): Pick<Client, "send" | "end" | "destroy" | typeof Symbol.dispose> {
  const destroy = (): void => {
    state.over ??= "own";
    socket.terminate();
  };
  return {
    send: (bytes) => within(sendAll(socket, state, bytes), "bytes to be taken"),
    end() {
      state.over ??= "own";
      socket.end();
    },
    destroy,
    [Symbol.dispose]: destroy,
  };
}

async function sendAll(socket: Socket, state: State, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    const taken = state.finished ? -1 : socket.write(bytes, sent, bytes.length - sent);
    if (taken < 0) {
      throw new Error(`the connection ended (${state.over ?? "closed"}) after ${sent} bytes`);
    }
    sent += taken;
    if (sent < bytes.length) {
      await changed(state);
    }
  }
}

/** Takes replies off the bytes that come, and returns what of `chunk` is stream. */
function takeReplies(state: State, chunk: Uint8Array): Uint8Array {
  if (state.awaited === 0) {
    return chunk;
  }
  const held = Buffer.concat([state.held, chunk]);
  const end = held.length < 5 ? Infinity : 5 + held.readUInt32BE();
  if (held.length < end) {
    state.held = held;
    return new Uint8Array(0);
  }
  state.held = new Uint8Array(0);
  state.awaited--;
  state.replies.push(held.toString("utf8", 5, end));
  return takeReplies(state, held.subarray(end));
}

function nextReply(state: State): Promise<string> {
  const arrive = async (): Promise<string> => {
    for (;;) {
      const reply = state.replies.shift();
      if (reply !== undefined) {
        return reply;
      }
      if (state.over !== null) {
        throw new Error(`the connection ended (${state.over}) without a reply`);
      }
      await changed(state);
    }
  };
  return within(arrive(), "a reply");
}

function takeStream(state: State, bytes: Uint8Array): void {
  state.received += bytes.length;
  state.stream.update(bytes);
  state.options.onStream?.(bytes);
}

/** Reads no further until the bytes just read have taken their time. */
function keepPace(socket: Socket, length: number, pace: number): void {
  if (pace < Infinity) {
    socket.pause();
    setTimeout(() => socket.resume(), (length * 1000) / pace);
  }
}

function arrival(state: State, count: number): Promise<void> {
  const arrive = async (): Promise<void> => {
    while (state.received < count) {
      if (state.over !== null) {
        throw new Error(`ended (${state.over}) at ${state.received} of ${count} bytes`);
      }
      await changed(state);
    }
  };
  return within(arrive(), () => `byte ${count} of a stream that is at ${state.received}`);
}

function changed(state: State): Promise<void> {
  return new Promise((resolve) => state.waiting.add(resolve));
}

function wake(state: State): void {
  const waiting = [...state.waiting];
  state.waiting.clear();
  waiting.forEach((resume) => resume());
}
