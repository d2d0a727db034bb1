/**
 * Child processes: started, asked for what they say, and ended by their own pid whatever becomes of
 * the run.
 */

export interface Spawned {
  readonly pid: number;
  readonly port: number;
  /** What it has said on stderr so far. */
  said(): string;
  stop(): Promise<void>;
}

/** Characters of a child's complaints that are kept. */
const SAID_MAX_CHARS = 4_000;

const children = new Set<Bun.Subprocess>();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** Remembers a child until it has ended. */
export function adopt(child: Bun.Subprocess): void {
  children.add(child);
  void child.exited.then(() => children.delete(child));
}

export async function kill(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

/**
 * Starts a server. With `listening` it waits until that matches what the server says on stderr; its
 * first group is the port.
 */
export async function spawnServer(
  command: readonly string[],
  listening: RegExp | undefined,
): Promise<Spawned> {
  // A server in a group of its own would outlive a closed terminal; in ours, Ctrl-C reaches it too.
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1" },
  });
  adopt(child);
  let said = "";
  const told = Promise.withResolvers<number>();
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      said = (said + decoder.decode(chunk, { stream: true })).slice(-SAID_MAX_CHARS);
      const port = listening?.exec(said)?.[1];
      if (port !== undefined) {
        told.resolve(Number(port));
      }
    }
    told.reject(new Error(`${command.join(" ")} ended: ${said.trim()}`));
  })();
  // Whoever does not wait for it need not handle it either.
  told.promise.catch(() => {});
  const port = listening === undefined ? 0 : await told.promise;
  return { pid: child.pid, port, said: () => said, stop: () => kill(child) };
}
