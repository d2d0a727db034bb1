/**
 * The calls by which a load process on Linux reads thousands of sockets for less than the server's
 * cost. Bun's own `data` event copies each chunk into memory of its own, which then is garbage.
 *
 *     epoll_wait ──► ┌────────┬──────┐ 12 bytes an event on x86, 16 elsewhere
 *                    │ events │ slot │
 *                    └────────┴──────┘ ──► recv(descriptor of slot) ──► one buffer for all
 */
import { dlopen, ptr } from "bun:ffi";

const SIGNATURES = {
  epoll_create1: { args: ["i32"], returns: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
  usleep: { args: ["u32"], returns: "i32" },
} as const;

export interface Libc {
  /** Waits for `us` microseconds, and the whole process with it. */
  readonly doze: (us: number) => void;
  readonly newPoll: () => Poll;
}

export interface Poll {
  /** Bytes that `receive` has put. */
  readonly buffer: Buffer;
  /**
   * Watches a descriptor for bytes, under the number `slot`. It is told of once whenever some come:
   * who does not read them all must come back by itself.
   */
  add(descriptor: number, slot: number): void;
  /** Waits for at most `ms` milliseconds; returns how many slots are ready. */
  wait(ms: number): number;
  /** The slot of the ready one of the number `index`. */
  slotOf(index: number): number;
  /** Whether the peer of that one sends nothing more than what is there. */
  isEnding(index: number): boolean;
  /** Reads into the buffer, or, with `discard`, only counts. 0 at the stream's end, -1 without bytes. */
  receive(descriptor: number, discard: boolean): number;
}

/** Bytes of one read, which is the last one if it gets fewer: some frames at once, and no more than a processor's cache holds. */
export const BUFFER_BYTES: number = 256 * 1024;

/** Slots told of by one wait. */
export const EVENTS_MAX = 512;

/** Linux, by its headers. */
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x8000_0000;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;

/** Undefined on other systems, where Bun's own events must do. */
export function loadLibc(): Libc | undefined {
  if (process.platform !== "linux") {
    return undefined;
  }
  try {
    const { symbols } = dlopen("libc.so.6", SIGNATURES);
    return { doze: (us) => void symbols.usleep(us), newPoll: () => newPoll(symbols) };
  } catch {
    return undefined;
  }
}

function newPoll(libc: ReturnType<typeof dlopen<typeof SIGNATURES>>["symbols"]): Poll {
  const packed = process.arch === "x64";
  const stride = packed ? 3 : 4;
  const slotAt = packed ? 1 : 2;
  // Small arrays without a buffer of their own are moved by the engine, and their address with them.
  const events = new Uint32Array(new ArrayBuffer(4 * stride * EVENTS_MAX));
  const one = new Uint32Array(new ArrayBuffer(4 * stride));
  const buffer = Buffer.alloc(BUFFER_BYTES);
  const [eventsAt, oneAt, bufferAt] = [ptr(events), ptr(one), ptr(buffer)];
  const epoll = libc.epoll_create1(0);
  return {
    buffer,
    add(descriptor, slot) {
      one[0] = EPOLLIN + EPOLLRDHUP + EPOLLET;
      one[slotAt] = slot;
      libc.epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, oneAt);
    },
    wait: (ms) => libc.epoll_wait(epoll, eventsAt, EVENTS_MAX, ms),
    slotOf: (index) => events[index * stride + slotAt] ?? 0,
    isEnding: (index) => ((events[index * stride] ?? 0) & EPOLLRDHUP) !== 0,
    receive: (descriptor, discard) =>
      discard
        ? libc.recv(descriptor, null, BUFFER_BYTES, MSG_DONTWAIT | MSG_TRUNC)
        : libc.recv(descriptor, bufferAt, BUFFER_BYTES, MSG_DONTWAIT),
  };
}
