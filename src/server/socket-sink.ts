/**
 * The sinks of sockets. That of plain ones takes a socket's descriptor for its handle:
 *
 *     write ──► send(descriptor) ──all taken──► done
 *                    └──short, refused, failed──► socket.write ──► Bun arms `drain`, or closes
 *
 * A descriptor is used between `open` and `close` alone. The connection calls `close` in the
 * socket's own close handler, on this thread and before anything else can be accepted, so a
 * descriptor never stands for another peer than the one meant.
 *
 * TLS sockets have a sink of their own, which never touches the descriptor to write: what goes out
 * there are records, and they are Bun's to make.
 */
import { ptr } from "bun:ffi";
import { KERNEL_BACKLOG_BYTES } from "../core/limits.ts";
import type { Sink } from "../hub/sink.ts";
import { loadLibc, type Libc } from "./libc.ts";

/** As much of a socket as a sink needs. */
export interface WritableSocket {
  write(buffer: Uint8Array, offset: number, length: number): number;
}

export interface SocketSink extends Sink {
  /** Takes a socket in and returns its handle. */
  open(socket: WritableSocket): number;
  /** The socket is closed: its handle means nothing any more. */
  close(handle: number): void;
}

/** The fastest sink that the platform has. */
export function newSocketSink(libc: Libc | undefined = loadLibc()): SocketSink {
  return libc === undefined ? portableSink() : directSink(libc);
}

/**
 * The sink of TLS sockets. Bun takes up to some 256 KiB of records beyond what the kernel does, and
 * from then on refuses as it does for plain ones.
 */
export function newTlsSink(libc: Libc | undefined = loadLibc()): SocketSink {
  const sink = portableSink();
  return {
    ...sink,
    open(socket) {
      libc?.boundUnsent(descriptorOf(socket), KERNEL_BACKLOG_BYTES);
      return sink.open(socket);
    },
  };
}

function directSink(libc: Libc): SocketSink {
  const sockets: (WritableSocket | undefined)[] = [];
  let buffer: Uint8Array | undefined;
  let address = 0;

  /** What the kernel did not take goes through Bun, so that it waits for the socket. */
  const rest = (handle: number, offset: number, length: number, taken: number): number => {
    const begun = Math.max(taken, 0);
    const socket = sockets[handle];
    if (socket === undefined || buffer === undefined) {
      return -1;
    }
    const more = socket.write(buffer, offset + begun, length - begun);
    return more < 0 ? -1 : begun + more;
  };

  return {
    open(socket) {
      const handle = descriptorOf(socket);
      libc.boundUnsent(handle, KERNEL_BACKLOG_BYTES);
      sockets[handle] = socket;
      return handle;
    },
    close(handle) {
      sockets[handle] = undefined;
    },
    write(handle, bytes, offset, length) {
      if (bytes !== buffer) {
        buffer = bytes;
        // By way of its `buffer`: a small array without one lies where the garbage collector put it,
        // and moves when somebody asks for it, which would leave the address kept here stale.
        address = ptr(bytes.buffer, bytes.byteOffset);
      }
      const taken = libc.send(handle, address + offset, length);
      return taken === length ? taken : rest(handle, offset, length, taken);
    },
  };
}

/** The same by Bun's own means. A handle is a place in a list. */
function portableSink(): SocketSink {
  const sockets: (WritableSocket | undefined)[] = [];
  const free: number[] = [];
  return {
    open(socket) {
      const handle = free.pop() ?? sockets.length;
      sockets[handle] = socket;
      return handle;
    },
    close(handle) {
      sockets[handle] = undefined;
      free.push(handle);
    },
    write: (handle, bytes, offset, length) => sockets[handle]?.write(bytes, offset, length) ?? -1,
  };
}

/** Bun's sockets and listeners have a public `fd`, which its types leave out. */
export function descriptorOf(socket: object): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}
