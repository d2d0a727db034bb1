/**
 * The bounds on hash checks, with checks that end when the test says so.
 */
import { expect, test } from "bun:test";
import { hashChecks } from "../../src/auth/hashes.ts";
import { settle } from "./helpers.ts";

/** A check that lasts until it is told its answer. */
function slowChecks() {
  const running: PromiseWithResolvers<boolean>[] = [];
  const started: string[] = [];
  return {
    started,
    running,
    verify: (password: string): Promise<boolean> => {
      const end = Promise.withResolvers<boolean>();
      started.push(password);
      running.push(end);
      return end.promise;
    },
    async endFirst(answer: boolean | Error): Promise<void> {
      const first = running.shift();
      if (typeof answer === "boolean") {
        first?.resolve(answer);
      } else {
        first?.reject(answer);
      }
      await settle();
    },
  };
}

test("no more than the allowed number run at once, and the rest in the order they came", async () => {
  const slow = slowChecks();
  const checks = hashChecks({ verify: slow.verify, atOnce: 2, waitingMax: 100 });
  const names = Array.from({ length: 20 }, (_, i) => `p${i}`);
  const answers = Promise.all(names.map((name) => checks.verify(name, "h")));
  for (let ended = 0; ended < names.length; ended++) {
    await settle();
    expect(slow.running.length).toBe(Math.min(2, names.length - ended));
    await slow.endFirst(ended % 2 === 0);
  }
  expect(slow.started).toEqual(names);
  expect(await answers).toEqual(names.map((_, i) => i % 2 === 0));
});

test("beyond those that may wait a check is refused at once, until there is room again", async () => {
  const slow = slowChecks();
  const checks = hashChecks({ verify: slow.verify, atOnce: 1, waitingMax: 2 });
  const answers = ["a", "b", "c"].map((name) => checks.verify(name, "h"));
  expect(await checks.verify("d", "h")).toBe("full");
  await slow.endFirst(true);
  const last = checks.verify("e", "h");
  expect(await checks.verify("f", "h")).toBe("full");
  for (let i = 0; i < 3; i++) {
    await slow.endFirst(true);
  }
  expect(await Promise.all([...answers, last])).toEqual([true, true, true, true]);
});

test("a check that fails gives its place to the next", async () => {
  const slow = slowChecks();
  const checks = hashChecks({ verify: slow.verify, atOnce: 1, waitingMax: 2 });
  const first = checks.verify("a", "h").catch(String);
  const second = checks.verify("b", "h");
  await slow.endFirst(new Error("no hash"));
  expect(await first).toBe("Error: no hash");
  await slow.endFirst(true);
  expect(await second).toBe(true);
});

test("without other orders it checks real hashes", async () => {
  const hash = await Bun.password.hash("x", { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
  const checks = hashChecks();
  expect(await Promise.all([checks.verify("x", hash), checks.verify("y", hash)])).toEqual([
    true,
    false,
  ]);
});
