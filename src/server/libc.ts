/**
 * The calls of the C library that Bun does not offer and a relay needs.
 *
 * `send`: Bun's own `socket.write` finds its way to the descriptor through four objects in as many
 * places of the memory, none of which are in the processor's caches when 500 watchers take turns.
 * Measured with 500 × 2 Mbit/s on one core each for relay and load: 1.17 to 1.21 × the CPU of a C
 * relay with `socket.write`, 1.05 × with a direct call.
 *
 * `setsockopt`: without TCP_NOTSENT_LOWAT the kernel takes some four megabytes for a watcher that
 * has stopped reading. They cost memory that no limit of ours sees, they are lost for skipping
 * (what the kernel has taken must arrive), and `drain` comes only when a third of them has gone,
 * which hides a slow watcher's progress for a minute.
 *
 * `dup`: a second descriptor of a listening socket, with which a listener can be replaced by another
 * while the socket and its queue stay.
 */
import { dlopen, ptr, type Pointer } from "bun:ffi";

export interface Libc {
  /**
   * Sends what lies at `address` without waiting and without a signal. Returns the bytes taken, or
   * -1.
   */
  send(descriptor: number, address: number, length: number): number;
  /** Bounds what the kernel holds for a TCP socket and has not sent, in bytes. */
  boundUnsent(descriptor: number, bytes: number): void;
  /** A second descriptor of the same thing, or -1. */
  duplicate(descriptor: number): number;
}

const SIGNATURES = {
  dup: { args: ["i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
} as const;

/** Linux, by its headers: MSG_DONTWAIT | MSG_NOSIGNAL; IPPROTO_TCP and TCP_NOTSENT_LOWAT. */
const SEND_FLAGS = 0x40 | 0x4000;
const IPPROTO_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;

/** The C library, or undefined on systems other than Linux, where Bun's own calls must do. */
export function loadLibc(): Libc | undefined {
  if (process.platform !== "linux") {
    return undefined;
  }
  const symbols =
    open("libc.so.6") ?? open(`libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`);
  if (symbols === undefined) {
    return undefined;
  }
  const { dup, send, setsockopt } = symbols;
  const option = new Int32Array(1);
  return {
    // A sum of a pointer and an offset is a number to the compiler.
    send: (descriptor, address: Pointer, length) => send(descriptor, address, length, SEND_FLAGS),
    boundUnsent(descriptor, bytes) {
      option[0] = bytes;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, ptr(option), option.byteLength);
    },
    duplicate: (descriptor) => dup(descriptor),
  };
}

function open(
  library: string,
): ReturnType<typeof dlopen<typeof SIGNATURES>>["symbols"] | undefined {
  try {
    return dlopen(library, SIGNATURES).symbols;
  } catch {
    return undefined;
  }
}
