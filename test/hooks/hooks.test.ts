import { createHmac } from "node:crypto";
import { expect, test } from "bun:test";
import type { HookEvent } from "../../src/hooks/event.ts";
import { newWebhook } from "../../src/hooks/webhook.ts";
import { systemClock } from "../../src/server/clock.ts";
import { handClock } from "../support/clock.ts";
import { newStage } from "../support/program.ts";
import { eventually } from "../support/server.ts";
import { connect, frame, payload, sha256 } from "../support/sockets.ts";

const SECRET = "a key";

function event(channel: string, bytes: number): HookEvent {
  return { event: "on-end", time: "", user: "bob", channel, address: "", bytes };
}

/** A receiver that answers as it is told, and keeps what came. */
function receiver(answer: (request: Request) => Response | Promise<Response>) {
  const got: { readonly body: string; readonly signature: string | null }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = await request.text();
      got.push({ body, signature: request.headers.get("x-fstream-signature") });
      return answer(request);
    },
  });
  const names = (): string[] => got.map(({ body }) => String(JSON.parse(body).event));
  return { got, names, url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

test("a webhook and the module's functions are told the same, and it is signed", async () => {
  const { got, names, stop, url } = receiver(() => new Response("fine"));
  await using stage = await newStage();
  const module = await stage.file(
    "hooks.ts",
    `const say = (e: { event: string }) => console.error("told " + e.event);
     export const authenticate = () => true;
     export const onLive = say, onWatch = say, onLeave = say;
     export const onEnd = () => { throw new Error("a slip"); };`,
  );
  const flags = ["--hook-url", url, "--hook-secret", SECRET, "--auth", module, "--linger", "0s"];
  const server = await stage.serve({ flags });
  using sender = await connect(server);
  await sender.send(frame("broadcast,user=bob"));
  await eventually(() => names().length === 1, "on-live");
  using watcher = await connect(server);
  await watcher.send(frame("watch,user=bob"));
  await eventually(() => names().length === 2, "on-watch");
  sender.end();
  await watcher.ended();
  await eventually(() => names().length === 4, "four events");
  expect(names().slice(0, 2)).toEqual(["on-live", "on-watch"]);
  expect(names().toSorted()).toEqual(["on-end", "on-leave", "on-live", "on-watch"]);
  for (const { body, signature } of got) {
    expect(signature).toBe(`sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`);
  }
  await server.said.line(/told on-live/);
  await server.said.line(/hook: onEnd: a slip/);
  expect(server.said.text()).not.toContain(SECRET);
  await stop();
});

test("what was answered with 500 is told again, and nothing of its channel before", async () => {
  let failures = 2;
  const { got, stop, url } = receiver(
    () => new Response("", { status: failures-- > 0 ? 500 : 200 }),
  );
  const clock = handClock();
  const hook = newWebhook({ clock, url, secret: "", timeout: 5_000, onProblem: () => {} });
  hook.tell(event("", 1));
  hook.tell(event("", 2));
  await eventually(() => {
    clock.advance(500);
    return hook.counters.delivered === 2;
  }, "both");
  expect(got.map(({ body }) => JSON.parse(body).bytes)).toEqual([1, 1, 1, 2]);
  await stop();
});

test("a receiver that hangs costs a bounded queue, and is given up", async () => {
  const { stop, url } = receiver(() => new Promise<Response>(() => {}));
  const clock = handClock();
  const hook = newWebhook({ clock, url, secret: "", timeout: 100, onProblem: () => {} });
  for (let i = 0; i < 1_500; i++) {
    hook.tell(event("", i));
  }
  expect(hook.counters.dropped).toBe(499);
  await eventually(() => {
    clock.advance(8_000);
    return hook.counters.givenUp > 0;
  }, "it to be given up");
  expect(hook.counters.failed).toBeGreaterThanOrEqual(5);
  await stop();
});

test("media do not wait for a receiver that hangs", async () => {
  const { stop, url } = receiver(() => new Promise<Response>(() => {}));
  await using stage = await newStage();
  const server = await stage.serve({ users: { bob: null }, flags: ["--hook-url", url] });
  using sender = await connect(server);
  using watcher = await connect(server);
  await watcher.send(frame("watch,user=bob"));
  await server.said.line(/is watched/);
  await sender.send(frame("broadcast,user=bob"));
  const bytes = payload(2_000_000);
  await sender.send(bytes);
  await watcher.until(bytes.length);
  expect(watcher.digest()).toBe(sha256(bytes));
  await stop();
});

test("an address that is none is refused", () => {
  const options = { clock: systemClock, secret: "", timeout: 1, onProblem: () => {} };
  expect(() => newWebhook({ ...options, url: "ftp://host" })).toThrow("hook-url");
});
