/**
 * A broadcast that goes on while others do their worst: numbered frames, each of which every watcher
 * checks byte by byte and times.
 */
import { frame, HEADER } from "../hub/film.ts";
import { admitted, type Client, type Where } from "../support/sockets.ts";

const FRAMES_PER_SECOND = 30;
const FRAME_BYTES = 4_000;
const GOP = 30;

/** Bytes before a frame of IVF. */
const FRAME_HEAD_BYTES = 12;

/** Watchers that are there from beginning to end. */
const WATCHERS = 5;

/** Milliseconds between two watchers that join in mid-stream, and the frames that they stay for. */
const JOIN_EVERY_MS = 500;
const JOIN_FRAMES = 10;

/** Milliseconds after which a frame counts as lost. */
const LOST_MS = 30_000;

export interface Show extends Disposable {
  /**
   * Ends it. Throws where a watcher has seen anything but every frame, whole and in its order.
   */
  finish(): Promise<Figures>;
}

export interface Figures {
  /** Frames that were sent, and how often one was seen as it was sent. */
  readonly frames: number;
  readonly seen: number;
  /** Connections that it took. */
  readonly connections: number;
  /** Milliseconds from a frame's sending to its last byte at a watcher. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

interface Viewer {
  /** How many frames had been sent when it came: those before the next one are not timed. */
  readonly cameAt: number;
  /** Whether the header has come. */
  begun: boolean;
  /** The number of the next frame; undefined before the first one, which is a keyframe. */
  next: number | undefined;
  rest: Buffer;
  problem: string | null;
}

interface Seat {
  readonly client: Client;
  readonly viewer: Viewer;
}

/** What the whole audience has in common. */
interface Hall {
  readonly where: Where;
  readonly user: string;
  /** When each frame was sent. */
  readonly sentAt: number[];
  readonly delays: number[];
}

/** Begins a broadcast by `user` to watchers of its own. */
export async function show(where: Where, user: string, password: string): Promise<Show> {
  const hall: Hall = { where, user, sentAt: [], delays: [] };
  const request = `broadcast,user=${user},user-password=${password},reply=1`;
  const broadcaster = await admitted(where, request);
  const seats = await Promise.all(Array.from({ length: WATCHERS }, () => sit(hall)));
  const [doors, end] = [new AbortController(), new AbortController()];
  const sending = send(hall, broadcaster, end.signal);
  const joining = join(hall, doors.signal);
  // Whoever finishes it is told.
  sending.catch(() => {});
  joining.catch(() => {});
  const dispose = (): void => {
    doors.abort();
    end.abort();
    [broadcaster, ...seats.map(({ client }) => client)].forEach((client) => client.destroy());
  };
  return {
    async finish() {
      doors.abort();
      const joined = await joining;
      end.abort();
      await sending;
      const frames = hall.sentAt.length;
      await Promise.all(seats.map((seat) => sees(seat, frames)));
      dispose();
      return {
        frames,
        seen: hall.delays.length,
        connections: 1 + WATCHERS + joined,
        ...quantiles(hall.delays),
      };
    },
    [Symbol.dispose]: dispose,
  };
}

/** Sends each frame when it is due, so that being late once does not add up. */
async function send(hall: Hall, broadcaster: Client, over: AbortSignal): Promise<void> {
  const start = performance.now();
  await broadcaster.send(HEADER);
  for (let number = 0; !over.aborted; number++) {
    hall.sentAt.push(performance.now());
    await broadcaster.send(frame(number, FRAME_BYTES, number % GOP === 0));
    await Bun.sleep(
      Math.max(start + ((number + 1) * 1000) / FRAMES_PER_SECOND - performance.now(), 0),
    );
  }
}

/** Has one watcher after the other join in mid-stream, see some frames, and leave. */
async function join(hall: Hall, over: AbortSignal): Promise<number> {
  let joined = 0;
  while (!over.aborted) {
    await Bun.sleep(JOIN_EVERY_MS);
    const seat = await sit(hall);
    await sees(seat, hall.sentAt.length + JOIN_FRAMES);
    seat.client.destroy();
    joined++;
  }
  return joined;
}

async function sit(hall: Hall): Promise<Seat> {
  const viewer: Viewer = {
    cameAt: hall.sentAt.length,
    begun: false,
    next: undefined,
    rest: Buffer.alloc(0),
    problem: null,
  };
  const onStream = (chunk: Uint8Array): void => look(hall, viewer, chunk);
  const client = await admitted(hall.where, `watch,user=${hall.user},reply=1`, { onStream });
  return { client, viewer };
}

/** Waits until the viewer has seen all frames before the number `count`, and throws at a bad one. */
async function sees({ client, viewer }: Seat, count: number): Promise<void> {
  const deadline = performance.now() + LOST_MS;
  while ((viewer.next ?? 0) < count) {
    await client.until(client.received() + 1);
    if (performance.now() > deadline) {
      viewer.problem ??= `frame ${viewer.next} of ${count} does not come`;
    }
    if (viewer.problem !== null) {
      throw new Error(viewer.problem);
    }
  }
}

/** Checks every frame that is complete now. */
function look(hall: Hall, viewer: Viewer, chunk: Uint8Array): void {
  viewer.rest = Buffer.concat([viewer.rest, chunk]);
  if (!viewer.begun && viewer.rest.length >= HEADER.length) {
    viewer.problem = viewer.rest.indexOf(HEADER) === 0 ? null : "it does not begin with the header";
    viewer.rest = viewer.rest.subarray(HEADER.length);
    viewer.begun = true;
  }
  const length = FRAME_HEAD_BYTES + FRAME_BYTES;
  for (; viewer.begun && viewer.rest.length >= length; viewer.rest = viewer.rest.subarray(length)) {
    const number = viewer.rest.readUInt32LE(4);
    const isKeyframe = number % GOP === 0;
    if (number !== (viewer.next ?? number) || (viewer.next === undefined && !isKeyframe)) {
      viewer.problem ??= `frame ${number} came where ${viewer.next ?? "a keyframe"} should`;
    }
    if (!viewer.rest.subarray(0, length).equals(frame(number, FRAME_BYTES, isKeyframe))) {
      viewer.problem ??= `frame ${number} is torn`;
    }
    if (number >= viewer.cameAt) {
      hall.delays.push(performance.now() - (hall.sentAt[number] ?? 0));
    }
    viewer.next = number + 1;
  }
}

function quantiles(values: readonly number[]): Pick<Figures, "p50" | "p99" | "most"> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}
