/**
 * The reply frame, and the streams that come in its place from a server that sends none.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CODES } from "../../src/core/errors.ts";
import { writeFrame } from "../../src/protocol/frame.ts";
import {
  endReply,
  feedReply,
  newReplyReader,
  readReply,
  streamReader,
  writeReply,
  type Reply,
  type ReplyReader,
} from "../../src/protocol/reply.ts";
import { anyCuts, anyValue, bytesOf, bytewise, cutAt, everySplit, frameOf } from "./helpers.ts";

const BUSY = { code: "busy", message: "another broadcasts there" } as const;
const STREAM = bytesOf(0, 0, 0, 1, 0x67, 0, 0, 0, 2, 0, "ok");

/** What came of feeding `chunks` and the end: the reader, and what was handed on after each. */
function run(chunks: readonly Uint8Array[]) {
  const reader = newReplyReader();
  const handed = chunks.map((chunk) => Buffer.from(feedReply(reader, chunk)));
  const { state, reply } = reader;
  const atEnd = Buffer.from(endReply(reader));
  return { state, reply, handed, atEnd, all: bytesOf(...handed, atEnd), reader };
}

/** After how many bytes, fed one at a time, `bytes` count as stream. */
function passedOnAt(...bytes: Parameters<typeof bytesOf>): number {
  const reader = newReplyReader();
  const chunks = bytewise(bytesOf(...bytes));
  const at = chunks.findIndex((chunk) => feedReply(reader, chunk).length > 0);
  return reader.state === "stream" ? at + 1 : -1;
}

/** Whether bytes could follow `begun` that make it a reply; the least five are let off. */
function couldGoOn(begun: Buffer): boolean {
  if (begun.length < 5) {
    return begun.subarray(0, 2).every((byte) => byte === 0);
  }
  const length = begun.readUInt32BE(0);
  const text = begun.toString("latin1", 5, 5 + length);
  const verbs = ["ok", "error"].filter((verb) =>
    length === verb.length
      ? verb.startsWith(text)
      : length > verb.length && `${verb},`.startsWith(text.slice(0, verb.length + 1)),
  );
  return begun[4] === 0 && length <= 4096 && verbs.length > 0;
}

describe("a reply", () => {
  const replies: Reply[] = [null, BUSY, { code: "limit", message: "" }];

  test("is an ok, or an error with its code and its message", () => {
    expect(writeReply(null)).toEqual(writeFrame("ok"));
    expect(writeReply(BUSY)).toEqual(
      writeFrame("error,code=busy,message=another broadcasts there"),
    );
  });

  test("is taken out at every split, and the stream behind it handed on whole", () => {
    for (const sent of replies) {
      const frame = writeReply(sent);
      for (const [at, halves] of everySplit(bytesOf(frame, STREAM)).entries()) {
        const { state, reply, handed } = run(halves);
        expect(state).toBe("reply");
        expect(reply).toEqual(sent);
        expect(bytesOf(...handed).equals(STREAM)).toBe(true);
        // The first half gives nothing early and holds nothing back.
        expect(handed[0]?.length).toBe(Math.max(0, at - frame.length));
      }
    }
  });

  test("is taken out one byte at a time, pending until its last byte", () => {
    const reader = newReplyReader();
    const frame = writeReply(BUSY);
    for (const chunk of bytewise(frame.subarray(0, -1))) {
      expect(feedReply(reader, chunk).length).toBe(0);
      expect(reader.state).toBe("pending");
    }
    expect(feedReply(reader, frame.subarray(-1)).length).toBe(0);
    expect(reader).toMatchObject({ state: "reply", reply: BUSY });
    expect(reader.held.length).toBe(0);
  });

  test("of any code and message is read back, its commas as semicolons", () => {
    const piece = fc.oneof(fc.constant(","), fc.string({ unit: "binary", maxLength: 200 }));
    const message = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.constantFrom(...CODES), message, anyCuts, (code, text, cuts) => {
        const { reply, all } = run(cutAt(bytesOf(writeReply({ code, message: text })), cuts));
        expect(reply).toEqual({ code, message: text.replaceAll(",", ";") });
        expect(all.length).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test("may say more than today's servers do", () => {
    expect(readReply("ok,later=key")).toBeNull();
    expect(readReply("ok,")).toBeNull();
    expect(readReply("error,retry=5,code=busy,message=a=b,x")).toEqual({
      code: "busy",
      message: "a=b",
    });
  });

  test("with an unknown code is a refusal for good, and the code its reason", () => {
    expect(readReply("error,code=payment-required")).toEqual({
      code: "forbidden",
      message: "payment-required",
    });
    expect(readReply("error,code=teapot,message=short and stout")).toEqual({
      code: "forbidden",
      message: "short and stout",
    });
    expect(readReply("error")).toEqual({ code: "forbidden", message: "" });
  });

  test("has one of two verbs", () => {
    for (const text of ["", "OK", "okay", "ok ", " ok", "errors", "error=1", "watch,user=bob"]) {
      expect(readReply(text)).toBeUndefined();
    }
  });

  test("is looked for once: a second frame is stream", () => {
    const { handed } = run([writeReply(null), writeReply(BUSY)]);
    expect(handed[1]).toEqual(Buffer.from(writeReply(BUSY)));
  });

  test("is not looked for where the matter is settled", () => {
    const reader = streamReader();
    expect(feedReply(reader, writeReply(null))).toEqual(writeReply(null));
    expect(endReply(reader).length).toBe(0);
  });
});

describe("a stream in the place of a reply", () => {
  const media: [name: string, at: number, ...bytes: (number | string)[]][] = [
    ["H.264 with long start codes", 5, 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e],
    ["H.264 with short start codes", 5, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e],
    ["H.265", 5, 0, 0, 0, 1, 0x40, 1, 0x0c, 1],
    ["MPEG-TS", 1, 0x47, 0x40, 0, 0x10, 0],
    ["Matroska", 1, 0x1a, 0x45, 0xdf, 0xa3],
    ["FLV", 1, "FLV\x01\x05"],
    ["MP4", 5, 0, 0, 0, 0x1c, "ftypisom"],
    ["Ogg", 1, "OggS\0\x02"],
    ["AAC", 1, 0xff, 0xf1, 0x50, 0x80],
    ["a zero and then something", 2, 0, 1, 0, 0],
    ["nothing but zeros", 5, 0, 0, 0, 0, 0, 0, 0, 0],
    ["a frame's head, of too short a text", 5, 0, 0, 0, 1, 0, "o"],
    ["a frame's head, of too long a text", 5, 0, 0, 0x10, 1, 0, "ok,"],
    ["a request", 6, 0, 0, 0, 14, 0, "watch,user=bob"],
    ["almost an ok", 7, 0, 0, 0, 9, 0, "on and on"],
    ["more than an ok", 8, 0, 0, 0, 9, 0, "okay then"],
    ["almost an error", 10, 0, 0, 0, 9, 0, "errod,a=b"],
    ["more than an error", 11, 0, 0, 0, 9, 0, "errors,ab"],
    ["an error that its length cuts off", 6, 0, 0, 0, 4, 0, "error"],
  ];
  for (const [name, at, ...bytes] of media) {
    test(`is passed on at byte ${at} where it is ${name}`, () => {
      expect(passedOnAt(...bytes)).toBe(at);
      expect(run([bytesOf(...bytes)]).handed).toEqual([bytesOf(...bytes)]);
    });
  }

  test("is handed on at the end where it was too short to tell", () => {
    for (const begun of [[], [0], [0, 0, 0, 1], [0, 0, 0, 9, 0, "ok,l"]]) {
      const { state, handed, atEnd, reader } = run(bytewise(bytesOf(...begun)));
      expect(state).toBe("pending");
      expect(bytesOf(...handed).length).toBe(0);
      expect(atEnd).toEqual(bytesOf(...begun));
      expect(endReply(reader).length).toBe(0);
    }
  });

  test("is handed on whole where its frame is no UTF-8", () => {
    const bytes = bytesOf(frameOf(bytesOf("ok,a=", 0xff)), "after");
    expect(run([bytes]).handed).toEqual([bytes]);
    expect(run(bytewise(bytes))).toMatchObject({ state: "stream", all: bytes });
  });
});

describe("whatever comes", () => {
  const word = fc.constantFrom(
    "ok",
    "error",
    ",",
    "code=",
    "busy",
    "message=",
    "=",
    "o",
    "err",
    "",
  );
  const text = fc.oneof(
    fc.array(word, { maxLength: 6 }).map((words) => bytesOf(words.join(""))),
    fc.constantFrom("ok", "error", "ok,", "error,").map((verb) => bytesOf(verb)),
    fc.tuple(fc.constantFrom("ok,", "error,"), anyValue).map((parts) => bytesOf(...parts)),
    fc.uint8Array({ maxLength: 20 }),
  );
  const frame = fc
    .tuple(text, fc.constantFrom(0, 0, 0, 0, 1, -1, 5, 4096), fc.constantFrom(0, 0, 0, 0, 1))
    .map(([body, more, nul]) => frameOf(body, Math.max(0, body.length + more), nul));
  const zeros = fc.nat(6).map((count) => new Uint8Array(count));
  const anything = fc
    .tuple(fc.oneof(frame, frame, zeros, fc.uint8Array()), fc.uint8Array({ maxLength: 12 }))
    .map((parts) => bytesOf(...parts));

  test("the frame and the bytes handed on are together what came, in any chunks", () => {
    const reached = new Set<ReplyReader["state"]>();
    fc.assert(
      fc.property(anything, anyCuts, (bytes, cuts) => {
        const whole = run([bytes]);
        reached.add(whole.state);
        const inChunks = run(cutAt(bytes, cuts));
        for (const { state, reply, all, reader } of [whole, inChunks, run(bytewise(bytes))]) {
          const taken = state === "reply" ? 5 + bytes.readUInt32BE(0) : 0;
          expect(all.equals(bytes.subarray(taken))).toBe(true);
          expect([state, reply]).toEqual([whole.state, whole.reply]);
          expect(reader.held.length).toBe(0);
          if (state === "reply") {
            expect(readReply(bytes.toString("utf8", 5, taken))).toEqual(reply);
          }
        }
      }),
      { numRuns: 3000 },
    );
    expect([...reached].toSorted().join(" ")).toBe("pending reply stream");
  });

  test("no byte is held back that can be no reply any more", () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const reader = newReplyReader();
        for (const [i, chunk] of bytewise(bytes).entries()) {
          feedReply(reader, chunk);
          if (reader.state !== "pending") {
            break;
          }
          expect(couldGoOn(bytes.subarray(0, i + 1))).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("what is held never exceeds a frame of the longest text", () => {
    const endless = bytesOf(frameOf("ok,x=", 4096), new Uint8Array(9000).fill(0x61));
    const reader = newReplyReader();
    for (const chunk of cutAt(
      endless,
      Array.from({ length: 90 }, (_, i) => i * 100),
    )) {
      feedReply(reader, chunk);
      expect(reader.held.length).toBeLessThan(4101);
    }
    expect(reader.state).toBe("reply");
  });
});
