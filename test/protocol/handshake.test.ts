/**
 * The handshake, one byte at a time, at every split, and with bytes that nobody sane would send.
 */
import { describe, expect, test } from "bun:test";
import { isUtf8 } from "node:buffer";
import * as fc from "fast-check";
import { FRAME_HEAD_BYTES, REQUEST_MAX_BYTES } from "../../src/core/limits.ts";
import { feed, isFinal, newHandshake, type HandshakeState } from "../../src/protocol/handshake.ts";
import { readRequest } from "../../src/protocol/request.ts";
import { anyCuts, anyName, bytesOf, bytewise, cutAt, everySplit, frameOf } from "./helpers.ts";

const WATCH = frameOf("watch,user=bob,channel=é");
const STREAM = bytesOf(0, 0, 0, 1, 0x67, "GET \0", WATCH);

/** What came of feeding `chunks`: the handshake, its bytes, and the bytes that it left. */
function run(chunks: readonly Uint8Array[]) {
  const handshake = newHandshake();
  const states: HandshakeState[] = [];
  const rest: Uint8Array[] = [];
  let used = 0;
  for (const chunk of chunks) {
    const taken = feed(handshake, chunk);
    used += taken;
    rest.push(chunk.subarray(taken));
    states.push(handshake.state);
  }
  return { handshake, states, used, rest: bytesOf(...rest) };
}

/** What a text of its own frame leads to. */
function outcomeOf(text: string) {
  const { request, bad, state } = run([frameOf(text)]).handshake;
  return { state, request, bad };
}

/** The same judgement made in one look at all the bytes, with Node's own reading of UTF-8. */
function expected(bytes: Uint8Array): { state: HandshakeState; used: number } {
  const begun = Buffer.from(bytes);
  if (begun.length < 4) {
    return { state: "length", used: begun.length };
  }
  if (["GET ", "HEAD"].includes(begun.toString("latin1", 0, 4))) {
    return { state: "http", used: 4 };
  }
  if (begun[0] === 22 && begun[1] === 3) {
    return { state: "tls", used: 4 };
  }
  const length = begun.readUInt32BE(0);
  if (length === 0 || length > 4096) {
    return { state: "failed", used: 4 };
  }
  if (begun.length < 5) {
    return { state: "nul", used: 4 };
  }
  if (begun[4] !== 0) {
    return { state: "failed", used: 5 };
  }
  const text = begun.subarray(5, 5 + length);
  if (text.length < length) {
    return { state: "text", used: begun.length };
  }
  const good = isUtf8(text) && readRequest(text.toString("utf8")).ok;
  return { state: good ? "request" : "failed", used: 5 + length };
}

/** The states of a request of `textBytes` bytes, byte by byte. */
function statesOf(textBytes: number): HandshakeState[] {
  const head: HandshakeState[] = ["length", "length", "length", "nul", "text"];
  return [...head, ...Array.from({ length: textBytes - 1 }, () => "text" as const), "request"];
}

describe("a good request", () => {
  test("fed one byte at a time goes through every state in order", () => {
    const { states, used } = run(bytewise(WATCH));
    expect(states).toEqual(statesOf(WATCH.length - FRAME_HEAD_BYTES));
    expect(used).toBe(WATCH.length);
  });

  test("split anywhere is in the same state before the split and complete after it", () => {
    const states: HandshakeState[] = ["length", ...statesOf(WATCH.length - FRAME_HEAD_BYTES)];
    for (const [at, halves] of everySplit(WATCH).entries()) {
      const { handshake, states: seen } = run(halves);
      expect(seen).toEqual([states[at] ?? "failed", "request"]);
      expect(handshake.request).toMatchObject({ verb: "watch", user: "bob", channel: "é" });
      expect(handshake.bad).toBeUndefined();
      expect(handshake.held).toEqual(Uint8Array.from(WATCH));
    }
  });

  test("leaves every byte of the stream behind it, wherever the two are cut", () => {
    const all = bytesOf(WATCH, STREAM);
    for (const [start, end] of everySplit(all)) {
      for (const [middle, last] of everySplit(end)) {
        const { rest, used } = run([start, middle, last]);
        expect(used).toBe(WATCH.length);
        expect(rest.equals(STREAM)).toBe(true);
      }
    }
  });

  test("is not touched when the buffer it came in is used again", () => {
    const handshake = newHandshake();
    const buffer = new Uint8Array(4);
    for (let at = 0; at < WATCH.length; at += 4) {
      const piece = WATCH.subarray(at, at + 4);
      buffer.set(piece);
      feed(handshake, buffer.subarray(0, piece.length));
      buffer.fill(0xff);
    }
    expect(handshake.request).toMatchObject({ user: "bob", channel: "é" });
  });

  test("may be as long as 4096 bytes", () => {
    const text = "watch,user=bob,pad=".padEnd(REQUEST_MAX_BYTES, "é").slice(0, 2000);
    const longest = text + "x".repeat(REQUEST_MAX_BYTES - Buffer.byteLength(text));
    const { handshake, used, rest } = run([bytesOf(frameOf(longest), STREAM)]);
    expect(handshake.state).toBe("request");
    expect(used).toBe(4101);
    expect(rest.equals(STREAM)).toBe(true);
  });
});

describe("a length", () => {
  test("of 1 byte is fine, and no verb is that short", () => {
    expect(run([frameOf("w").subarray(0, 5)]).handshake.state).toBe("text");
    expect(outcomeOf("w").bad?.message).toContain("verb");
  });

  test("of 0, of 4097 or of 4 GiB - 1 fails at its fourth byte", () => {
    for (const length of [0, 4097, 0x01000000, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const { handshake, states, used } = run(bytewise(frameOf("watch,user=bob", length)));
      expect(states.slice(0, 4)).toEqual(["length", "length", "length", "failed"]);
      expect(used).toBe(4);
      expect(handshake.bad).toEqual({
        code: "bad-request",
        message: `a request has 1 to 4096 bytes of text and not ${length}`,
        reply: false,
      });
    }
  });
});

test("a byte other than NUL after the length fails at once, and gets no reply", () => {
  for (const nul of [1, 0x20, 0x77, 0xff]) {
    const { handshake, states, used } = run(bytewise(frameOf("watch,user=bob,reply=1", 22, nul)));
    expect(states.slice(3, 6)).toEqual(["nul", "failed", "failed"]);
    expect(used).toBe(5);
    expect(handshake.bad).toMatchObject({ code: "bad-request", reply: false });
    expect(handshake.bad?.message).toContain("not zero");
  }
});

test("text that is not UTF-8 fails, and gets no reply", () => {
  const texts = [
    [0xff],
    [0xc3],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0x80],
  ];
  for (const bad of texts) {
    const text = bytesOf("watch,user=bob,reply=1,channel=", ...bad);
    const { handshake, used } = run([bytesOf(frameOf(text), STREAM)]);
    expect(handshake.state).toBe("failed");
    expect(used).toBe(5 + text.length);
    expect(handshake.bad).toMatchObject({ code: "bad-request", reply: false });
    expect(handshake.bad?.message).toContain("UTF-8");
  }
});

test("a byte order mark is part of the verb, and so no verb", () => {
  expect(outcomeOf("\ufeffwatch,user=bob").bad?.message).toContain("verb");
});

test("the first four bytes of HTTP are seen for what they are, at every split", () => {
  const methods = ["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT"];
  for (const line of methods.map((method) => `${method} /bob/main HTTP/1.1\r\n`)) {
    for (const halves of everySplit(bytesOf(line))) {
      const { handshake, used, rest } = run(halves);
      expect(handshake.state).toBe("http");
      expect(used).toBe(4);
      const seen = Buffer.from(handshake.held.subarray(0, handshake.have)).toString();
      expect(seen + rest.toString()).toBe(line);
    }
  }
});

test("the first record of TLS is seen for what it is, at every split and in every version", () => {
  for (const version of [0, 1, 3, 4]) {
    for (const halves of everySplit(Uint8Array.of(22, 3, version, 2, 0, 1))) {
      const { handshake, used } = run(halves);
      expect(handshake.state).toBe("tls");
      expect(used).toBe(4);
    }
  }
  expect(run([Uint8Array.of(21, 3, 1, 0, 2)]).handshake.state).toBe("failed");
  expect(run([Uint8Array.of(22, 2, 1, 0, 2)]).handshake.state).toBe("failed");
});

test("other words of HTTP, and its words in lower case, fail", () => {
  for (const word of ["PROP", "PUT/", "get ", "GET\t", "HEAT", "post"]) {
    expect(run([bytesOf(word)]).handshake.state).toBe("failed");
  }
});

test("a request that is refused for what it says still says whether it wants a reply", () => {
  expect(outcomeOf("watch,reply=1").bad).toMatchObject({ code: "bad-request", reply: true });
  expect(outcomeOf("listen,user=bob,reply=1").bad).toMatchObject({ reply: true });
  expect(outcomeOf("watch").bad).toMatchObject({ code: "bad-request", reply: false });
});

describe("whatever comes", () => {
  const piece = fc.oneof(
    fc.constantFrom("user=", "user=bob", ",", "=", "reply=1", "join=raw", "wait=0", "channel=a"),
    anyName,
    fc.string({ unit: "binary", maxLength: 10 }),
  );
  const verb = fc.constantFrom("watch,user=bob", "broadcast,user=bob", "watch", "x", "");
  const text = fc
    .tuple(verb, fc.array(piece, { maxLength: 8 }))
    .map(([first, pieces]) => bytesOf([first, ...pieces].join(",")));
  const body = fc.oneof(text, fc.uint8Array({ maxLength: 60 }));
  const frame = fc
    .tuple(body, fc.constantFrom(0, 0, 0, 0, 1, -1, 4096, 5000), fc.constantFrom(0, 0, 0, 0, 7))
    .map(([bytes, more, nul]) => frameOf(bytes, Math.max(0, bytes.length + more), nul));
  const others = [bytesOf("GET /"), Uint8Array.of(22, 3, 1, 2, 0, 1, 0)];
  const first = fc.oneof(frame, frame, frame, fc.uint8Array(), fc.constantFrom(...others));
  const cut = fc.constantFrom(3, 4, 4, 5, 6, 7, ...Array<number>(30).fill(Infinity));
  const anything = fc
    .tuple(first, body, cut)
    .map(([one, other, end]) => bytesOf(one, other).subarray(0, end));

  test("comes to the same end as in one look at all of it, in any chunks", () => {
    const reached = new Set<HandshakeState>();
    fc.assert(
      fc.property(anything, anyCuts, (bytes, cuts) => {
        const whole = run([bytes]);
        const inChunks = run(cutAt(bytes, cuts));
        const { state, used } = expected(bytes);
        reached.add(state);
        for (const { handshake, rest, used: taken } of [whole, inChunks, run(bytewise(bytes))]) {
          expect(handshake.state).toBe(state);
          expect(taken).toBe(used);
          expect(rest.equals(bytes.subarray(used))).toBe(true);
          expect(handshake.request).toEqual(whole.handshake.request);
          expect(handshake.bad).toEqual(whole.handshake.bad);
        }
      }),
      { numRuns: 3000 },
    );
    expect([...reached].toSorted().join(" ")).toBe("failed http length nul request text tls");
  });

  test("sets a request in state request alone, and a reason in state failed alone", () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const { handshake } = run([bytes]);
        expect(handshake.request !== undefined).toBe(handshake.state === "request");
        expect(handshake.bad !== undefined).toBe(handshake.state === "failed");
      }),
      { numRuns: 1000 },
    );
  });

  test("holds no more than the frame, whatever length it announces", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.uint8Array({ maxLength: 6000 }), (length, bytes) => {
        for (const announced of [length, length % 5000, 4096]) {
          const handshake = newHandshake();
          for (const chunk of cutAt(frameOf(bytes, announced), [4, 5, 700, 4101])) {
            feed(handshake, chunk);
            // The room that it holds on to may be more than what it has filled.
            expect(handshake.held.buffer.byteLength).toBeLessThanOrEqual(
              FRAME_HEAD_BYTES + REQUEST_MAX_BYTES,
            );
          }
        }
      }),
    );
  });

  test("nothing is taken any more once the handshake has come to its end", () => {
    for (const beginning of [
      WATCH,
      bytesOf("GET "),
      frameOf("x"),
      frameOf("x", 0),
      frameOf("x", 1, 1),
    ]) {
      const { handshake } = run([beginning]);
      const end = structuredClone(handshake);
      expect(isFinal(handshake.state)).toBe(true);
      for (const chunk of [WATCH, STREAM, new Uint8Array(10_000), new Uint8Array(0)]) {
        expect(feed(handshake, chunk)).toBe(0);
      }
      expect(handshake).toEqual(end);
    }
  });
});
