/**
 * Numbers that look random and are the same in every run with the same seed: mulberry32, which has
 * 32 bits of state and passes for random with anything but a statistician.
 */
export interface Random {
  /** A whole number from 0 up to, and without, `bound`. */
  below(bound: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
  bytes(count: number): Uint8Array;
}

/** The generator of the number `index` among those of `seed`: each connection has its own. */
export function newRandom(seed: number, index: number): Random {
  let state = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (bound: number): number => Math.floor((next() / 2 ** 32) * bound);
  return {
    below,
    chance: (probability) => next() < probability * 2 ** 32,
    pick: (list) => list[below(list.length)] ?? list[0],
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
  };
}
