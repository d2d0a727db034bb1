import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { newDirectory } from "../../src/hub/directory.ts";
import { newRecorder, type Recorder } from "../../src/record/recorder.ts";
import { handClock, type HandClock } from "../support/clock.ts";
import { newStage } from "../support/program.ts";
import { eventually, relay, settingsOf, temporaryFolder } from "../support/server.ts";
import { connect, frame, payload, sha256 } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { fakeSource, request } from "../hub/fakes.ts";

const FOREVER = { users: "*", span: Infinity, maxBytes: Infinity };

async function filesIn(folder: string): Promise<string[]> {
  const all = await readdir(folder, { recursive: true });
  return all.filter((name) => /\.[a-z0-9]+$/.test(name)).toSorted();
}

/** A hub whose broadcasts are recorded in `folder`. */
async function studio(folder: string, changes: object = {}) {
  const clock = handClock();
  const problems: string[] = [];
  const recorder: Recorder = await newRecorder({
    clock,
    settings: { folder, ...FOREVER, ...changes },
    onProblem: (kind) => void problems.push(kind),
  });
  const directory = newDirectory(clock, settingsOf({}), { began: recorder.began });
  const live = (channel: string) => {
    const result = directory.broadcast(request("broadcast", { channel }), fakeSource());
    if ("refused" in result) {
      throw new Error(result.refused.message);
    }
    return result.feed;
  };
  return { clock, directory, live, problems, recorder };
}

/** Ends the linger time, so that what is live ends. */
function endAll(clock: HandClock): void {
  clock.advance(3_600_000);
}

describe("a recording", () => {
  test("holds every byte that was sent, under its user's and channel's names", async () => {
    await using folder = await temporaryFolder();
    await using server = await relay({ record: folder.path, linger: "0s" });
    const bytes = payload(3_000_000);
    using sender = await connect(server.where);
    await sender.send(frame("broadcast,user=bob,channel=cam/1"));
    await sender.send(bytes);
    sender.end();
    await server.log.said(/broadcaster .* closed/);
    await server.server.stop();
    const [file = ""] = await filesIn(folder.path);
    expect(file).toMatch(/^bob\/[^/]+\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z\.bin$/);
    expect(sha256(await Bun.file(join(folder.path, file)).bytes())).toBe(sha256(bytes));
    const { bytesOut, watchers } = (await server.refreshed()).directory.counters;
    expect({ bytesOut, watchers }).toEqual({ bytesOut: 0, watchers: 0 });
  });

  test("of a broadcast that was taken over is a file of its own", async () => {
    await using folder = await temporaryFolder();
    const { clock, live, recorder } = await studio(folder.path);
    const bytes = [payload(500_000), payload(300_000)];
    for (const each of bytes) {
      live("").receive(each);
    }
    endAll(clock);
    await recorder.stop(1_000);
    const files = await filesIn(folder.path);
    const found = await Promise.all(
      files.map(async (name) => sha256(await Bun.file(join(folder.path, name)).bytes())),
    );
    expect(found).toEqual(bytes.map((each) => sha256(each)));
  });

  test("goes with the oldest where there is no more room", async () => {
    await using folder = await temporaryFolder();
    const { clock, live, recorder } = await studio(folder.path, { maxBytes: 1_000_000 });
    const feed = (): void => {
      live("").receive(payload(400_000));
      clock.advance(500);
    };
    feed();
    feed();
    await eventually(() => recorder.counters.bytes >= 400_000, "a file");
    feed();
    await eventually(() => recorder.counters.bytes >= 1_200_000, "three files");
    await recorder.stop(1_000);
    expect((await filesIn(folder.path)).length).toBe(2);
  });

  test("that a crash has left is called cut", async () => {
    await using folder = await temporaryFolder();
    const dead = Bun.spawn(["true"]);
    await dead.exited;
    const name = "2026-11-25T06-40-12.345Z";
    await Bun.write(join(folder.path, "bob/_", `${name}.${dead.pid}.part`), "left over");
    await Bun.write(join(folder.path, "bob/_/other.txt"), "not ours");
    await studio(folder.path);
    expect(await filesIn(folder.path)).toEqual([`bob/_/${name}.cut.bin`, "bob/_/other.txt"]);
  });

  test("that cannot be written is counted, and tried again later", async () => {
    await using folder = await temporaryFolder();
    const { clock, live, problems, recorder } = await studio(folder.path);
    await Bun.write(join(folder.path, "bob"), "a file where a folder should be");
    const feed = live("");
    feed.receive(payload(100_000));
    await eventually(() => recorder.counters.failed > 0, "a failure");
    await Bun.file(join(folder.path, "bob")).delete();
    await eventually(() => {
      clock.advance(5_000);
      feed.receive(payload(10_000));
      return recorder.counters.bytes > 0;
    }, "a second try");
    endAll(clock);
    await recorder.stop(1_000);
    expect(problems).toEqual(["recording failed"]);
  });
});

describeWith("ffmpeg", "a recording of several files", () => {
  test("holds every frame once, and each file plays by itself", async () => {
    await using stage = await newStage();
    await using folder = await temporaryFolder();
    const whole = stage.path("whole.ts");
    const source = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=12"];
    const encode = ["-c:v", "libx264", "-g", "25", "-bf", "0", "-f", "mpegts", whole];
    await stage.run(["ffmpeg", "-v", "error", ...source, ...encode]).ending();
    const { clock, live, recorder } = await studio(folder.path, { span: 1_000 });
    const bytes = await Bun.file(whole).bytes();
    const feed = live("");
    for (let from = 0; from < bytes.length; from += 1316) {
      feed.receive(bytes.subarray(from, from + 1316));
      clock.advance(12_000 / (bytes.length / 1316));
    }
    endAll(clock);
    await recorder.stop(1_000);
    const frames = async (path: string): Promise<string[]> => {
      const show = ["-i", path, "-map", "0:v", "-f", "framemd5", "-"];
      const { stderr, stdout } = await stage.run(["ffmpeg", "-v", "error", ...show]).ending();
      expect(stderr).toBe("");
      const lines = stdout.split("\n").filter((line) => /^\d/.test(line));
      return lines.map((line) => line.split(",").at(-1) ?? "");
    };
    const files = await filesIn(folder.path);
    expect(files.length).toBeGreaterThan(3);
    const found: string[] = [];
    for (const name of files) {
      found.push(...(await frames(join(folder.path, name))));
    }
    expect(found).toEqual(await frames(whole));
  }, 60_000);
});
