/**
 * A server under measurement: started, asked for its port, read through /proc, and ended by its own pid.
 */
import { existsSync, readFileSync } from "node:fs";

export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts `command` and waits until it says on stderr where it listens. */
export async function start(name: string, command: readonly string[]): Promise<Subject> {
  const child = Bun.spawn([...command], { stdout: "ignore", stderr: "pipe", stdin: "ignore" });
  let said = "";
  for await (const chunk of child.stderr) {
    said += new TextDecoder().decode(chunk);
    const port = /listening on \S*:(\d+)/.exec(said)?.[1];
    if (port !== undefined) {
      return { name, port: Number(port), pid: child.pid, stop: () => end(child) };
    }
  }
  throw new Error(`${name} did not start: ${said}`);
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

/** Seconds of CPU that a process has used, in all its threads; undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory in MiB; undefined where there is no /proc. */
export function residentMib(pid: number): number | undefined {
  const kib = /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
