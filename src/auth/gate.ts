/**
 * Stands before any authenticator: bounds its time, survives its mistakes, and slows down whoever
 * keeps guessing.
 *
 *     request ──► wait, if its source failed before ──► authenticator ──► answer
 *                  │ it failed too often, or too many wait │ silent, or it throws
 *                  └──► limit                              └──► timeout, forbidden
 */
import type { Clock } from "../core/clock.ts";
import { messageOf, isCode, refusal, type Code, type Refusal } from "../core/errors.ts";
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

/** An authenticator that counts, in plain numbers for others to read. */
export interface Gate extends Authenticator {
  /** Attempts that had to wait, and those that were refused without a look at them. */
  readonly counters: { slowed: number; refused: number };
  /** Requests that were not let in, by the reason that they were given. */
  readonly failures: Map<Code, number>;
}

/** Wraps `authenticator`. The result never rejects. */
export function gate(authenticator: Authenticator, options: GateOptions): Gate {
  const { clock, onProblem, timeoutMs = AUTH_TIMEOUT_MS } = options;
  const guesses = throttle(clock);

  const counters = { slowed: 0, refused: 0 };
  const failures = new Map<Code, number>();

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

  const askFor = async (source: string, request: AuthRequest): Promise<Refusal | null> => {
    const answer = await ask(request);
    if (answer === null) {
      guesses.succeeded(source);
    } else if (answer.code === "unauthorized") {
      guesses.failed(source);
    }
    return answer;
  };

  const refuse = (): Refusal => {
    counters.refused++;
    return TOO_MANY;
  };

  const askSlowly = async (source: string, request: AuthRequest, ms: number) => {
    counters.slowed++;
    const done = guesses.begin(source);
    await new Promise<void>((resolve) => clock.after(ms, resolve));
    // Others may have failed meanwhile.
    const answer = guesses.isShutOut(source) ? refuse() : await askFor(source, request);
    done();
    return answer;
  };

  const answerTo = async (request: AuthRequest): Promise<Refusal | null> => {
    const source = guesser(request);
    if (source === undefined) {
      return ask(request);
    }
    const ms = guesses.delay(source);
    if (ms === "refused") {
      return refuse();
    }
    return ms === 0 ? askFor(source, request) : askSlowly(source, request, ms);
  };

  return {
    counters,
    failures,
    async authenticate(request) {
      const answer = await answerTo(request);
      if (answer !== null) {
        failures.set(answer.code, (failures.get(answer.code) ?? 0) + 1);
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
    onProblem(`the authenticator failed: ${messageOf(error)}`);
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
