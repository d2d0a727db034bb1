/** The control row: the smallest fan-out that Bun can be made to do. */
import { join } from "node:path";
import { spawnServer } from "../measure/spawn.ts";
import { BENCH_USER, OUR_REQUESTS } from "./ours.ts";
import type { Peer } from "./peer.ts";

const PROGRAM = join(import.meta.dir, "../control.ts");

export const control: Peer = {
  name: "control",
  missing: () => undefined,
  async start({ prefix }) {
    const server = await spawnServer(
      [...prefix, process.execPath, PROGRAM],
      /listening on \S*:(\d+)/,
    );
    return {
      target: {
        peer: "control",
        host: "127.0.0.1",
        port: server.port,
        user: BENCH_USER,
        password: undefined,
      },
      parts: [{ name: "control", pid: server.pid }],
      stop: () => server.stop(),
    };
  },
  ...OUR_REQUESTS,
};
