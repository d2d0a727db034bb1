/**
 * The newest bytes of one stream, in one contiguous piece of shared memory.
 *
 *       absolute offset →
 *     0 … ────────┬───────────────────────────────┬──► head
 *                 │ tail                          │
 *     gone        └─ oldest byte held             └─ where the next byte goes
 *
 *       index = offset % capacity
 *     ┌──────────────┬────────────────────────────┐
 *     │ … newest     │ oldest …                   │      capacity bytes
 *     └──────────────┴────────────────────────────┘
 *                    └─ head % capacity
 *
 * Invariant: 0 ≤ head - tail ≤ capacity, and the byte of absolute offset o, tail ≤ o < head, is
 * bytes[o % capacity]. Offsets are doubles, exact up to 2^53: nine petabytes of one stream.
 */
export interface Ring {
  bytes: Uint8Array;
  /** Where another thread writes it, says what that is about to overwrite: see shared.ts. */
  guard: Int32Array | null;
  capacity: number;
  /** The absolute offset behind the newest byte. */
  head: number;
  /** The absolute offset of the oldest byte held. */
  tail: number;
}

/** An empty ring of `capacity` bytes. */
export function newRing(capacity: number): Ring {
  return { bytes: shared(capacity), guard: null, capacity, head: 0, tail: 0 };
}

/**
 * The index in `bytes` of the absolute `offset`. Not by `%`, which on doubles is a call of fmod and
 * costs a hundredth of a fan-out; this is exact as long as offsets are.
 */
export function indexOf(ring: Ring, offset: number): number {
  return offset - Math.floor(offset / ring.capacity) * ring.capacity;
}

/**
 * Copies `chunk` in behind the newest byte, over the oldest. The chunk is at most as long as the
 * ring.
 */
export function append(ring: Ring, chunk: Uint8Array): void {
  const index = indexOf(ring, ring.head);
  const upToEnd = ring.capacity - index;
  if (chunk.length <= upToEnd) {
    ring.bytes.set(chunk, index);
  } else {
    ring.bytes.set(chunk.subarray(0, upToEnd), index);
    ring.bytes.set(chunk.subarray(upToEnd), 0);
  }
  ring.head += chunk.length;
  ring.tail = Math.max(ring.tail, ring.head - ring.capacity);
}

/**
 * Gives the ring a larger capacity. Every byte keeps its absolute offset, and so every cursor its
 * meaning.
 */
export function grow(ring: Ring, capacity: number): void {
  const bytes = shared(capacity);
  for (let offset = ring.tail; offset < ring.head;) {
    const from = indexOf(ring, offset);
    const to = offset % capacity;
    const run = Math.min(ring.head - offset, ring.capacity - from, capacity - to);
    bytes.set(ring.bytes.subarray(from, from + run), to);
    offset += run;
  }
  ring.bytes = bytes;
  ring.capacity = capacity;
}

function shared(capacity: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(capacity));
}
