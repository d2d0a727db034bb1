import { expect, test } from "bun:test";
import { join } from "node:path";
import { readdir } from "node:fs/promises";
import { newRecordFile, RECORD_BUFFER_BYTES } from "../../src/record/file.ts";
import { newDirectory } from "../../src/hub/directory.ts";
import { newRecorder } from "../../src/record/recorder.ts";
import { handClock } from "../support/clock.ts";
import { eventually, settingsOf, temporaryFolder } from "../support/server.ts";
import { payload, sha256 } from "../support/sockets.ts";
import { fakeSink, fakeSource, request } from "../hub/fakes.ts";

const ignore = (): void => {};

/** A disk that writes nothing until its gate is opened. */
function slowDisk() {
  const gate = Promise.withResolvers<void>();
  const pieces: Uint8Array[] = [];
  const file = {
    async write(bytes: Uint8Array, from: number, length: number) {
      await gate.promise;
      pieces.push(bytes.slice(from, from + length));
      return { bytesWritten: length, buffer: bytes };
    },
    truncate: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return { pieces, open: gate.resolve, openFile: () => Promise.resolve(file) };
}

test("a file takes what its buffer holds, refuses the rest, and says when there is room", async () => {
  await using folder = await temporaryFolder();
  const { openFile, open, pieces } = slowDisk();
  const path = join(folder.path, "part");
  await Bun.write(path, "");
  let rooms = 0;
  const file = newRecordFile({
    path,
    openFile,
    onRoom: () => void rooms++,
    onWritten: () => {},
    onFailed: () => {},
  });
  const bytes = payload(RECORD_BUFFER_BYTES + 1_000);
  expect(file.take(bytes)).toBe(RECORD_BUFFER_BYTES);
  expect(file.take(bytes.subarray(RECORD_BUFFER_BYTES))).toBe(0);
  open();
  await eventually(() => rooms === 1, "room");
  expect(file.take(bytes.subarray(RECORD_BUFFER_BYTES))).toBe(1_000);
  expect(await file.finish(join(folder.path, "whole"), Infinity)).toBe(bytes.length);
  expect(sha256(...pieces)).toBe(sha256(bytes));
});

test("a file is cut where the next one begins, though more of it was written", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "part");
  const file = newRecordFile({ path, onRoom: ignore, onWritten: ignore, onFailed: ignore });
  const bytes = payload(10_000);
  file.take(bytes);
  expect(await file.finish(join(folder.path, "whole"), 7_000)).toBe(7_000);
  const written = await Bun.file(join(folder.path, "whole")).bytes();
  expect(sha256(written)).toBe(sha256(bytes.subarray(0, 7_000)));
});

test("a disk that hangs costs its recording, and a watcher no byte", async () => {
  await using folder = await temporaryFolder();
  const clock = handClock();
  const disk = slowDisk();
  let opened = 0;
  const openFile = () => {
    opened++;
    return disk.openFile();
  };
  const problems: string[] = [];
  const recorder = await newRecorder({
    clock,
    settings: { folder: folder.path, users: "*", span: Infinity, maxBytes: Infinity },
    onProblem: (kind) => void problems.push(kind),
    openFile,
  });
  const settings = settingsOf({ window: "1MiB" });
  const directory = newDirectory(clock, settings, { began: recorder.began });
  const result = directory.broadcast(request("broadcast"), fakeSource());
  const peer = fakeSink().open();
  directory.watch(request("watch"), peer);
  const bytes = payload(12_000_000);
  const feed = "feed" in result ? result.feed : undefined;
  for (let from = 0; from < bytes.length; from += 10_000) {
    feed?.receive(bytes.subarray(from, from + 10_000));
    clock.advance(10);
  }
  expect(sha256(peer.received())).toBe(sha256(bytes));
  expect(problems[0]).toBe("recording behind");
  expect(recorder.counters.behind).toBe(1);
  // Each file that is open holds the bytes of a buffer.
  expect(opened).toBe(1);
  expect(await readdir(folder.path)).toEqual([]);
});
