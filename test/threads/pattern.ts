/**
 * A stream of which every byte is known from its offset. Its period is a prime, so a byte of one turn of
 * a ring is not that of the next.
 */
const PERIOD = 99_991;

/** The period twice, so that any run of up to a period is one piece. */
const BYTES = newPattern();

function newPattern(): Uint8Array {
  const bytes = new Uint8Array(2 * PERIOD);
  let seed = 1;
  for (let at = 0; at < PERIOD; at++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = bytes[at + PERIOD] = seed >>> 24;
  }
  return bytes;
}

/** What lies from the absolute `offset` on. */
export function patternAt(offset: number, length: number): Uint8Array {
  const at = offset % PERIOD;
  return BYTES.subarray(at, at + length);
}
