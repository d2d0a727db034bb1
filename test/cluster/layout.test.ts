import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  CLEAN,
  JOIN,
  joinOf,
  readMessage,
  START,
  writeMessage,
  type MessageHead,
} from "../../src/cluster/layout.ts";

const offset = fc.maxSafeNat();

const head: fc.Arbitrary<MessageHead> = fc.record({
  flags: fc.nat(255),
  session: fc.nat(0xff_ff_ff_ff),
  number: fc.nat(0xff_ff_ff_ff),
  epoch: offset,
  offset,
  sent: fc.double({ noNaN: true, noDefaultInfinity: true }),
  frames: fc.uniqueArray(offset, { maxLength: 300 }).map((all) => all.toSorted((a, b) => a - b)),
  format: fc.constantFrom("", "h264", "matroska", "unknown"),
  join: offset,
  setup: fc.nat(0xff_ff_ff_ff),
  splice: fc.nat(0xff_ff_ff_ff),
});

const plain: MessageHead = {
  flags: START,
  session: 1,
  number: 0,
  epoch: 5,
  offset: 100,
  sent: 7,
  frames: [100, 120],
  format: "h264",
  join: 100,
  setup: 3,
  splice: 2,
};

describe("a message", () => {
  test("reads as it was written", () => {
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 500 }), fc.nat(20), (said, bytes, skip) => {
        const from = Math.min(skip, bytes.length);
        const message = writeMessage(said, bytes, from, bytes.length - from);
        expect(readMessage(message)).toEqual({ ...said, payload: bytes.slice(from) });
      }),
    );
  });

  test("says nothing that is cut short before its bytes", () => {
    const message = writeMessage(plain, new Uint8Array(10), 0, 10);
    for (let length = 0; length < message.length - 10; length++) {
      expect(readMessage(message.subarray(0, length))).toBeUndefined();
    }
  });

  test("may have a longer head in a later version, which is passed over", () => {
    const message = writeMessage(plain, new Uint8Array([1, 2, 3]), 0, 3);
    const longer = new Uint8Array(message.length + 8);
    const end = message.length - 3;
    longer.set(message.subarray(0, end));
    longer.set(message.subarray(end), end + 8);
    new DataView(longer.buffer).setUint16(2, end + 8);
    expect(readMessage(longer)).toEqual({ ...plain, payload: new Uint8Array([1, 2, 3]) });
  });

  test("of another layout is none", () => {
    const message = writeMessage(plain, new Uint8Array(0), 0, 0);
    message[0] = 2;
    expect(readMessage(message)).toBeUndefined();
  });

  test("is never an error, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        bytes[0] = 1;
        readMessage(bytes);
      }),
    );
  });

  test.each([
    ["an offset that is no whole number", { offset: 1.5 }],
    ["a negative offset", { offset: -1 }],
    ["an offset that is none", { offset: Number.NaN }],
    ["a join point beyond all streams", { join: 2 ** 60 }],
    ["frames that do not rise", { frames: [5, 5] }],
  ])("with %s is none", (_, wrong) => {
    const message = writeMessage({ ...plain, ...wrong }, new Uint8Array(0), 0, 0);
    expect(readMessage(message)).toBeUndefined();
  });

  test("makes a join point of what came before it", () => {
    const said = { ...plain, flags: JOIN | CLEAN, payload: new Uint8Array(0) };
    expect(joinOf(said, new Uint8Array([1, 2, 3, 4, 5]))).toEqual({
      offset: 100,
      setup: new Uint8Array([1, 2, 3]),
      splice: new Uint8Array([4, 5]),
      clean: true,
    });
  });
});
