/** Who gets a channel when several want it, and what becomes of those who had it. */
import { expect, test } from "bun:test";
import { newRegistry, type Held, type Registry } from "../../src/threads/registry.ts";

const SETTINGS = { takeover: "replace", "max-channels-per-user": 0, "max-watchers": 0 } as const;

interface Desk extends Registry {
  /** What was asked of threads, in order: "give-way 2", "silence 2", "drop 2". */
  readonly asked: string[];
}

function newDesk(settings: Partial<Parameters<typeof newRegistry>[0]["settings"]> = {}): Desk {
  const asked: string[] = [];
  const note =
    (what: string) =>
    ({ id }: Held): void =>
      void asked.push(`${what} ${id}`);
  const registry = newRegistry({
    settings: { ...SETTINGS, ...settings },
    giveWay: note("give-way"),
    silence: note("silence"),
    drop: note("drop"),
  });
  return { ...registry, asked };
}

function by(thread: number, connection: number, channel: string = "tv") {
  return { thread, connection, user: "bob", channel };
}

/** Lets what is decided be decided. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
}

/** A broadcaster that has a channel; returns its broadcast's number. */
async function live(desk: Desk, thread: number, connection: number, channel?: string) {
  const id = await desk.claim(by(thread, connection, channel));
  expect(id).toBeNumber();
  desk.change(Number(id), "live");
  return Number(id);
}

test("a claim waits until the one before it is live, and then until that has given way", async () => {
  const desk = newDesk();
  const first = Number(await desk.claim(by(1, 10)));
  const second = desk.claim(by(2, 20));
  await settled();
  expect(desk.asked).toEqual([]);
  desk.change(first, "live");
  await settled();
  expect(desk.asked).toEqual([`give-way ${first}`]);
  expect(Bun.peek.status(second)).toBe("pending");
  desk.change(first, "gave-way");
  expect(Number(await second)).toBeGreaterThan(first);
  expect(desk.counters.takeovers).toBe(1);
});

test("numbers of broadcasts leave one free for a copy", async () => {
  const desk = newDesk();
  const one = await live(desk, 1, 10, "one");
  const two = await live(desk, 1, 11, "two");
  expect(Math.abs(two - one)).toBeGreaterThan(1);
});

test("with takeover=refuse who has the channel keeps it", async () => {
  const desk = newDesk({ takeover: "refuse" });
  await live(desk, 1, 10);
  expect(await desk.claim(by(2, 20))).toMatchObject({ code: "busy" });
  expect(desk.asked).toEqual([]);
});

test("one that was granted and goes leaves the channel to the next, or to nobody", async () => {
  const desk = newDesk();
  await desk.claim(by(1, 10));
  const second = desk.claim(by(2, 20));
  await settled();
  desk.gone({ thread: 1, connection: 10 });
  const id = await second;
  expect(id).toBeNumber();
  desk.gone({ thread: 2, connection: 20 });
  expect(desk.asked).toEqual([]);
  expect(await desk.claim(by(3, 30))).toBeNumber();
});

test("a claimant that goes while another one gives way has that one's watchers kept", async () => {
  const desk = newDesk();
  const id = await live(desk, 1, 10);
  const claim = desk.claim(by(2, 20));
  await settled();
  desk.gone({ thread: 2, connection: 20 });
  desk.change(id, "gave-way");
  expect(await claim).toMatchObject({ code: "forbidden" });
  expect(desk.asked).toEqual([`give-way ${id}`, `silence ${id}`]);
});

test("a thread that crashes gives way, and its watchers elsewhere are kept", async () => {
  const desk = newDesk();
  const id = await live(desk, 1, 10);
  const other = await live(desk, 2, 20, "other");
  desk.crashed(1);
  expect(desk.asked).toEqual([`silence ${id}`]);
  expect(await desk.claim(by(2, 21))).toBeNumber();
  const claim = desk.claim(by(3, 30, "other"));
  await settled();
  expect(desk.asked).toEqual([`silence ${id}`, `give-way ${other}`]);
  desk.crashed(2);
  expect(await claim).toBeNumber();
});

test("a thread that crashes before what it was granted is live holds up nobody", async () => {
  const desk = newDesk();
  await desk.claim(by(1, 10));
  const second = desk.claim(by(2, 20));
  await settled();
  desk.crashed(1);
  expect(await second).toBeNumber();
});

test("a user who has all channels gets another where one lingers, which is dropped", async () => {
  const desk = newDesk({ "max-channels-per-user": 2 });
  const one = await live(desk, 1, 10, "one");
  await live(desk, 2, 20, "two");
  expect(await desk.claim(by(3, 30, "three"))).toMatchObject({ code: "limit" });
  expect(desk.counters.channelsRefused).toBe(1);
  desk.change(one, "silence");
  expect(await desk.claim(by(3, 31, "three"))).toBeNumber();
  expect(desk.asked).toEqual([`drop ${one}`]);
});

test("a channel has as many watchers as it may, of all threads", async () => {
  const desk = newDesk({ "max-watchers": 2 });
  expect(desk.guests.take(by(1, 10), true)).toBeNull();
  expect(desk.guests.take(by(2, 20), true)).toBeNull();
  expect(desk.guests.take(by(3, 30), true)).toMatchObject({ code: "limit" });
  desk.gone({ thread: 1, connection: 10 });
  expect(desk.guests.take(by(3, 30), true)).toBeNull();
  desk.crashed(2);
  desk.crashed(3);
  expect(desk.guests.take(by(1, 11), true)).toBeNull();
});

test("whatever is over is forgotten", async () => {
  const desk = newDesk();
  const id = await live(desk, 1, 10);
  desk.gone({ thread: 1, connection: 10 });
  desk.change(id, "silence");
  desk.change(id, "over");
  expect(await desk.claim(by(2, 20))).toBeNumber();
  expect(desk.asked).toEqual([]);
  expect(desk.counters.takeovers).toBe(0);
});
