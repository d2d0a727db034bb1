/**
 * Somebody guesses passwords, from one address or from all of an IPv6 network: he is slowed and then
 * refused, and the one whose password it is notices nothing. The clock of the waits is moved by hand.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Authenticator } from "../../src/auth/authenticator.ts";
import { gate, type Gate } from "../../src/auth/gate.ts";
import { hashPassword } from "../../src/auth/password.ts";
import { usersFolder } from "../../src/auth/users.ts";
import {
  AUTH_FREE_FAILURES,
  AUTH_SHUT_OUT_FAILURES,
  AUTH_SHUT_OUT_MS,
  AUTH_SLOW_MAX_MS,
} from "../../src/core/limits.ts";
import { handClock, type HandClock } from "../support/clock.ts";
import { proxied } from "../support/proxy.ts";
import { eventually, relay, temporaryFolder } from "../support/server.ts";
import { admitted, connect, type Client } from "../support/sockets.ts";

const GUESS = "broadcast,user=bob,channel=a,user-password=guess,reply=1";
const RIGHT = "broadcast,user=bob,channel=a,user-password=s3cret,reply=1";

setDefaultTimeout(60_000);

interface Guarded {
  readonly clock: HandClock;
  readonly gated: Gate;
  /** How often the users folder was asked about a broadcaster of channel a. */
  asked(): number;
}

/** Bob, with a hash in his file, behind a gate. */
async function guarded(folder: string): Promise<Guarded> {
  const hash = await hashPassword("s3cret");
  await Bun.write(join(folder, "bob.ini"), `[DEFAULT]\npassword-hash=${hash}\n`);
  const users = usersFolder({ folder, onProblem: () => {} });
  let asked = 0;
  const counting: Authenticator = {
    authenticate(request) {
      asked += request.verb === "broadcast" && request.channel === "a" ? 1 : 0;
      return users.authenticate(request);
    },
  };
  const clock = handClock();
  return { clock, gated: gate(counting, { clock, onProblem: () => {} }), asked: () => asked };
}

/** Fails as often as it takes to be shut out. */
async function guessAway(
  guard: Guarded,
  guess: (attempt: number) => Promise<Client>,
): Promise<void> {
  for (let failures = 0; failures < AUTH_SHUT_OUT_FAILURES; failures++) {
    using client = await guess(failures);
    if (failures >= AUTH_FREE_FAILURES) {
      const { counters } = guard.gated;
      await eventually(() => counters.slowed > failures - AUTH_FREE_FAILURES, "a slowed attempt");
      expect(guard.asked()).toBe(failures);
      guard.clock.advance(AUTH_SLOW_MAX_MS);
    }
    expect(await client.reply()).toStartWith("error,code=unauthorized");
  }
}

test("a guesser is slowed, then refused for a minute; bob at another address goes on", async () => {
  await using folder = await temporaryFolder();
  const guard = await guarded(folder.path);
  await using fstream = await relay({}, guard.gated);
  const guesser = { from: "127.0.0.2" };
  await guessAway(guard, () => connect(fstream.where, GUESS, guesser));
  for (const request of [GUESS, RIGHT]) {
    using refused = await connect(fstream.where, request, guesser);
    expect(await refused.reply()).toStartWith("error,code=limit,message=too many attempts");
  }
  expect(guard.asked()).toBe(AUTH_SHUT_OUT_FAILURES);
  expect(guard.gated.counters.refused).toBe(2);
  using bob = await admitted(fstream.where, RIGHT, { from: "127.0.0.3" });
  // Viewers behind the guesser's router are no guessers.
  using viewer = await admitted(fstream.where, "watch,user=bob,channel=a,reply=1", guesser);
  await bob.send(Buffer.from("bytes"));
  await viewer.until(5);
  guard.clock.advance(AUTH_SHUT_OUT_MS);
  using late = await connect(fstream.where, RIGHT, guesser);
  await eventually(() => guard.gated.counters.slowed === 8, "the attempt after the minute");
  guard.clock.advance(AUTH_SLOW_MAX_MS);
  expect(await late.reply()).toBe("ok");
});

test("one who changes his address within his IPv6 network is one guesser", async () => {
  await using folder = await temporaryFolder();
  const guard = await guarded(folder.path);
  await using fstream = await relay({ "proxy-from": "127.0.0.1" }, guard.gated);
  await guessAway(guard, (attempt) => proxied(fstream.where, `2001:db8::${attempt}:1`, GUESS));
  using refused = await proxied(fstream.where, "2001:db8::ffff", RIGHT);
  expect(await refused.reply()).toStartWith("error,code=limit");
  using neighbour = await proxied(fstream.where, "2001:db8:0:1::1", RIGHT);
  expect(await neighbour.reply()).toBe("ok");
});

test("hundreds of attempts at once from one address do not hold up another", async () => {
  await using folder = await temporaryFolder();
  const guard = await guarded(folder.path);
  await using fstream = await relay({}, guard.gated);
  const guesser = { from: "127.0.0.2" };
  await guessAway(guard, () => connect(fstream.where, GUESS, guesser));
  const crowd = await Promise.all(
    Array.from({ length: 300 }, () => connect(fstream.where, GUESS, guesser)),
  );
  using bob = await admitted(fstream.where, RIGHT, { from: "127.0.0.3" });
  const replies = await Promise.all(crowd.map((client) => client.reply()));
  expect(new Set(replies.map((reply) => /code=([a-z]+)/.exec(reply)?.[1]))).toEqual(
    new Set(["limit"]),
  );
  // The crowd and the one that was let in cost one look at a password.
  expect(guard.asked()).toBe(AUTH_SHUT_OUT_FAILURES + 1);
  expect(bob.received()).toBe(0);
  crowd.forEach((client) => client.destroy());
});
