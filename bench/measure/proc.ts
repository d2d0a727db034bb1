/**
 * What Linux tells in /proc of a process and of the machine. Elsewhere all of it is undefined, and
 * the figures that depend on it stay empty.
 */
import { readFileSync, readdirSync } from "node:fs";
import { cpus } from "node:os";

/** Ticks a second of the times in /proc: 100 on every Linux that Bun runs on. */
const TICKS = 100;

/** Whether there is a /proc to read. */
export const hasProc: boolean = process.platform === "linux";

/** Seconds of CPU that a process has used, in all its threads. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything, so fields count from its end: utime and stime.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Memory of a process that is in RAM, in MiB. */
export function residentMib(pid: number): number | undefined {
  const kib = /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** Files and sockets that a process has open. */
export function descriptors(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

/** Files and sockets that a process may have open. */
export function descriptorLimit(): number | undefined {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(read("/proc/self/limits") ?? "")?.[1];
  return limit === undefined || limit === "unlimited" ? undefined : Number(limit);
}

/** The part of the machine's memory that is still to be had. */
export function memoryLeft(): number | undefined {
  const text = read("/proc/meminfo") ?? "";
  const value = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  const part = value("MemAvailable") / value("MemTotal");
  return Number.isFinite(part) ? part : undefined;
}

/** Seconds that all cores together have been busy, whoever kept them so. */
export function machineBusySeconds(): number | undefined {
  const fields = /^cpu +(.*)$/m
    .exec(read("/proc/stat") ?? "")?.[1]
    ?.split(" ")
    .map(Number);
  if (fields === undefined) {
    return undefined;
  }
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] = fields;
  return (user + nice + system + irq + soft) / TICKS;
}

/** Cores of the machine, whether this process may use them or not. */
export const CORES: number = cpus().length;

/** The machine, for the head of a report. */
export function machineName(): string {
  const model = /^model name\s*:\s*(.*)$/m.exec(read("/proc/cpuinfo") ?? "")?.[1];
  return `${CORES} cores${model === undefined ? "" : ` of ${model}`}`;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
