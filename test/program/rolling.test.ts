/**
 * A server is replaced by another one on the same port while it serves: nobody sees a torn frame.
 */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { ffmpeg } from "../media/ffmpeg.ts";
import { checksums, expectInOrder, type Judge } from "../media/oracle.ts";
import { sendLive } from "../support/live.ts";
import { newStage, TEST_MS, type Program, type Relay, type Stage } from "../support/program.ts";
import { eventually } from "../support/server.ts";
import { describeWith } from "../support/tools.ts";

const WATCHERS = 50;
const FRAMES = 300;
const RATE = 30;
const SOURCE = `testsrc2=size=160x120:rate=${RATE}:duration=${FRAMES / RATE},format=yuv420p`;
const X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -g 15";
const MAKE = `-f lavfi -i ${SOURCE} ${X264}`.split(" ");
const JUDGE: Judge = { demuxer: "h264", compare: "decoded", map: "v" };

/** Resolves when the server has let in, or has waiting, as many watchers. */
async function watched(relay: Relay, count: number): Promise<void> {
  const counted = (): number => {
    const text = relay.said.text();
    const more = [...text.matchAll(/watch started: (\d+) more/g)].map(([, held]) => Number(held));
    return more.reduce((sum, held) => sum + held, text.split(" is watched from").length - 1);
  };
  await eventually(() => counted() >= count, `${count} watchers`);
}

/** Starts a server beside the first one, and stops that when the other one listens. */
async function replace(stage: Stage, first: Relay): Promise<Relay> {
  const second = await stage.serve({
    users: { open: null },
    port: first.port,
    flags: ["--reuse-port", "--linger", "1s"],
  });
  first.kill("SIGTERM");
  expect(await first.exited()).toBe(0);
  return second;
}

/** A piece of a stream that goes on while a server stops: less than a frame, so that none ends with it. */
const PIECE_BYTES = 1_000;
const PIECE_MS = 5;

/** Calls `work` again and again until `event` is there. */
async function meanwhile<Value>(event: Promise<Value>, work: () => Promise<void>): Promise<Value> {
  while (Bun.peek.status(event) === "pending") {
    await work();
  }
  return event;
}

/** Expects of each watcher that it ended well, and has all frames but those of one gap. */
async function expectWhole(
  watchers: readonly Program[],
  received: readonly Promise<Uint8Array>[],
  stream: Uint8Array,
): Promise<void> {
  const original = await checksums(JUDGE, stream);
  expect(original.length).toBe(FRAMES);
  const judged = new Set<string>();
  for (const [index, watcher] of watchers.entries()) {
    expect(await watcher.exited()).toBe(0);
    const bytes = (await received[index]) ?? new Uint8Array(0);
    const digest = Bun.hash(bytes).toString();
    if (!judged.has(digest)) {
      judged.add(digest);
      // This throws where ffmpeg says a single word.
      const shown = await checksums(JUDGE, bytes);
      expect(expectInOrder(shown, original)).toBe(1);
      expect(shown.length).toBeGreaterThan(FRAMES / 2);
      expect([shown[0], shown.at(-1)]).toEqual([original[0], original.at(-1)]);
    }
  }
}

describeWith("ffmpeg", "a rolling restart", () => {
  test(
    "under a broadcast with fifty watchers that retry: each goes on with whole frames alone",
    async () => {
      await using stage = await newStage();
      const stream = await ffmpeg([...MAKE, "-f", "h264", "-"]);
      const first = await stage.serve({ users: { open: null }, flags: ["--linger", "1s"] });
      const where = [first.address, "-u", "open", "--retry"];
      const watchers = Array.from({ length: WATCHERS }, () => stage.fstream(["watch", ...where]));
      const received = watchers.map(({ stdout }) => stdout.bytes());
      await watched(first, WATCHERS);
      const broadcaster = stage.fstream(["broadcast", ...where]);
      const half = Promise.withResolvers<void>();
      const sending = sendLive(stream, RATE, broadcaster, half.resolve);
      await Promise.race([half.promise, sending]);
      const second = await replace(stage, first);
      expect(second.port).toBe(first.port);
      await sending;
      expect(await broadcaster.exited()).toBe(0);
      expect(second.said.text()).toContain("open/ is live");
      await expectWhole(watchers, received, stream);
    },
    TEST_MS,
  );

  test(
    "ends a watcher of a format whose header cannot come twice, with whole frames",
    async () => {
      await using stage = await newStage();
      const stream = await ffmpeg([...MAKE, "-f", "matroska", "-"]);
      const first = await stage.serve({ users: { open: null }, flags: ["--linger", "1s"] });
      const where = [first.address, "-u", "open", "--retry"];
      const watcher = stage.fstream(["watch", ...where]);
      const received = watcher.stdout.bytes();
      await watched(first, 1);
      const broadcaster = stage.fstream(["broadcast", ...where]);
      const third = Math.round(stream.length / 3);
      await broadcaster.write(stream.subarray(0, third));
      await first.said.line(/is Matroska/);
      let at = third;
      const second = await meanwhile(replace(stage, first), async () => {
        await broadcaster.write(stream.subarray(at, (at += PIECE_BYTES)));
        await Bun.sleep(PIECE_MS);
      });
      await second.said.line(/is live/);
      await broadcaster.write(stream.subarray(at));
      expect(await watcher.exited()).toBe(0);
      const judge = { ...JUDGE, demuxer: "matroska" };
      const [shown, original] = [
        await checksums(judge, await received),
        await checksums(judge, stream),
      ];
      expect(expectInOrder(shown, original)).toBe(0);
      expect(shown.length).toBeGreaterThan(FRAMES / 4);
      // What goes on is a stream with a header of its own, for those who come now.
      await second.said.line(/is Matroska/);
      await broadcaster.end();
      expect(await broadcaster.exited()).toBe(0);
    },
    TEST_MS,
  );
});

test(
  "without a server in between, both wait for the next one and go on",
  async () => {
    await using stage = await newStage();
    const first = await stage.serve({ users: { open: null } });
    const where = [first.address, "-u", "open", "--retry"];
    const watcher = stage.fstream(["watch", ...where]);
    await watched(first, 1);
    const broadcaster = stage.fstream(["broadcast", ...where]);
    const reader = watcher.stdout.getReader();
    await broadcaster.write("one");
    expect(textOf(await reader.read())).toBe("one");
    first.kill("SIGTERM");
    expect(await first.exited()).toBe(0);
    await watcher.said.line(/nobody listens on/);
    const second = await stage.serve({ users: { open: null }, port: first.port });
    await watched(second, 1);
    await second.said.line(/is live/);
    await broadcaster.write("two");
    expect(textOf(await reader.read())).toBe("two");
  },
  TEST_MS,
);

test(
  "a second server that was not asked to follow the first one is told that the port is in use",
  async () => {
    await using stage = await newStage();
    const first = await stage.serve();
    const args = ["serve", "--host", "127.0.0.1", "--port", String(first.port)];
    const { code, stderr } = await stage.fstream(args, { stdin: "ignore" }).ending();
    expect(code).toBe(1);
    expect(stderr).toMatch(/is in use; .* see --reuse-port/);
    const second = await stage.serve({ port: first.port, flags: ["--reuse-port"] });
    expect(second.port).toBe(first.port);
  },
  TEST_MS,
);

test(
  "a unix socket goes over to the next server, and stays when the first one has gone",
  async () => {
    await using stage = await newStage();
    const unix = stage.path("relay.sock");
    const flags = ["--unix", unix];
    const first = await stage.serve({ users: { open: null }, flags });
    const second = await stage.serve({
      users: { open: null },
      port: first.port,
      flags: [...flags, "--reuse-port"],
    });
    first.kill("SIGTERM");
    expect(await first.exited()).toBe(0);
    const watcher = stage.fstream(["watch", unix, "-u", "open"]);
    await watched(second, 1);
    const broadcaster = stage.fstream(["broadcast", unix, "-u", "open"]);
    await broadcaster.write("seen");
    expect(textOf(await watcher.stdout.getReader().read())).toBe("seen");
    second.kill("SIGTERM");
    expect(await second.exited()).toBe(0);
    expect(readdirSync(stage.folder).filter((name) => name.includes("sock"))).toEqual([]);
  },
  TEST_MS,
);

function textOf({ value }: { readonly value?: Uint8Array | undefined }): string {
  return new TextDecoder().decode(value);
}
