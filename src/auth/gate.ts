/**
 * Stands before any authenticator: bounds its time, survives its mistakes, and slows down whoever
 * keeps guessing.
 *
 *     request ──► wait, if its source failed before ──► authenticator ──► answer
 *                  │ too many wait                        │ silent, or it throws
 *                  └──► limit                             └──► timeout, forbidden
 */
import type { Clock } from "../core/clock.ts";
import { isCode, refusal, type Refusal } from "../core/errors.ts";
import { AUTH_TIMEOUT_MS } from "../core/limits.ts";
import type { AuthRequest, Authenticator } from "./authenticator.ts";
import { sourceOf } from "./source.ts";
import { throttle } from "./throttle.ts";

/** What a gate needs of the world. */
export interface GateOptions {
  readonly clock: Clock;
  /** Takes a line for the log about an authenticator that did not do its work. */
  readonly onProblem: (message: string) => void;
  readonly timeoutMs?: number;
}

const TOO_MANY = refusal("limit", "too many attempts from this address; try again later");
const TIMEOUT = refusal("timeout", "the server took too long to decide; try again later");
const FORBIDDEN = refusal("forbidden", "the server cannot let anyone in right now");

/** Wraps `authenticator`. The result never rejects. */
export function gate(authenticator: Authenticator, options: GateOptions): Authenticator {
  const { clock, onProblem, timeoutMs = AUTH_TIMEOUT_MS } = options;
  const guesses = throttle(clock);

  /** Says whether the attempt may go on. */
  const waitTurn = async (source: string): Promise<boolean> => {
    const ms = guesses.delay(source);
    if (ms === "full") {
      return false;
    }
    if (ms > 0) {
      const done = guesses.wait(source);
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      done();
    }
    return true;
  };

  const ask = (request: AuthRequest): Promise<Refusal | null> =>
    new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => {
        onProblem(`the authenticator gave no answer in ${timeoutMs} ms`);
        resolve(TIMEOUT);
      });
      void decide(authenticator, request, onProblem).then((answer) => {
        cancel();
        resolve(answer);
      });
    });

  return {
    async authenticate(request) {
      const source = guesser(request);
      if (source === undefined) {
        return ask(request);
      }
      if (!(await waitTurn(source))) {
        return TOO_MANY;
      }
      const answer = await ask(request);
      if (answer === null) {
        guesses.succeeded(source);
      } else if (answer.code === "unauthorized") {
        guesses.failed(source);
      }
      return answer;
    },
  };
}

/**
 * Whom failures are counted against; nobody on a unix socket, where all peers look the same.
 * Watchers and broadcasters are counted apart: an encoder that retries with an old password must
 * not slow the viewers behind the same router.
 */
function guesser(request: AuthRequest): string | undefined {
  return request.address === "" ? undefined : `${request.verb} ${sourceOf(request.address)}`;
}

/** The authenticator's answer, or `forbidden` where it fails to give a valid one. Never rejects. */
async function decide(
  authenticator: Authenticator,
  request: AuthRequest,
  onProblem: (message: string) => void,
): Promise<Refusal | null> {
  try {
    const answer: unknown = await authenticator.authenticate(request);
    if (answer === null || isRefusal(answer)) {
      return answer;
    }
    onProblem("the authenticator gave an answer that is none");
  } catch (error) {
    onProblem(
      `the authenticator failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return FORBIDDEN;
}

function isRefusal(answer: unknown): answer is Refusal {
  if (typeof answer !== "object" || answer === null) {
    return false;
  }
  const { code, message } = answer as Partial<Record<keyof Refusal, unknown>>;
  return typeof code === "string" && isCode(code) && typeof message === "string";
}
