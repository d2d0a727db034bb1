/**
 * The sink of plain sockets, with the direct call and without it, over real sockets.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { loadLibc } from "../../src/server/libc.ts";
import { newSocketSink, type SocketSink } from "../../src/server/socket-sink.ts";

/** Four megabytes: more than the kernel takes for a reader that does not read. */
const BYTES = crypto.getRandomValues(new Uint8Array(65_536));
const ROUNDS = 64;

interface Pair {
  readonly near: Socket<State>;
  readonly far: Socket;
  readonly state: State;
}

/** What both ends tell the test. */
interface State {
  drained: () => void;
  received: Uint8Array[];
  /** Called whenever bytes have arrived. */
  arrived: () => void;
  closed: PromiseWithResolvers<void>;
}

const stops: (() => void)[] = [];

afterEach(() => {
  stops.splice(0).forEach((stop) => stop());
});

/** Two connected sockets; the far one does not read before it is told to. */
async function pair(): Promise<Pair> {
  const state: State = {
    drained: () => {},
    received: [],
    arrived: () => {},
    closed: Promise.withResolvers(),
  };
  const { promise, resolve } = Promise.withResolvers<Socket<State>>();
  const listener = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = state;
        resolve(socket);
      },
      data() {},
      drain: () => state.drained(),
      close: () => state.closed.resolve(),
    },
  });
  const far = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    socket: {
      open: (socket) => socket.pause(),
      data(_socket, chunk) {
        state.received.push(chunk);
        state.arrived();
      },
    },
  });
  stops.push(
    () => far.terminate(),
    () => listener.stop(true),
  );
  return { near: await promise, far, state };
}

/** Writes all rounds, each from where the one before was cut off, and resolves when all is taken. */
function writeAll(sink: SocketSink, handle: number, state: State): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  const total = BYTES.length * ROUNDS;
  state.drained = () => {
    while (sent < total) {
      const at = sent % BYTES.length;
      const length = BYTES.length - at;
      const taken = sink.write(handle, BYTES, at, length);
      sent += taken;
      if (taken < length) {
        return;
      }
    }
    resolve();
  };
  state.drained();
  return promise;
}

/** Resolves with what has arrived once it is `count` bytes. */
function arrival(state: State, count: number): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  state.arrived = () => {
    const all = Buffer.concat(state.received);
    if (all.length >= count) {
      resolve(all);
    }
  };
  state.arrived();
  return promise;
}

function allBytes(): Buffer {
  return Buffer.concat(Array.from({ length: ROUNDS }, () => BYTES));
}

for (const [name, libc] of [
  ["with the direct call", loadLibc()],
  ["without it", undefined],
] as const) {
  describe(name, () => {
    test("a small array that is written twice may have moved in between", async () => {
      const { near, far, state } = await pair();
      const sink = newSocketSink(libc);
      const handle = sink.open(near);
      const small = new Uint8Array(40).map((_, index) => index);
      expect(sink.write(handle, small, 0, 20)).toBe(20);
      // A view gives the array a buffer of its own, and its old place is free.
      expect(small.subarray(1).length).toBe(39);
      Bun.gc(true);
      const others = Array.from({ length: 10_000 }, () => new Uint8Array(40).fill(0xee));
      expect(sink.write(handle, small, 20, 20)).toBe(20);
      far.resume();
      expect([...(await arrival(state, 40))]).toEqual([...small]);
      expect(others.length).toBe(10_000);
    });

    test("what is cut off by a full socket goes on after its drain, exact to the byte", async () => {
      const { near, far, state } = await pair();
      const sink = newSocketSink(libc);
      const handle = sink.open(near);
      const written = writeAll(sink, handle, state);
      far.resume();
      await written;
      near.end();
      await state.closed.promise;
      const got = await arrival(state, allBytes().length);
      expect(got.equals(allBytes())).toBe(true);
    });

    test("a peer that has reset the connection is gone", async () => {
      const { near, far, state } = await pair();
      const sink = newSocketSink(libc);
      const handle = sink.open(near);
      far.terminate();
      await state.closed.promise;
      sink.close(handle);
      expect(sink.write(handle, BYTES, 0, BYTES.length)).toBeLessThanOrEqual(0);
    });

    test("each handle leads to its own peer, also after another one has left", async () => {
      const [a, b, c] = [await pair(), await pair(), await pair()];
      const sink = newSocketSink(libc);
      const handles = [a, b].map(({ near }) => sink.open(near));
      sink.close(handles[0] ?? -1);
      a.near.terminate();
      const third = sink.open(c.near);
      b.far.resume();
      c.far.resume();
      expect(sink.write(handles[1] ?? -1, BYTES, 0, 3)).toBe(3);
      expect(sink.write(third, BYTES, 10, 2)).toBe(2);
      expect(await arrival(b.state, 3)).toEqual(Buffer.from(BYTES.subarray(0, 3)));
      expect(await arrival(c.state, 2)).toEqual(Buffer.from(BYTES.subarray(10, 12)));
    });
  });
}

test("on Linux the direct call is there", () => {
  expect(loadLibc() === undefined).toBe(process.platform !== "linux");
});
