/**
 * `fstream demo`: a relay, a broadcast of a moving picture into it, and a watcher that compares
 * what comes back with what was sent, all on this machine and in one process.
 */
import type { Authenticator } from "../../auth/authenticator.ts";
import { broadcastOnce, newPump } from "../../client/broadcast.ts";
import type { Ask } from "../../client/dial.ts";
import { describe, type Outcome } from "../../client/outcome.ts";
import { newProgress } from "../../client/progress.ts";
import { rateMeter } from "../../client/status.ts";
import { watchOnce } from "../../client/watch.ts";
import { formatBitrate, formatBytes, formatDuration, parseDuration } from "../../core/units.ts";
import { writeAddress, type Address } from "../../protocol/address.ts";
import { writeRequest } from "../../protocol/request.ts";
import { systemClock } from "../../server/clock.ts";
import { stderrWriter } from "../../server/log-writer.ts";
import { newLog } from "../../server/log.ts";
import { startServer, type Server } from "../../server/server.ts";
import { loadSettings } from "../../server/settings.ts";
import { command, type Command } from "../command.ts";
import { invocation } from "../invocation.ts";
import { messageOf, talk, UsageError } from "../talk.ts";
import { accessUnits, CLIP_FPS, loadClip } from "./clip.ts";
import { newLoop, type Findings, type Loop } from "./source.ts";

const USER = "demo";
const CHANNEL = "picture";

/** Milliseconds between two drawings of what flows. */
const DRAW_MS = 250;

/**
 * Milliseconds that the watcher waits before the picture starts, so that it sees the first byte.
 */
const HEAD_START_MS = 50;

export const demo: Command = command({
  meta: { name: "fstream demo", description: "Show a relay at work, and check every byte of it" },
  args: {
    seconds: {
      type: "string",
      valueHint: "n",
      description: "End after this time; else with Ctrl-C",
    },
    port: {
      type: "string",
      valueHint: "n",
      description: "Port of the demo's relay [61920, or a free one]",
    },
  },
  async run({ args }) {
    const ms = args.seconds === undefined ? undefined : readSeconds(args.seconds);
    const server = await startRelay(args.port);
    const [address] = server.addresses;
    if (address === undefined) {
      throw new Error("the demo's relay listens nowhere");
    }
    introduce(address);
    const loop = newLoop(accessUnits(await loadClip()), CLIP_FPS);
    const outcome = await play(loop, server, address, ms);
    await server.stop();
    process.exit(conclude(loop.findings, server, outcome) ? 0 : 1);
  },
});

function readSeconds(text: string): number {
  const ms = parseDuration(text, "s");
  if (ms === null || ms <= 0) {
    throw new UsageError(`--seconds is "${text}": it takes a time, such as 10`);
  }
  return ms;
}

/**
 * A relay for this machine alone. It takes the usual port, or any free one where that is in use.
 */
async function startRelay(port: string | undefined): Promise<Server> {
  try {
    return await startOn(port ?? "61920");
  } catch (error) {
    if (port !== undefined) {
      throw new UsageError(messageOf(error));
    }
    return startOn("0");
  }
}

function startOn(port: string): Promise<Server> {
  const loaded = loadSettings({
    flags: { host: "127.0.0.1", port, linger: "0" },
    env: {},
    file: undefined,
  });
  if (!loaded.ok) {
    throw new UsageError(loaded.errors.join("; "));
  }
  const everyone: Authenticator = { authenticate: async () => null };
  const log = newLog(systemClock, "warn", stderrWriter("text"));
  return startServer({
    settings: loaded.settings,
    authenticator: everyone,
    clock: systemClock,
    log,
  });
}

function introduce(address: Address): void {
  const watch = `${invocation()} watch ${writeAddress(address)} --user ${USER} --channel ${CHANNEL}`;
  process.stderr.write(
    [
      `A relay listens on ${writeAddress(address)}. A moving test picture (H.264, 640 x 360, ${CLIP_FPS} frames`,
      "a second) is broadcast into it, and a watcher compares every byte that comes back.",
      "",
      "Watch it too, from another terminal in this folder:",
      `  ${watch} | ffplay -f h264 -framerate ${CLIP_FPS} -i -`,
      `  ${watch} | mpv --demuxer-lavf-format=h264 -`,
      `  ${watch} > picture.h264`,
      "",
      "",
    ].join("\n"),
  );
}

function ask(verb: Ask["verb"]): Ask {
  return { verb, text: writeRequest({ verb, user: USER, channel: CHANNEL, reply: true }) };
}

/** Runs both ends until the time is over, somebody interrupts, or something goes wrong. */
async function play(
  loop: Loop,
  server: Server,
  address: Address,
  ms: number | undefined,
): Promise<readonly Outcome[]> {
  const { signal } = new AbortController();
  const drawing = draw(loop.findings, server);
  const watching = watchOnce({
    address,
    ask: ask("watch"),
    output: loop.sink,
    progress: newProgress(),
    signal,
  });
  await Bun.sleep(HEAD_START_MS);
  const broadcasting = broadcastOnce({
    address,
    ask: ask("broadcast"),
    pump: newPump(loop.source),
    progress: newProgress(),
    signal,
  });
  loop.start();
  const stop = (): void => loop.stop();
  const timer = ms === undefined ? undefined : setTimeout(stop, ms);
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const outcomes = await Promise.all([broadcasting, watching]);
  clearTimeout(timer);
  drawing.stop();
  return outcomes;
}

/** Draws on a terminal what flows; in a pipe nothing. */
function draw(findings: Findings, server: Server): { stop(): void } {
  if (!process.stderr.isTTY) {
    return { stop() {} };
  }
  const rate = rateMeter();
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const { bytesOut } = server.directory.counters;
    const pieces = [
      formatDuration(now - startedAt),
      `${findings.framesSent} frames sent, ${findings.framesBack} back`,
      findings.wrongAt === undefined ? "all equal" : "NOT EQUAL",
      `delay ${(findings.delays.at(-1) ?? 0).toFixed(1)} ms`,
      `${server.connections.size - 1} watching, ${formatBitrate(rate(bytesOut, now))} out`,
    ];
    process.stderr.write(`\r\x1b[K  ${pieces.join("  ·  ")}`);
  }, DRAW_MS);
  return {
    stop() {
      clearInterval(timer);
      process.stderr.write("\r\x1b[K");
    },
  };
}

/** One screen about what happened. Returns whether all was well. */
function conclude(findings: Findings, server: Server, outcomes: readonly Outcome[]): boolean {
  const { framesSent, bytesSent, framesBack, bytesBack, wrongAt } = findings;
  const delays = findings.delays.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    `${(delays[Math.floor(part * (delays.length - 1))] ?? 0).toFixed(1)} ms`;
  const { counters } = server.directory;
  process.stdout.write(
    [
      `sent      ${framesSent} frames, ${formatBytes(bytesSent)}`,
      `received  ${framesBack} frames, ${formatBytes(bytesBack)}`,
      `delay     ${at(0.5)} median, ${at(0.99)} of 100 frames 99, ${at(1)} at most`,
      `relay     ${formatBytes(counters.bytesIn)} in, ${formatBytes(counters.bytesOut)} out, ${counters.watchers} watched`,
      "",
    ].join("\n"),
  );
  const problems = outcomes.map(describe).filter((problem) => problem !== undefined);
  if (wrongAt !== undefined) {
    problems.push(`byte ${wrongAt} came back other than it was sent`);
  }
  if (bytesBack !== bytesSent) {
    problems.push(`${bytesSent} bytes were sent and ${bytesBack} came back`);
  }
  problems.forEach((problem) => talk.error(problem));
  if (problems.length === 0) {
    talk.success("what came back is what was sent");
  }
  return problems.length === 0;
}
