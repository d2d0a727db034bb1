/**
 * Cuts a stream into its frames, by the scanner that the server uses:
 *
 *     chunks   ├──────────┼──────────┼──────────┤
 *     marks        │frame      │frame, join   │frame
 *     frames       └──────────►└─────────────►└─── whole when the next one begins
 */
import "./buffer.ts";
import type { Marks, NewScanner } from "../../media/scanner.ts";

export interface Frame {
  readonly data: Uint8Array<ArrayBuffer>;
  /** What a decoder that starts here needs before it; undefined where none can start. */
  readonly setup: Uint8Array | undefined;
  /** When its first byte came, by `performance.now()`. */
  readonly arrivedAt: number;
}

/** Bytes of the largest frame that is put together: far beyond what a browser decodes in time. */
const FRAME_MAX_BYTES: number = 64 * 1024 * 1024;

/** Bytes held at first. */
const FIRST_BYTES: number = 256 * 1024;

/** Takes the next chunk, and says whether the stream can be understood so far. */
export type Cutter = (chunk: Uint8Array) => boolean;

export function newCutter(newScanner: NewScanner, take: (frame: Frame) => void): Cutter {
  let held = new Uint8Array(FIRST_BYTES);
  let have = 0;
  /** The offset in the stream of the first byte that is held. */
  let heldFrom = 0;
  let chunkFrom = 0;
  let chunkAt = 0;
  let previousAt = 0;
  let open: { from: number; setup: Uint8Array | undefined; arrivedAt: number } | undefined;

  const marks: Marks = {
    frame(offset) {
      if (open !== undefined) {
        const data = held.slice(open.from - heldFrom, offset - heldFrom);
        take({ data, setup: open.setup, arrivedAt: open.arrivedAt });
      }
      open = {
        from: offset,
        setup: undefined,
        arrivedAt: offset < chunkFrom ? previousAt : chunkAt,
      };
    },
    join({ setup }) {
      if (open !== undefined) {
        open.setup = setup;
      }
    },
  };
  const scanner = newScanner(marks, 0);

  const append = (chunk: Uint8Array): void => {
    if (have + chunk.length > held.length) {
      const larger = new Uint8Array(Math.max(held.length * 2, have + chunk.length));
      larger.set(held.subarray(0, have));
      held = larger;
    }
    held.set(chunk, have);
    have += chunk.length;
  };

  /** Forgets what stands before the frame that is under way. */
  const release = (): void => {
    if (open !== undefined && open.from > heldFrom) {
      held.copyWithin(0, open.from - heldFrom, have);
      have -= open.from - heldFrom;
      heldFrom = open.from;
    }
  };

  return (chunk) => {
    previousAt = chunkAt;
    chunkAt = performance.now();
    chunkFrom = heldFrom + have;
    append(chunk);
    const isSound = scanner.scan(chunk) && have <= FRAME_MAX_BYTES;
    release();
    return isSound;
  };
}

/** The frame with what a decoder needs before it. */
export function withSetup({ data, setup }: Frame): Uint8Array {
  if (setup === undefined || setup.length === 0) {
    return data;
  }
  const whole = new Uint8Array(setup.length + data.length);
  whole.set(setup);
  whole.set(data, setup.length);
  return whole;
}
