/**
 * Starts the fuzzer as a process of its own, and waits for what it has to tell.
 */
import { resolve } from "node:path";
import type { Orders, Tally } from "./fuzzer.ts";

export async function fuzz(orders: Orders): Promise<Tally> {
  const program = resolve(import.meta.dir, "fuzzer.ts");
  const child = Bun.spawn([process.execPath, program, JSON.stringify(orders)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const tally: Tally = JSON.parse(await child.stdout.text());
    return tally;
  } finally {
    child.kill("SIGKILL");
  }
}
