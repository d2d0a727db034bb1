/**
 * Bounds what the kernel takes in for a socket that is not read: by default megabytes, which a test of
 * slow watchers would have to fill first. On systems other than Linux it stays as it is.
 */
import { dlopen, ptr } from "bun:ffi";

/** Linux, by its headers. */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;

const setsockopt =
  process.platform === "linux"
    ? dlopen("libc.so.6", {
        setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
      }).symbols.setsockopt
    : undefined;

/** Has the kernel hold some `bytes` for `socket`. */
export function boundReceiveBuffer(socket: object, bytes: number): void {
  const descriptor = "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
  const option = new Int32Array([bytes]);
  setsockopt?.(descriptor, SOL_SOCKET, SO_RCVBUF, ptr(option), option.byteLength);
}
