/**
 * Does with one connection what an {@link Attack} says, and judges what the server makes of it.
 */
import type { Socket, SocketHandler } from "bun";
import { isCode } from "../../src/core/errors.ts";
import type { Attack } from "./attacks.ts";

export interface Outcome {
  readonly connected: boolean;
  /** What was not as it must be. */
  readonly fault: string | null;
}

/**
 * Milliseconds after which a connection that the server must end counts as kept. Guesses of a
 * password are held for eight seconds.
 */
const KEPT_MS = 30_000;

/** Bytes of what comes back that are looked at: more than any reply. */
const LOOKED_AT = 512;

/** Systems other than Linux have but one loopback address. */
const HAS_LOOPBACK_NETWORK = process.platform === "linux";

interface State {
  readonly attack: Attack;
  /** The first bytes that have come. */
  got: Buffer;
  /** Whether what was written last has not all been taken. */
  blocked: boolean;
  over: boolean;
  /** Called whenever something has changed. */
  wake: () => void;
}

export async function attack(port: number, plan: Attack): Promise<Outcome> {
  const state: State = {
    attack: plan,
    got: Buffer.alloc(0),
    blocked: false,
    over: false,
    wake: () => {},
  };
  let socket: Socket<State>;
  try {
    socket = await Bun.connect<State>({
      hostname: "127.0.0.1",
      port,
      data: state,
      // Otherwise Bun closes this side as soon as the server has closed its own.
      allowHalfOpen: true,
      socket: HANDLERS,
      ...(HAS_LOOPBACK_NETWORK ? { localAddress: plan.from } : {}),
    });
  } catch (error) {
    return { connected: false, fault: `it cannot connect: ${String(error)}` };
  }
  if (!plan.reads) {
    socket.pause();
  }
  await sendAll(socket, state);
  const wasEnded = await finish(socket, state);
  return { connected: true, fault: wasEnded ? faultIn(state) : "the server keeps it" };
}

const HANDLERS: SocketHandler<State> = {
  open(socket) {
    socket.timeout(0);
  },
  data({ data: state }, chunk) {
    if (state.got.length < LOOKED_AT) {
      state.got = Buffer.concat([state.got, chunk.subarray(0, LOOKED_AT)]);
      state.wake();
    }
  },
  drain({ data: state }) {
    state.blocked = false;
    state.wake();
  },
  end(socket) {
    socket.end();
    end(socket.data);
  },
  close: ({ data: state }) => end(state),
  error: () => {},
};

function end(state: State): void {
  state.over = true;
  state.wake();
}

async function sendAll(socket: Socket<State>, state: State): Promise<void> {
  const { gap, pieces } = state.attack;
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) {
      await (gap > 0 ? within(state, gap, () => false) : nextPass());
    }
    for (let sent = 0; sent < piece.length;) {
      const taken = state.over ? -1 : socket.write(piece, sent, piece.length - sent);
      if (taken < 0) {
        return;
      }
      sent += taken;
      state.blocked = sent < piece.length;
      await within(state, KEPT_MS, () => !state.blocked);
    }
  }
}

/** Ends the connection as the attack has it. False says that the server has not done its part. */
async function finish(socket: Socket<State>, state: State): Promise<boolean> {
  const { attack: plan } = state;
  if (plan.answer === "ok") {
    await within(state, KEPT_MS, () => state.got.length >= OK.length);
  }
  await within(state, plan.stays, () => false);
  if (plan.end === "end") {
    socket.end();
    return true;
  }
  if (plan.end === "half") {
    // A socket that is paused does not hear of the server's end.
    socket.resume();
    socket.shutdown();
  }
  const isOver = plan.end === "reset" || (await within(state, KEPT_MS, () => false));
  socket.terminate();
  return isOver;
}

/** Waits until the connection is over or `enough` is true; false where neither comes in `ms`. */
async function within(state: State, ms: number, enough: () => boolean): Promise<boolean> {
  const isDone = (): boolean => state.over || enough();
  if (isDone() || ms === 0) {
    return isDone();
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  state.wake = () => {
    if (isDone()) {
      resolve();
    }
  };
  await promise;
  clearTimeout(timer);
  state.wake = () => {};
  return isDone();
}

function nextPass(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const OK = Buffer.from("\0\0\0\x02\0ok");

function faultIn({ attack: { answer, pieces }, got }: State): string | null {
  const shown = (): string => JSON.stringify(got.toString("latin1").slice(0, 80));
  switch (answer) {
    case "anything":
      return null;
    case "nothing":
      return got.length === 0 ? null : `it got ${shown()}`;
    case "ok":
      return got.subarray(0, OK.length).equals(OK)
        ? null
        : `for ${pieces.length} pieces it got ${shown()}`;
    case "refusal":
      return got.length === 0 || isRefusal(got) ? null : `it got ${shown()}`;
  }
}

function isRefusal(got: Buffer): boolean {
  const code = /^error,code=([a-z-]+),message=/.exec(got.toString("utf8", 5))?.[1] ?? "";
  return got.length >= 5 && got.readUInt32BE() === got.length - 5 && isCode(code);
}
