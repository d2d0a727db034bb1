/**
 * Slow watchers over TLS: what Bun has taken as a record goes out as it was, whatever the watcher skips
 * after it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { checksums, expectInOrder } from "../media/oracle.ts";
import { newTlsSink } from "../../src/server/socket-sink.ts";
import { newAuthority, secureRelay } from "../support/certificates.ts";
import { sha256, within } from "../support/sockets.ts";
import { describeWith, tool } from "../support/tools.ts";
import { DENSE_ROWS, streamOfRow } from "./rows.ts";
import { receivedAtATenth, TENTH_SETTINGS } from "./tenth.ts";

const TENTH = { seconds: 4, skips: 3 };
const MIB = 1024 * 1024;

setDefaultTimeout(120_000);

describeWith(
  tool("openssl") === undefined ? "openssl" : "ffmpeg",
  "a slow watcher over TLS",
  () => {
    for (const row of DENSE_ROWS.filter(({ title }) => /^(?:H\.264|MPEG-TS, H\.264)/.test(title))) {
      test(`${row.title}: misses whole frames, and its decoder says nothing`, async () => {
        const stream = await streamOfRow(row);
        await using fstream = await secureRelay(TENTH_SETTINGS);
        const slow = await receivedAtATenth(fstream, fstream.secure, stream, TENTH);
        const shown = await checksums(row.judge, slow);
        const original = await checksums(row.judge, stream);
        expectInOrder(shown, original);
        expect(shown.length).toBeGreaterThan(0);
        expect(shown.length).toBeLessThan(original.length * 0.8);
      });
    }
  },
);

describeWith("openssl", "the sink of TLS sockets", () => {
  test("takes half a megabyte for a peer that does not read, and other bytes after that", async () => {
    await using authority = await newAuthority();
    const { cert, key } = await authority.issue("server");
    const near = Promise.withResolvers<Bun.Socket>();
    const drained = Promise.withResolvers<void>();
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: Bun.file(cert), key: Bun.file(key) },
      socket: {
        handshake: (socket) => near.resolve(socket),
        data() {},
        drain: () => drained.resolve(),
      },
    });
    const got: Uint8Array[] = [];
    const over = Promise.withResolvers<void>();
    const far = await Bun.connect({
      hostname: "127.0.0.1",
      port: listener.port,
      tls: { ca: authority.ca },
      socket: {
        handshake: (socket) => socket.pause(),
        data: (_, chunk) => void got.push(chunk),
        close: () => over.resolve(),
      },
    });
    const socket = await near.promise;
    const sink = newTlsSink();
    const handle = sink.open(socket);
    const [first, second] = [new Uint8Array(16 * MIB).fill(1), new Uint8Array(1000).fill(2)];
    const taken = sink.write(handle, first, 0, first.length);
    if (process.platform === "linux") {
      expect(taken).toBeLessThan(MIB);
    }
    expect(sink.write(handle, first, taken, 1000)).toBe(0);
    far.resume();
    await within(drained.promise, "a drain");
    // What was refused is not what comes next: that is how a watcher skips.
    expect(sink.write(handle, second, 0, second.length)).toBe(second.length);
    socket.end();
    await within(over.promise, "the end");
    expect(sha256(...got)).toBe(sha256(first.subarray(0, taken), second));
    sink.close(handle);
    expect(sink.write(handle, first, 0, 1)).toBe(-1);
  });
});
