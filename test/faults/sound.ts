/**
 * Sound whose frames say who they are, in a format that a watcher may join and leave at each of them:
 * ADTS frames, see src/media/adts.ts, with a number and a pattern in the place of their data.
 */
import type { Program } from "../support/program.ts";
import { eventually } from "../support/server.ts";

const HEAD_BYTES = 7;
const NUMBER_BYTES = 4;

/** The longest frame that a header can tell of, in bytes. */
const FRAME_MAX_BYTES = 8191;

/** The frame of the number `number`, with `size` bytes in all. */
export function frame(number: number, size: number): Uint8Array {
  if (size > FRAME_MAX_BYTES) {
    throw new Error(`a frame cannot have ${size} bytes`);
  }
  const bytes = Buffer.alloc(size, number % 251);
  // AAC-LC of 44,100 Hz in two channels, then the length between bits of other fields.
  bytes.set([0xff, 0xf1, 0x50, 0x80 | (size >> 11), (size >> 3) & 0xff, ((size & 7) << 5) | 0x1f]);
  bytes.writeUInt8(0xfc, HEAD_BYTES - 1);
  bytes.writeUInt32BE(number, HEAD_BYTES);
  return bytes;
}

/** What one listener has heard. */
export interface Heard {
  /** The number of the newest frame, -1 before the first one. */
  readonly last: number;
  /** Frames, and how often one was not the next but a later one. */
  readonly frames: number;
  readonly gaps: number;
  /** Bytes behind the last whole frame. */
  readonly rest: number;
}

export interface Listener {
  heard(): Heard;
  /** Waits until the frame `number` or a later one has been heard; throws at a torn frame. */
  hears(number: number): Promise<void>;
  /** Waits for the end of what comes; throws at a torn frame. */
  ended(): Promise<Heard>;
}

/** Checks what a watcher hands on, frame by frame. */
export function listen(watcher: Program): Listener {
  let [last, frames, gaps] = [-1, 0, 0];
  let rest = Buffer.alloc(0);
  let waiting: (() => void)[] = [];

  const take = (chunk: Uint8Array): void => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD_BYTES + NUMBER_BYTES) {
      const size = ((rest.readUInt8(3) & 3) << 11) | (rest.readUInt16BE(4) >> 5);
      if (rest.length < size) {
        break;
      }
      const number = rest.readUInt32BE(HEAD_BYTES);
      const isWhole = size > HEAD_BYTES && rest.subarray(0, size).equals(frame(number, size));
      if (!isWhole || number <= last) {
        throw new Error(`behind frame ${last} comes a torn one, or one that is none: ${number}`);
      }
      gaps += last >= 0 && number !== last + 1 ? 1 : 0;
      frames++;
      last = number;
      rest = rest.subarray(size);
    }
  };
  const wake = (): void => {
    waiting.forEach((go) => go());
    waiting = [];
  };
  const heard = (): Heard => ({ last, frames, gaps, rest: rest.length });
  let over = false;
  const reading = (async (): Promise<Heard> => {
    try {
      for await (const chunk of watcher.stdout) {
        take(chunk);
        wake();
      }
      return heard();
    } finally {
      over = true;
      wake();
    }
  })();
  // Whoever waits is told.
  reading.catch(() => {});
  return {
    heard,
    async hears(number) {
      while (heard().last < number) {
        if (over) {
          await reading;
          throw new Error(`it ended with frame ${last}, before frame ${number}`);
        }
        await new Promise<void>((go) => waiting.push(go));
      }
    },
    ended: () => reading,
  };
}

export interface Player extends Disposable {
  /** The number of the newest frame that has been sent. */
  sent(): number;
  /** Waits until `count` further frames have been sent: time, as the stream has it. */
  plays(count: number): Promise<void>;
  /** Sends no more, and returns the number of the last frame. */
  stop(): Promise<number>;
}

/** Has `broadcaster` send frames of `size` bytes from the number `first` on, `rate` of them a second. */
export function play(broadcaster: Program, size: number, rate: number, first = 0): Player {
  let number = first - 1;
  const stop = new AbortController();
  const started = performance.now();
  const playing = (async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const due = first + Math.floor(((performance.now() - started) * rate) / 1000);
      for (; number < due && !stop.signal.aborted; number++) {
        await broadcaster.write(frame(number + 1, size));
      }
      await Bun.sleep(1000 / rate);
    }
  })();
  // Its broadcaster may be killed.
  playing.catch(() => {});
  return {
    sent: () => number,
    async plays(count) {
      const goal = number + count;
      await Promise.race([playing, eventually(() => number >= goal, `frame ${goal} to be sent`)]);
    },
    async stop() {
      stop.abort();
      await playing;
      return number;
    },
    [Symbol.dispose]() {
      stop.abort();
    },
  };
}
