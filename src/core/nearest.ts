/**
 * The name that somebody probably meant.
 */
import { distance } from "fastest-levenshtein";

/** Edits that are forgiven in the shortest words: one swapped pair of letters is two. */
const LEAST_EDITS = 2;

/**
 * Finds the candidate that is fewest edits away from `word`, whatever the case; the first of
 * equals. Undefined where even that one takes more edits than a third of the word, or as many as
 * the candidate has letters.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let edits = Math.max(LEAST_EDITS, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const needed = distance(word.toLowerCase(), candidate.toLowerCase());
    if (needed < edits && needed < candidate.length) {
      best = candidate;
      edits = needed;
    }
  }
  return best;
}
