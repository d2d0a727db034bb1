/**
 * The parameter sets of an H.264 or H.265 stream: what a decoder must have before a picture, and
 * what the stream may have sent only once, long ago.
 *
 *     key      0x000 …      0x100 …      0x200 …       kind and identifier, in the order of sending
 *            ┌────────────┬────────────┬────────────┐
 *     sets   │ SPS 0      │ …          │ PPS 0, 1   │  the newest of each
 *            └────────────┴────────────┴────────────┘
 *     brought: the keys that came since the last picture, which the next access unit itself holds
 *
 * Invariant: the set-up, start codes included, takes `bytes` bytes.
 */
import { concatBytes, searchable } from "../core/bytes.ts";
import { SETUP_MAX_BYTES } from "../core/limits.ts";
import { NOTHING } from "./scanner.ts";

const START_CODE: Uint8Array = Uint8Array.of(0, 0, 0, 1);

export interface ParameterSets {
  readonly sets: Map<number, Uint8Array>;
  readonly brought: Set<number>;
  bytes: number;
  /** All sets in one array, until one changes. */
  whole: Uint8Array | undefined;
}

/** The key of a set: its `kind` says in which order sets depend on each other. */
export function setKey(kind: number, id: number): number {
  return kind * 0x100 + id;
}

export function newParameterSets(): ParameterSets {
  return { sets: new Map(), brought: new Set(), bytes: 0, whole: undefined };
}

/** Keeps a copy of `unit` as the newest set of this key. */
export function keepSet(state: ParameterSets, key: number, unit: Uint8Array): void {
  state.brought.add(key);
  const old = state.sets.get(key);
  if (old !== undefined && searchable(old).equals(unit)) {
    return;
  }
  state.bytes += unit.length - (old === undefined ? -START_CODE.length : old.length);
  state.sets.set(key, Uint8Array.from(unit));
  state.whole = undefined;
}

/** What was brought belongs to a picture that has come, and the next one must bring its own. */
export function beginPicture(state: ParameterSets): void {
  // Emptying an empty set takes longer than parsing a slice.
  if (state.brought.size > 0) {
    state.brought.clear();
  }
}

/** Whether the sets, and `more` bytes, take no more than a set-up may. */
export function setsFit(state: ParameterSets, more: number): boolean {
  return state.bytes + more <= SETUP_MAX_BYTES;
}

/** What must be sent before the access unit that begins: nothing where it brings every set there is. */
export function missingSets(state: ParameterSets): Uint8Array {
  return state.brought.size === state.sets.size ? NOTHING : allSets(state);
}

function allSets(state: ParameterSets): Uint8Array {
  if (state.whole === undefined) {
    const inOrder = [...state.sets].toSorted(([a], [b]) => a - b);
    state.whole = concatBytes(...inOrder.flatMap(([, unit]) => [START_CODE, unit]));
  }
  return state.whole;
}
