/** The relay of this checkout. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnServer } from "../measure/spawn.ts";
import { BENCH_USER, OUR_REQUESTS } from "./ours.ts";
import type { Peer } from "./peer.ts";

const PROGRAM = join(import.meta.dir, "../../src/cli/main.ts");

export const fstream: Peer = {
  name: "fstream",
  missing: () => undefined,
  async start({ prefix, flags }) {
    const users = mkdtempSync(join(tmpdir(), "fstream-bench-"));
    writeFileSync(join(users, `${BENCH_USER}.ini`), "[DEFAULT]\n");
    const where = ["--host=127.0.0.1", "--port=0", "--admin-port=0", `--users=${users}`];
    const forget = (): void => rmSync(users, { recursive: true, force: true });
    try {
      const server = await spawnServer(
        [...prefix, process.execPath, PROGRAM, "serve", ...where, ...flags],
        /listening on \S*:(\d+)/,
      );
      return {
        target: {
          peer: "fstream",
          host: "127.0.0.1",
          port: server.port,
          user: BENCH_USER,
          password: undefined,
        },
        pid: server.pid,
        async stop() {
          await server.stop();
          forget();
        },
      };
    } catch (error) {
      forget();
      throw error;
    }
  },
  ...OUR_REQUESTS,
};
