/**
 * Connections that ask to be let in, from the question to the authenticator's answer. Nobody hears what
 * is answered to one that has gone meanwhile, and so nothing may be kept for it.
 */
import type { Authenticator, AuthRequest } from "../auth/authenticator.ts";
import type { Refusal } from "../core/errors.ts";
import { nameOf, type Holder } from "./guests.ts";

export interface Asking {
  /** What the authenticator says; an error where it failed, undefined where the connection has gone. */
  judge(asked: AuthRequest, thread: number): Promise<Refusal | Error | null | undefined>;
  /** A connection has ended. */
  gone(holder: Holder): void;
  /** A thread is no more. */
  crashed(thread: number): void;
}

export function newAsking(authenticator: Authenticator): Asking {
  const present = new Map<string, Holder>();
  return {
    async judge(asked, thread) {
      const holder = { thread, connection: asked.connection };
      present.set(nameOf(holder), holder);
      const verdict = await answerTo(authenticator, asked);
      return present.delete(nameOf(holder)) ? verdict : undefined;
    },
    gone: (holder) => void present.delete(nameOf(holder)),
    crashed(thread) {
      for (const [name, holder] of present) {
        if (holder.thread === thread) {
          present.delete(name);
        }
      }
    },
  };
}

async function answerTo(
  authenticator: Authenticator,
  asked: AuthRequest,
): Promise<Refusal | Error | null> {
  try {
    return await authenticator.authenticate(asked);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
