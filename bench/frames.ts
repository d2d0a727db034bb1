/**
 * The synthetic stream of the bench: frames that say what they are, so that a watcher can check each one.
 *
 *     ┌───────┬────────┬──────────┬───────────┬──────────────────┐
 *     │ FRAM  │ length │ sequence │ sent at   │ payload          │   length counts the whole frame
 *     │ 4     │ u32    │ f64      │ f64, ms   │ a fixed pattern  │
 *     └───────┴────────┴──────────┴───────────┴──────────────────┘
 */
const MAGIC = 0x4652414d;
const HEAD_BYTES = 24;

/** A pattern long enough for the largest frame; every payload is a run of it that begins at its start. */
const PATTERN = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 167 + (i >> 8)) & 0xff);

/** The frame `sequence` of `length` bytes, sent at `sentAt` milliseconds since the epoch. */
export function writeFrame(sequence: number, length: number, sentAt: number): Uint8Array {
  const frame = new Uint8Array(length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, length);
  view.setFloat64(8, sequence);
  view.setFloat64(16, sentAt);
  frame.set(PATTERN.subarray(0, length - HEAD_BYTES), HEAD_BYTES);
  return frame;
}

/** What one watcher has seen. */
export interface Tally {
  frames: number;
  lost: number;
  torn: number;
  /** Milliseconds from sending to the frame's last byte, a frame each. */
  readonly delays: number[];
}

export interface Checker {
  readonly tally: Tally;
  check(chunk: Uint8Array): void;
}

/** Checks a watcher's bytes as they come. It joins at a frame's start or not at all. */
export function newChecker(tally: Tally): Checker {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  let have = 0;
  let payload = 0;
  let taken = 0;
  let next = -1;

  const begin = (): void => {
    if (view.getUint32(0) !== MAGIC) {
      tally.torn++;
      have = 0;
      return;
    }
    payload = view.getUint32(4) - HEAD_BYTES;
    taken = 0;
    const sequence = view.getFloat64(8);
    tally.lost += next < 0 ? 0 : Math.max(sequence - next, 0);
    next = sequence + 1;
  };

  return {
    tally,
    check(chunk) {
      for (let at = 0; at < chunk.length;) {
        if (have < HEAD_BYTES) {
          const count = Math.min(HEAD_BYTES - have, chunk.length - at);
          head.set(chunk.subarray(at, at + count), have);
          have += count;
          at += count;
          if (have === HEAD_BYTES) {
            begin();
          }
          continue;
        }
        const count = Math.min(payload - taken, chunk.length - at);
        if (!equal(chunk, at, count, taken)) {
          tally.torn++;
        }
        taken += count;
        at += count;
        if (taken === payload) {
          tally.frames++;
          tally.delays.push(performance.timeOrigin + performance.now() - view.getFloat64(16));
          have = 0;
        }
      }
    },
  };
}

function equal(chunk: Uint8Array, at: number, count: number, from: number): boolean {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset + at, count);
  return bytes.compare(PATTERN, from, from + count) === 0;
}
