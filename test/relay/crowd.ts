/**
 * Thousands of connections at once, each as light as it can be.
 */
import { test } from "bun:test";
import type { Socket, SocketHandler } from "bun";
import { descriptorLimit, hasProc } from "../support/server.ts";
import { frame, within } from "../support/sockets.ts";

/** Connections that are made at the same time: a listener's queue holds 512. */
const AT_ONCE = 200;

/** Descriptors that the test and the server need besides those of the crowd. */
const OTHERS = 500;

/** Bytes of the frame that says ok. */
const OK_BYTES = 7;

export interface Crowd extends Disposable {
  readonly members: readonly Socket<Member>[];
  /** How many are still connected. */
  open(): number;
  /** Resolves when none is connected any more. */
  readonly gone: Promise<void>;
}

interface Member {
  received: number;
  admitted: () => void;
}

/**
 * A test of `connections` between this process and another, which it measures. It is skipped where
 * that cannot be, and with FSTREAM_TEST_ALL=1 it fails there.
 */
export function testWith(connections: number, title: string, body: () => Promise<void>): void {
  const lacking = !hasProc
    ? "there is no /proc here"
    : descriptorLimit() < connections + OTHERS
      ? `a process may have only ${descriptorLimit()} files open here, see ulimit -n`
      : undefined;
  if (lacking === undefined) {
    test(title, body);
  } else if (Bun.env["FSTREAM_TEST_ALL"] === "1") {
    test(title, () => {
      throw new Error(`${lacking}, and FSTREAM_TEST_ALL=1 asks for every test`);
    });
  } else {
    test.skip(`${title} (skipped: ${lacking})`, body);
  }
}

/**
 * Connects `count` times. With a request, which must ask for a reply, it waits until each is let
 * in; without one, nothing is ever said.
 */
export async function crowd(port: number, count: number, request?: string): Promise<Crowd> {
  const members: Socket<Member>[] = [];
  const gone = Promise.withResolvers<void>();
  let left = count;
  const socket: SocketHandler<Member> = {
    data(from, chunk) {
      from.data.received += chunk.length;
      if (from.data.received >= OK_BYTES) {
        from.data.admitted();
      }
    },
    close() {
      if (--left === 0) {
        gone.resolve();
      }
    },
    error: () => {},
  };
  const join = async (): Promise<void> => {
    const admitted = Promise.withResolvers<void>();
    const data = { received: 0, admitted: admitted.resolve };
    const member = await Bun.connect({ hostname: "127.0.0.1", port, socket, data });
    members.push(member);
    if (request !== undefined) {
      member.write(frame(request));
      await within(admitted.promise, `member ${members.length} of a crowd to be let in`);
    }
  };
  const queue = async (): Promise<void> => {
    while (--waiting >= 0) {
      await join();
    }
  };
  let waiting = count;
  await Promise.all(Array.from({ length: AT_ONCE }, queue));
  return {
    members,
    open: () => left,
    gone: gone.promise,
    [Symbol.dispose]: () => members.forEach((member) => member.terminate()),
  };
}
