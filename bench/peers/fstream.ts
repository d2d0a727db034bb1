/** The relay of this checkout. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Target } from "../load/messages.ts";
import { spawnServer, type Spawned } from "../measure/spawn.ts";
import { BENCH_USER, OUR_REQUESTS } from "./ours.ts";
import type { Peer, PeerOptions } from "./peer.ts";

const NAME = "fstream";

const PROGRAM = join(import.meta.dir, "../../src/cli/main.ts");

export const fstream: Peer = {
  name: NAME,
  missing: () => undefined,
  async start(options) {
    const users = newUsers();
    try {
      const server = await spawnRelay(options, users.path, []);
      return {
        target: targetAt(server.port),
        parts: [{ name: NAME, pid: server.pid }],
        async stop() {
          await server.stop();
          users.forget();
        },
      };
    } catch (error) {
      users.forget();
      throw error;
    }
  },
  ...OUR_REQUESTS,
};

/** A folder of users, in which is who broadcasts here. */
export function newUsers(): { readonly path: string; forget(): void } {
  const path = mkdtempSync(join(tmpdir(), "fstream-bench-"));
  writeFileSync(join(path, `${BENCH_USER}.ini`), "[DEFAULT]\n");
  return { path, forget: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts one relay with flags of its own before those that are asked for, and waits until it listens. */
export function spawnRelay(
  { flags, prefix }: PeerOptions,
  users: string,
  own: readonly string[],
): Promise<Spawned> {
  const where = ["--host=127.0.0.1", "--port=0", "--admin-port=0", `--users=${users}`];
  return spawnServer(
    [...prefix, process.execPath, PROGRAM, "serve", ...where, ...own, ...flags],
    /listening on \S*:(\d+)/,
  );
}

export function targetAt(port: number): Target {
  return { peer: NAME, host: "127.0.0.1", port, user: BENCH_USER, password: undefined };
}
