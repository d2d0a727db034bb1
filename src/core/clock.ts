/**
 * Time as the pure layers see it. The server hands in the real one, tests hand in one that they
 * move.
 */
export interface Clock {
  /** Milliseconds since some fixed moment. Never goes back. */
  now(): number;
  /**
   * Runs `task` once, `ms` milliseconds from now. The function it returns cancels that; calling it
   * late is harmless.
   */
  after(ms: number, task: () => void): () => void;
}
