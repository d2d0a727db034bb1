/**
 * One broadcast in the memory of several threads. The thread of its broadcaster owns it: it alone
 * writes the bytes, and what is below but for the last three rows. All others read.
 *
 *     control  │ head │                     the absolute offset behind the newest byte that was published
 *              │ edge │                     pages of the stream that are, or are about to be, overwritten
 *              │ generation │               of the ring: a larger one has the next number
 *              │ frames │                   frames found so far; their offsets lie in a ring of 1024
 *              │ hungry │                   the owner waits for a reader before it overwrites
 *              │ floor  0 │ floor  1 │ …    the lowest cursor of each reading thread
 *              │ wanted 0 │ wanted 1 │ …    whether it has watchers, and so has to be woken; or has not said
 *              │ woken  0 │ woken  1 │ …    whether it has been, and has not looked yet
 *
 * A ring is overwritten while others read it, and still no torn byte goes out unnoticed:
 *
 *     owner:   announce `edge` ──► overwrite ──► publish `head`
 *     reader:  send(2) from its cursor on ──► read `edge` ──► cursor below it? close that watcher
 *
 * If a send has read a byte that was overwritten, then the store of `edge`, which the owner makes
 * before, is visible to the reader by the time it reads `edge`: both are sequentially consistent, the
 * overwriting stands between owner's and reader's in every order, and a send copies before it returns.
 * So the reader finds its cursor below the edge, and a watcher that may have had a wrong byte gets no
 * further one. The edge is rounded up to a page: at most that much too early, never too late.
 *
 * A ring that has grown is new memory. The old one is never written again, so who still reads it reads
 * what was; it learns nothing of newer bytes until it has the new one.
 */
import { FRAMES_INDEXED } from "../core/limits.ts";
import type { Known } from "../media/scan.ts";
import type { JoinPoint } from "../media/scanner.ts";
import type { Ring } from "./ring.ts";

/** What threads pass to one another. */
export interface SharedStream {
  /** No other broadcast of the process has this number. */
  readonly id: number;
  /** How many threads there are. */
  readonly threads: number;
  readonly control: SharedArrayBuffer;
}

/** Bytes of a page, the grain of `edge`: 2^32 of them are 16 TiB, and differences may wrap. */
const PAGE = 4096;

/** The last place of a frame's offset. Counts of frames wrap at 2^32, of which this is no concern. */
const LAST_FRAME = FRAMES_INDEXED - 1;

/** Places of the 64-bit numbers. */
const HEAD = 0;
const FLOORS = 1;

/** Places of the 32-bit numbers. */
export const EDGE = 0;
const GENERATION = 1;
const FRAMES = 2;
const HUNGRY = 3;
const WANTED = 4;

/** Whether a thread has watchers. One that has not heard of the broadcast may have some who wait. */
const NO = 0;
const YES = 1;
const UNHEARD = 2;

interface Views {
  readonly large: BigInt64Array<SharedArrayBuffer>;
  readonly small: Int32Array<SharedArrayBuffer>;
  readonly frames: Float64Array<SharedArrayBuffer>;
}

function viewsOf({ control, threads }: SharedStream): Views {
  const frames = 8 * (FLOORS + threads);
  const small = frames + 8 * FRAMES_INDEXED;
  return {
    large: new BigInt64Array(control, 0, FLOORS + threads),
    frames: new Float64Array(control, frames, FRAMES_INDEXED),
    small: new Int32Array(control, small, WANTED + 2 * threads),
  };
}

/**
 * Wakes a thread, which then looks at the broadcast of that number: at once, or with all others when
 * this thread has done what lies before it.
 */
export type Wake = (thread: number, id: number, atOnce: boolean) => void;

/** What is told rarely, and by messages: they come after the bytes that they are about were published. */
export type News =
  /** The ring of that number, which all that is published from now on is in. */
  | { readonly kind: "ring"; readonly generation: number; readonly bytes: SharedArrayBuffer }
  | { readonly kind: "format"; readonly format: Known }
  | { readonly kind: "join"; readonly point: JoinPoint }
  /** There is a rewritten copy, which begins at the absolute offset `from`. */
  | { readonly kind: "copy"; readonly stream: SharedStream; readonly from: number };

/** The owner's side. */
export interface Outlet {
  readonly stream: SharedStream;
  readonly tell: (news: News) => void;
  /** That of a broadcast's copy. */
  readonly copy: () => Outlet;
  /** The absolute offset up to which others have been told of bytes. */
  published(): number;
  /** What lies before the absolute offset `tail` is about to be overwritten. */
  announce(tail: number): void;
  /** A frame begins at `offset`. */
  frame(offset: number): void;
  /** All before `head` may be sent. Others are woken at once, or may be with the next ones. */
  publish(head: number, atOnce: boolean): void;
  /** `ring` has new memory. */
  renew(ring: Ring): void;
  /** The lowest cursor of all others that has not been left behind; Infinity where there is none. */
  floor(): number;
  /** Who is before `tail` is not waited for any more. */
  abandon(tail: number): void;
  /** To be called when this thread was woken, before it looks. */
  heard(): void;
  /** Whether readers are to say when they have got on. */
  hunger(hungry: boolean): void;
}

export interface OutletOptions {
  readonly id: number;
  /** The number of a broadcast's copy. */
  readonly copyId: number;
  readonly threads: number;
  readonly self: number;
  readonly wake: Wake;
  /** Tells news of the broadcast of that number. */
  readonly tell: (id: number, news: News) => void;
}

export function newOutlet(options: OutletOptions): Outlet {
  const { copyId, id, self, threads, wake } = options;
  const tell = (news: News): void => options.tell(id, news);
  const bytes = 8 * (FLOORS + threads + FRAMES_INDEXED) + 4 * (WANTED + 2 * threads);
  const stream = { id, threads, control: new SharedArrayBuffer(bytes) };
  const { frames, large, small } = viewsOf(stream);
  const woken = WANTED + threads;
  small.fill(UNHEARD, WANTED, woken);
  small[WANTED + self] = NO;
  const wakeAll = (atOnce: boolean): void => wakeReaders(small, stream, wake, atOnce);
  let published = 0;
  let abandoned = 0;
  let edge = 0;
  let found = 0;
  return {
    stream,
    tell,
    copy: () => newOutlet({ ...options, id: copyId }),
    published: () => published,
    announce(tail) {
      const page = Math.ceil(tail / PAGE) | 0;
      if (page !== edge) {
        edge = page;
        // An exchange, for no write behind it may overtake it.
        Atomics.exchange(small, EDGE, page);
      }
    },
    frame(offset) {
      frames[found & LAST_FRAME] = offset;
      found = (found + 1) | 0;
      Atomics.store(small, FRAMES, found);
    },
    publish(head, atOnce) {
      published = head;
      Atomics.store(large, HEAD, BigInt(head));
      wakeAll(atOnce);
    },
    renew({ bytes: { buffer } }) {
      if (buffer instanceof SharedArrayBuffer) {
        const generation = Atomics.add(small, GENERATION, 1) + 1;
        tell({ kind: "ring", generation, bytes: buffer });
      }
    },
    floor() {
      let lowest = Infinity;
      for (let thread = 0; thread < threads; thread++) {
        // A page less, for the edge is rounded up to one.
        const floor = Math.max(Number(Atomics.load(large, FLOORS + thread)) - PAGE, 0);
        if (Atomics.load(small, WANTED + thread) !== NO && floor >= abandoned) {
          lowest = Math.min(lowest, floor);
        }
      }
      return lowest;
    },
    abandon(tail) {
      abandoned = Math.max(abandoned, tail);
    },
    heard: () => void Atomics.store(small, woken + self, 0),
    hunger(hungry) {
      Atomics.store(small, HUNGRY, hungry ? 1 : 0);
      if (hungry) {
        wakeAll(true);
      }
    },
  };
}

/** Wakes each thread that has watchers and has looked since it was woken last. */
function wakeReaders(
  small: Int32Array<SharedArrayBuffer>,
  { id, threads }: SharedStream,
  wake: Wake,
  atOnce: boolean,
): void {
  const woken = WANTED + threads;
  for (let thread = 0; thread < threads; thread++) {
    const isWanted = Atomics.load(small, WANTED + thread) === YES;
    if (isWanted && Atomics.exchange(small, woken + thread, 1) === 0) {
      wake(thread, id, atOnce);
    }
  }
}

/** A reader's side. */
export interface Inlet {
  readonly stream: SharedStream;
  /** The numbers of which EDGE is one: see flush in roster.ts. */
  readonly guard: Int32Array<SharedArrayBuffer>;
  /** Which ring it reads; 0 before there is one. */
  generation: number;
  /** Join points whose bytes have not been published yet: a scanner is ahead of a fan-out. */
  readonly points: JoinPoint[];
  /**
   * The absolute offset behind the newest byte that its ring has; -1 while another ring is on its
   * way.
   */
  head(): number;
  /** The absolute offset before which bytes are overwritten, given that of the head. */
  tail(head: number): number;
  /** Offsets of frames, as many as `newFrames` says. */
  readonly frames: Float64Array;
  /** Puts the offsets of frames that were found since the last call into `frames`, and returns their count. */
  newFrames(): number;
  /** Whether this thread is woken. Before it is, it hears of all that there is. */
  want(wanted: boolean): void;
  /** This thread has heard of the broadcast, and has let in those who waited. */
  heard(): void;
  /** Says how far the last watcher of this thread is. */
  report(floor: number): void;
}

export function newInlet(
  stream: SharedStream,
  self: number,
  owner: number,
  wake: Wake,
  catchUp: () => void,
): Inlet {
  const { frames, large, small } = viewsOf(stream);
  const woken = WANTED + stream.threads;
  // Half of all places: the owner must not write over those that are being read.
  const fresh = new Float64Array(FRAMES_INDEXED / 2);
  let seen = 0;
  let isWanted = false;
  // Whoever had this thread's number before is gone.
  Atomics.store(large, FLOORS + self, 0n);
  Atomics.store(small, WANTED + self, UNHEARD);
  Atomics.store(small, woken + self, 0);
  const tail = (head: number): number => {
    const page = Math.floor(head / PAGE);
    return Math.max(page - (((page | 0) - Atomics.load(small, EDGE)) | 0), 0) * PAGE;
  };
  const say = (wanted: boolean): void => {
    if (wanted) {
      // Where the first of them begins is not known yet: nowhere before this.
      Atomics.store(large, FLOORS + self, BigInt(tail(Number(Atomics.load(large, HEAD)))));
    }
    Atomics.store(small, WANTED + self, wanted ? YES : NO);
  };
  return {
    stream,
    guard: small,
    generation: 0,
    points: [],
    head() {
      // Before it: what is published from now on wakes again.
      Atomics.store(small, woken + self, 0);
      const head = Number(Atomics.load(large, HEAD));
      // After it: what was published before the ring changed is in the old one too.
      return Atomics.load(small, GENERATION) === this.generation ? head : -1;
    },
    tail,
    frames: fresh,
    newFrames() {
      const found = Atomics.load(small, FRAMES);
      const count = Math.min((found - seen) | 0, fresh.length);
      const first = found - count;
      for (let i = 0; i < count; i++) {
        fresh[i] = frames[(first + i) & LAST_FRAME] ?? 0;
      }
      seen = found;
      return ((Atomics.load(small, FRAMES) - first) | 0) < FRAMES_INDEXED ? count : 0;
    },
    want(wanted) {
      if (wanted === isWanted) {
        return;
      }
      isWanted = wanted;
      say(wanted);
      if (wanted) {
        catchUp();
      }
    },
    heard() {
      if (!isWanted) {
        say(false);
      }
    },
    report(floor) {
      Atomics.store(large, FLOORS + self, BigInt(floor));
      if (Atomics.load(small, HUNGRY) === 1 && Atomics.exchange(small, woken + owner, 1) === 0) {
        wake(owner, stream.id, true);
      }
    },
  };
}

/** Whether what was read from the absolute offset `from` on may have been overwritten meanwhile. */
export function isLapped(guard: Int32Array, from: number): boolean {
  return ((Atomics.load(guard, EDGE) - (Math.floor(from / PAGE) | 0)) | 0) > 0;
}
