/**
 * A relay that takes the place of ours, and does something to two of twelve frames.
 */
import type { Subject } from "../../bench/peers/peer.ts";
import { newStudio, type Plan } from "../../bench/stream/synthetic.ts";

/** Frames of a group of pictures, whose sixth and seventh go through the wrong. */
export const GOP = 12;

/** What a relay sends for two frames in a row. */
export type Wrong = (first: Buffer, second: Buffer) => readonly Buffer[];

interface State {
  greeted: boolean;
}

/** Relays one broadcast by `plan`, whose sizes tell it where frames begin. */
export function wrongRelay(plan: Plan, wrong: Wrong): Subject {
  const broadcast = newStudio(plan).broadcast(0, 0);
  const watchers = new Set<Bun.Socket<State>>();
  const send = (bytes: Buffer): void => watchers.forEach((watcher) => void watcher.write(bytes));
  let held = Buffer.alloc(0);
  let first: Buffer | undefined;
  let sequence = 0;

  const passFrame = (frame: Buffer): void => {
    const place = sequence++ % GOP;
    if (place === 5) {
      first = frame;
    } else if (place === 6 && first !== undefined) {
      wrong(first, frame).forEach(send);
    } else {
      send(frame);
    }
  };
  const pass = (bytes: Buffer): void => {
    held = Buffer.concat([held, bytes]);
    for (;;) {
      const { length } = broadcast.frame(sequence);
      if (held.length < length) {
        return;
      }
      passFrame(held.subarray(0, length));
      held = held.subarray(length);
    }
  };
  const listener = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { greeted: false };
      },
      data(socket, chunk) {
        if (socket.data.greeted) {
          pass(chunk);
          return;
        }
        socket.data.greeted = true;
        const end = 5 + chunk.readUInt32BE(0);
        if (chunk.toString("latin1", 5, end).startsWith("watch")) {
          watchers.add(socket);
        } else {
          held = Buffer.alloc(0);
          sequence = 0;
          pass(chunk.subarray(end));
        }
      },
      close(socket) {
        watchers.delete(socket);
      },
    },
  });
  const { port } = listener;
  return {
    target: { peer: "fstream", host: "127.0.0.1", port, user: "bench", password: undefined },
    parts: [],
    stop: () => Promise.resolve(listener.stop(true)),
  };
}

/** The frame with one bit changed. */
export function flip(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  copy[copy.length >> 1]! ^= 1;
  return copy;
}
