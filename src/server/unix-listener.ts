/**
 * A unix socket to listen on, and the file that stands for it.
 *
 *     old server ──► inode 17 ◄── PATH              the file names the socket
 *     old server ──► inode 17     PATH ──► inode 18 ◄── new server, beside the old one
 *
 * The kernel never shares such an address. So a server that follows another one listens under a name
 * of its own, which then takes the place of the old file in one step.
 */
import { linkSync, renameSync, rmSync, statSync } from "node:fs";
import type { SocketHandler } from "bun";
import type { Connection } from "./model.ts";
import type { Listener } from "./listener.ts";

type Handlers = SocketHandler<Connection | undefined>;

/**
 * Listens on a unix socket. The file of a server that was killed is replaced; that of one which
 * still answers only where this one is to follow it.
 */
export async function listenUnix(
  path: string,
  handlers: Handlers,
  beside: boolean = false,
): Promise<Listener> {
  if (isSocket(path) && !(await answers(path))) {
    rmSync(path, { force: true });
  }
  const own = beside && isSocket(path) ? `${path}.${process.pid}` : path;
  const listener = Bun.listen<Connection | undefined>({ unix: own, socket: handlers });
  if (own !== path) {
    renameSync(own, path);
  }
  const inode = inodeOf(path);
  return {
    address: { kind: "unix", path },
    stop() {
      if (inodeOf(path) === inode) {
        listener.stop();
        rmSync(path, { force: true });
      } else {
        stopBesideSuccessor(path, () => listener.stop());
      }
    },
  };
}

/** Bun removes the file that it has made, by its name: which names another server's by now. */
function stopBesideSuccessor(path: string, stop: () => void): void {
  const kept = `${path}.${process.pid}.kept`;
  try {
    linkSync(path, kept);
    stop();
    renameSync(kept, path);
  } catch {
    // Nobody listens there any more, or the folder cannot be written to.
    stop();
  }
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

async function answers(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.terminate();
    return true;
  } catch {
    return false;
  }
}
