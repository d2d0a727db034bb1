/**
 * The one socket option that Bun does not offer and a relay needs.
 *
 * Without TCP_NOTSENT_LOWAT the kernel takes some four megabytes for a watcher that has stopped reading. They cost memory
 * that no limit of ours sees, they are lost for skipping (what the kernel has taken must arrive), and `drain` comes only
 * when a third of them has gone, which hides a slow watcher's progress for a minute.
 */
import { dlopen, ptr } from "bun:ffi";
import { KERNEL_BACKLOG_BYTES } from "../core/limits.ts";

interface Option {
  readonly library: string;
  readonly level: number;
  readonly name: number;
}

/** IPPROTO_TCP is 6 everywhere; the option's number is the platform's own. */
const OPTIONS: Partial<Record<NodeJS.Platform, readonly Option[]>> = {
  linux: [
    { library: "libc.so.6", level: 6, name: 25 },
    { library: "libc.so", level: 6, name: 25 },
  ],
  darwin: [{ library: "libSystem.B.dylib", level: 6, name: 0x201 }],
};

/**
 * Returns a function that bounds what the kernel holds for a socket. Where the platform has no such
 * option the function does nothing; on a unix socket the kernel refuses it, which is harmless.
 */
export function backlogLimiter(): (socket: object) => void {
  for (const option of OPTIONS[process.platform] ?? []) {
    const setsockopt = load(option.library);
    if (setsockopt !== undefined) {
      const value = new Int32Array([KERNEL_BACKLOG_BYTES]);
      return (socket) => {
        setsockopt(descriptorOf(socket), option.level, option.name, ptr(value), value.byteLength);
      };
    }
  }
  return () => {};
}

/** Bun's sockets have a public `fd`, which its types leave out; it is -1 once they are closed. */
function descriptorOf(socket: object): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}

type SetSockOpt = (
  descriptor: number,
  level: number,
  name: number,
  value: ReturnType<typeof ptr>,
  size: number,
) => number;

function load(library: string): SetSockOpt | undefined {
  try {
    return dlopen(library, {
      setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    }).symbols.setsockopt;
  } catch {
    return undefined;
  }
}
