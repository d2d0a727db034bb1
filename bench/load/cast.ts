/**
 * Broadcasters: each frame is sent when it is due, or as soon as the server takes it. What is late
 * stays late in the figures, for a frame's latency counts from when it was due.
 */
import type { Socket } from "bun";
import { peerOf } from "../peers/table.ts";
import { newStudio, type Frame, type Studio, type Synthetic } from "../stream/synthetic.ts";
import { newHistogram, pack, record, type Histogram } from "../verify/histogram.ts";
import type { Window } from "../verify/tally.ts";
import { nowUs } from "./clock.ts";
import { loadLibc } from "./libc.ts";
import { castPort } from "./places.ts";
import type { CastOrder, Parent, Target } from "./messages.ts";

/** Microseconds between saying that a broadcast begins and its first frame. */
const HEAD_START_US = 50_000;

/** Microseconds before the next frame from which on the process itself waits, for timers are coarse. */
const DOZE_US = 2_000;

/** Microseconds of the longest sleep: as long as an answer of the parent may take. */
const SLEEP_MAX_US = 50_000;

/** Microseconds after the window in which the server may still take what was due within it. */
const LATE_MAX_US = 2_000_000;

/** One broadcast under way. */
interface Cast {
  readonly channel: number;
  broadcast: Synthetic;
  socket: Socket | undefined;
  /** The next frame to be sent. */
  sequence: number;
  /** The frame before it, and from where to where the kernel has not taken it. */
  bytes: Buffer;
  from: number;
  to: number;
  due: number;
  /** Frames so far that were due within the window. */
  frames: number;
  ending: boolean;
}

/** What all broadcasters of this process have in common. */
interface Shared {
  readonly order: CastOrder;
  readonly parent: Parent;
  readonly studio: Studio;
  readonly lateness: Histogram;
  window: Window;
  closed: number;
}

export async function castAll(order: CastOrder, parent: Parent): Promise<void> {
  const shared: Shared = {
    order,
    parent,
    studio: newStudio(order.plan),
    lateness: newHistogram(),
    window: { from: Infinity, to: Infinity },
    closed: 0,
  };
  const casts = Array.from({ length: order.channels }, (_, channel) => newCast(shared, channel));
  await Promise.all(casts.map((cast) => connect(shared, cast)));
  parent.tell({ kind: "ready", connected: order.channels, failed: 0 });

  let restartAt = order.restartMs > 0 ? nowUs() + order.restartMs * 1_000 : Infinity;
  const doze = loadLibc()?.doze;
  const go = async (until: () => boolean): Promise<void> => {
    while (!until()) {
      await pass(shared, casts, doze);
      if (nowUs() >= restartAt) {
        restartAt = nowUs() + order.restartMs * 1_000;
        await Promise.all(casts.map((cast) => restart(shared, cast)));
      }
    }
  };
  void parent.window.then((set) => (shared.window = set));
  await go(() => nowUs() >= shared.window.from);
  const before = process.cpuUsage();
  await go(() => nowUs() >= shared.window.to);
  const used = process.cpuUsage(before);
  const deadline = nowUs() + LATE_MAX_US;
  await go(() => nowUs() > deadline || casts.every((cast) => isBeyond(cast, shared.window.to)));
  parent.tell({
    kind: "cast-result",
    frames: casts.map(({ frames }) => frames),
    lateness: pack(shared.lateness),
    closed: shared.closed,
    cpuSeconds: (used.user + used.system) / 1e6,
  });
  // On and on, for a server may keep the last frame back until it sees the next one.
  await go(() => false);
}

/** Whether all that was due before `us` has been sent. */
function isBeyond({ broadcast, sequence, from, to }: Cast, us: number): boolean {
  return from === to && broadcast.dueOf(sequence) >= us;
}

/** Sends what is due, and sleeps until something else is. */
async function pass(shared: Shared, casts: readonly Cast[], doze?: (us: number) => void) {
  let next = Infinity;
  for (const cast of casts) {
    next = Math.min(next, sendDue(shared, cast));
  }
  const wait = Math.min(next - nowUs(), SLEEP_MAX_US);
  if (wait > DOZE_US || doze === undefined) {
    await Bun.sleep(Math.max((wait - (doze === undefined ? 0 : DOZE_US)) / 1_000, 0));
  } else {
    if (wait > 0) {
      doze(wait);
    }
    await new Promise(setImmediate);
  }
}

function newCast({ studio }: Shared, channel: number): Cast {
  return {
    channel,
    broadcast: studio.broadcast(channel, 0),
    socket: undefined,
    sequence: 0,
    bytes: Buffer.alloc(0),
    from: 0,
    to: 0,
    due: 0,
    frames: 0,
    ending: false,
  };
}

async function connect(shared: Shared, cast: Cast): Promise<void> {
  const { target } = shared.order;
  cast.ending = false;
  cast.sequence = 0;
  cast.from = cast.to;
  try {
    cast.socket = await dial(shared, cast);
  } catch {
    const port = castPort(target, cast.channel);
    throw new Error(`nothing takes connections at ${target.host}:${port}`);
  }
  cast.broadcast = shared.studio.broadcast(cast.channel, Math.ceil(nowUs()) + HEAD_START_US);
}

function dial(shared: Shared, cast: Cast): Promise<Socket> {
  const { target } = shared.order;
  const port = castPort(target, cast.channel);
  return Bun.connect({
    hostname: target.host,
    port,
    socket: {
      open(socket) {
        socket.timeout(0);
        socket.write(peerOf(target).broadcast(target, cast.channel));
      },
      data() {},
      drain: () => void sendDue(shared, cast),
      close() {
        cast.socket = undefined;
        shared.closed += cast.ending ? 0 : 1;
        if (!cast.ending && shared.window.from === Infinity) {
          shared.parent.tell({ kind: "trouble", message: refused(target, port) });
        }
      },
    },
  });
}

function refused({ host, user }: Target, port: number): string {
  return `${host}:${port} turned our broadcaster away; may ${user} broadcast there with that password?`;
}

/** Ends a broadcast after a whole frame, and begins another one on the same channel. */
async function restart(shared: Shared, cast: Cast): Promise<void> {
  while (cast.from < cast.to && cast.socket !== undefined) {
    await Bun.sleep(1);
  }
  cast.ending = true;
  cast.socket?.end();
  await connect(shared, cast);
}

/** Sends what is due and taken. Returns when the next frame is due, or Infinity while one is stuck. */
function sendDue(shared: Shared, cast: Cast): number {
  for (;;) {
    if (cast.socket === undefined || cast.ending) {
      return Infinity;
    }
    if (cast.from === cast.to) {
      const due = cast.broadcast.dueOf(cast.sequence);
      if (due > nowUs()) {
        return due;
      }
      load(cast, cast.broadcast.frame(cast.sequence++));
    }
    const taken = cast.socket.write(cast.bytes, cast.from, cast.to - cast.from);
    cast.from += Math.max(taken, 0);
    if (cast.from < cast.to) {
      return Infinity;
    }
    finish(shared, cast);
  }
}

/** Puts a frame where it is sent from. One place for all of them leaves the collector nothing to do. */
function load(cast: Cast, { head, body, length, due }: Frame): void {
  if (cast.bytes.length < length) {
    cast.bytes = Buffer.alloc(2 * length);
  }
  head.copy(cast.bytes);
  body.copy(cast.bytes, head.length);
  cast.from = 0;
  cast.to = length;
  cast.due = due;
}

function finish({ lateness, window }: Shared, cast: Cast): void {
  const { due } = cast;
  if (due >= window.from && due < window.to) {
    cast.frames++;
    record(lateness, nowUs() - due);
  }
}
