/**
 * The gate before an authenticator: its patience, its distrust, and what guessers and bystanders notice of it.
 */
import { expect, test } from "bun:test";
import type { Authenticator, AuthRequest } from "../../src/auth/authenticator.ts";
import { gate } from "../../src/auth/gate.ts";
import { refusal, type Refusal } from "../../src/core/errors.ts";
import {
  AUTH_SHUT_OUT_FAILURES,
  AUTH_SHUT_OUT_MS,
  AUTH_TIMEOUT_MS,
} from "../../src/core/limits.ts";
import { handClock, request, settle } from "./helpers.ts";

/** An authenticator that knows one password and counts what it is asked. */
function onePassword(): Authenticator & { asked: number } {
  const self = {
    asked: 0,
    authenticate({ userPassword }: AuthRequest): Promise<Refusal | null> {
      self.asked++;
      return Promise.resolve(userPassword === "right" ? null : refusal("unauthorized", "wrong"));
    },
  };
  return self;
}

/** A gate with its own time and log. */
function gateBefore(authenticator: Authenticator) {
  const clock = handClock();
  const problems: string[] = [];
  const gated = gate(authenticator, { clock, onProblem: (message) => problems.push(message) });
  return { clock, problems, gated };
}

/** What `answer` gives once `ms` have passed; "pending" where it gives nothing by then. */
async function within(clock: ReturnType<typeof handClock>, ms: number, answer: Promise<unknown>) {
  let result: unknown = "pending";
  void answer.then((value) => (result = value));
  await clock.advance(ms);
  await settle();
  return result;
}

const guess = request({ userPassword: "guess" });
const right = request({ userPassword: "right" });

test("an authenticator's answer passes unchanged and leaves no timer behind", async () => {
  const busy = refusal("busy", "not now");
  const { clock, gated, problems } = gateBefore({ authenticate: () => Promise.resolve(busy) });
  expect(await gated.authenticate(request())).toBe(busy);
  expect(await gateBefore(onePassword()).gated.authenticate(right)).toBeNull();
  expect(clock.pending()).toBe(0);
  expect(problems).toEqual([]);
});

test("an authenticator that gives no answer in time is a timeout, and its late answer is ignored", async () => {
  const late = Promise.withResolvers<Refusal | null>();
  const { clock, gated, problems } = gateBefore({ authenticate: () => late.promise });
  const answer = gated.authenticate(request());
  expect(await within(clock, AUTH_TIMEOUT_MS - 1, answer)).toBe("pending");
  expect(await within(clock, 1, answer)).toHaveProperty("code", "timeout");
  expect(problems).toEqual([`the authenticator gave no answer in ${AUTH_TIMEOUT_MS} ms`]);
  late.resolve(null);
  await settle();
  expect(await answer).toHaveProperty("code", "timeout");
});

test("an authenticator that throws, at once or later, lets nobody in and is reported", async () => {
  const failing: Authenticator["authenticate"][] = [
    () => {
      throw new Error("the database is away");
    },
    () => Promise.reject(new Error("the database is away")),
  ];
  for (const authenticate of failing) {
    const { gated, problems } = gateBefore({ authenticate });
    const answer = await gated.authenticate(request());
    expect(answer).toHaveProperty("code", "forbidden");
    expect(answer?.message).not.toContain("database");
    expect(problems).toEqual(["the authenticator failed: the database is away"]);
  }
});

test("an answer that is none lets nobody in and is reported", async () => {
  const answers = [undefined, true, false, 0, "", "ok", {}, [], { code: "nonsense", message: "x" }];
  for (const given of [...answers, { code: "busy" }, { code: "busy", message: 1 }]) {
    // Made without types, like a module that may answer anything.
    const untyped: Authenticator = Object.create(null, {
      authenticate: { value: () => Promise.resolve(given) },
    });
    const { gated, problems } = gateBefore(untyped);
    expect(await gated.authenticate(request())).toHaveProperty("code", "forbidden");
    expect(problems).toEqual(["the authenticator gave an answer that is none"]);
  }
});

test("a guesser waits longer and longer, and is asked for nothing meanwhile", async () => {
  const authenticator = onePassword();
  const { clock, gated } = gateBefore(authenticator);
  for (let i = 0; i < 3; i++) {
    expect(await gated.authenticate(guess)).toHaveProperty("code", "unauthorized");
  }
  for (const wait of [250, 500, 1000, 2000, 4000, 8000, 8000]) {
    const asked = authenticator.asked;
    const answer = gated.authenticate(guess);
    expect(await within(clock, wait - 1, answer)).toBe("pending");
    expect(authenticator.asked).toBe(asked);
    expect(await within(clock, 1, answer)).toHaveProperty("code", "unauthorized");
  }
});

test("the tenth failure shuts out: nothing is looked at for a time, not even the right password", async () => {
  const authenticator = onePassword();
  const { clock, gated } = gateBefore(authenticator);
  for (let failures = 0; failures < AUTH_SHUT_OUT_FAILURES; failures++) {
    const answer = gated.authenticate(guess);
    expect(await within(clock, 8000, answer)).toHaveProperty("code", "unauthorized");
  }
  expect(gated.counters).toEqual({ slowed: 7, refused: 0 });
  for (const attempt of [guess, right]) {
    expect(await gated.authenticate(attempt)).toHaveProperty("code", "limit");
  }
  expect(authenticator.asked).toBe(AUTH_SHUT_OUT_FAILURES);
  expect(gated.counters).toEqual({ slowed: 7, refused: 2 });
  expect(await gated.authenticate({ ...right, address: "192.0.2.2" })).toBeNull();
  await clock.advance(AUTH_SHUT_OUT_MS);
  expect(await within(clock, 8000, gated.authenticate(right))).toBeNull();
  expect(await gated.authenticate(right)).toBeNull();
  expect(clock.pending()).toBe(0);
});

test("an attempt that waits while its address is shut out is not looked at", async () => {
  const answers: (() => void)[] = [];
  const { clock, gated } = gateBefore({
    authenticate: () =>
      new Promise((resolve) => answers.push(() => resolve(refusal("unauthorized", "wrong")))),
  });
  const burst = Array.from({ length: AUTH_SHUT_OUT_FAILURES }, () => gated.authenticate(guess));
  answers.slice(0, 3).forEach((answer) => answer());
  await Promise.all(burst.slice(0, 3));
  const slowed = gated.authenticate(right);
  answers.slice(3).forEach((answer) => answer());
  await Promise.all(burst);
  expect(await within(clock, 250, slowed)).toHaveProperty("code", "limit");
  expect(answers).toHaveLength(AUTH_SHUT_OUT_FAILURES);
});

test("the right password clears the slate, after a last wait", async () => {
  const { clock, gated } = gateBefore(onePassword());
  for (let i = 0; i < 3; i++) {
    await gated.authenticate(guess);
  }
  expect(await within(clock, 250, gated.authenticate(right))).toBeNull();
  expect(await gated.authenticate(guess)).toHaveProperty("code", "unauthorized");
});

test("a legitimate user at another address never notices a guesser", async () => {
  const { clock, gated } = gateBefore(onePassword());
  const guesses = Array.from({ length: 50 }, () => gated.authenticate(guess));
  await Promise.race(guesses);
  const waiting = Array.from({ length: 50 }, () => gated.authenticate(guess));
  expect(await gated.authenticate({ ...right, address: "192.0.2.2" })).toBeNull();
  expect(await gated.authenticate({ ...right, address: "::ffff:192.0.2.3" })).toBeNull();
  await clock.advance(60_000);
  await Promise.all([...guesses, ...waiting]);
});

test("the addresses of one IPv6 line are one guesser", async () => {
  const { clock, gated } = gateBefore(onePassword());
  for (let i = 0; i < 3; i++) {
    await gated.authenticate({ ...guess, address: `2001:db8::${i}` });
  }
  const neighbour = gated.authenticate({ ...right, address: "2001:db8:0:1::1" });
  expect(await neighbour).toBeNull();
  const same = gated.authenticate({ ...guess, address: "2001:db8::ffff" });
  expect(await within(clock, 249, same)).toBe("pending");
  expect(await within(clock, 1, same)).toHaveProperty("code", "unauthorized");
});

test("peers on a unix socket are never slowed", async () => {
  const { clock, gated } = gateBefore(onePassword());
  for (let i = 0; i < 20; i++) {
    expect(await gated.authenticate({ ...guess, address: "" })).toHaveProperty(
      "code",
      "unauthorized",
    );
  }
  expect(clock.pending()).toBe(0);
});

test("a failing broadcaster does not slow the watchers at its address", async () => {
  const { gated } = gateBefore(onePassword());
  for (let i = 0; i < 3; i++) {
    await gated.authenticate(guess);
  }
  expect(await gated.authenticate({ ...right, verb: "watch" })).toBeNull();
});

test("only a wrong password counts as a guess", async () => {
  for (const code of ["forbidden", "limit", "not-found", "busy"] as const) {
    const { clock, gated } = gateBefore({
      authenticate: () => Promise.resolve(refusal(code, "no")),
    });
    for (let i = 0; i < 10; i++) {
      expect(await gated.authenticate(guess)).toHaveProperty("code", code);
    }
    expect(clock.pending()).toBe(0);
  }
});

test("attempts made all at once do not outrun the wait", async () => {
  const authenticator = onePassword();
  const { clock, gated } = gateBefore(authenticator);
  for (let i = 0; i < 3; i++) {
    await gated.authenticate(guess);
  }
  const answers = Array.from({ length: 1000 }, () => gated.authenticate(guess));
  await clock.advance(0);
  expect(authenticator.asked).toBe(3);
  await clock.advance(8000);
  expect(authenticator.asked).toBe(AUTH_SHUT_OUT_FAILURES);
  const codes = (await Promise.all(answers)).map((answer) => answer?.code);
  expect(codes.filter((code) => code === "limit").length).toBe(1000 - (AUTH_SHUT_OUT_FAILURES - 3));
});
