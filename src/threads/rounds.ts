/**
 * A question to several threads, and their answers: whoever does not answer in time, or is no more, is
 * left out.
 */
import type { Clock } from "../core/clock.ts";
import type { Reply } from "./messages.ts";

/** Milliseconds that a thread has to answer: one that is busy for longer has other troubles. */
const ANSWER_MS = 2_000;

export interface Rounds {
  /** Asks `threads` by `ask`, which gets the question's number. Resolves with the answers by thread. */
  ask(
    threads: readonly number[],
    ask: (thread: number, question: number) => void,
    ms?: number,
  ): Promise<Map<number, Reply>>;
  reply(question: number, thread: number, reply: Reply): void;
  /** A thread is no more. */
  lost(thread: number): void;
}

interface Round {
  readonly missing: Set<number>;
  readonly replies: Map<number, Reply>;
  readonly over: () => void;
}

export function newRounds(clock: Clock): Rounds {
  const rounds = new Map<number, Round>();
  let last = 0;

  const leave = (question: number, thread: number): void => {
    const round = rounds.get(question);
    round?.missing.delete(thread);
    if (round?.missing.size === 0) {
      round.over();
    }
  };

  return {
    async ask(threads, ask, ms = ANSWER_MS) {
      const question = ++last;
      const { promise, resolve } = Promise.withResolvers<void>();
      const round: Round = {
        missing: new Set(threads),
        replies: new Map(),
        over: resolve,
      };
      rounds.set(question, round);
      threads.forEach((thread) => ask(thread, question));
      const cancel = clock.after(ms, resolve);
      if (threads.length > 0) {
        await promise;
      }
      cancel();
      rounds.delete(question);
      return round.replies;
    },
    reply(question, thread, reply) {
      rounds.get(question)?.replies.set(thread, reply);
      leave(question, thread);
    },
    lost(thread) {
      [...rounds.keys()].forEach((question) => leave(question, thread));
    },
  };
}
