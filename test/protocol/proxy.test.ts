/**
 * PROXY headers, one byte at a time, at every split, and with bytes that no proxy would send.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { PROXY_BLOCK_MAX_BYTES, PROXY_LINE_MAX_BYTES } from "../../src/core/limits.ts";
import { parseIp, printIp } from "../../src/core/networks.ts";
import { feedProxy, newProxyHeader, type ProxyHeader } from "../../src/protocol/proxy.ts";
import { proxyBinary, proxyHead, proxyLine, SIGNATURE } from "../support/proxy.ts";
import { anyCuts, bytesOf, bytewise, cutAt, everySplit, frameOf } from "./helpers.ts";

/** A request and the beginning of a stream that looks like headers again. */
const REST = bytesOf(frameOf("watch,user=bob"), "PROXY TCP4", SIGNATURE);

/** What came of feeding `chunks`: the header, how many bytes it took, and those that it left. */
function run(chunks: readonly Uint8Array[]) {
  const header = newProxyHeader();
  const rest: Uint8Array[] = [];
  let used = 0;
  for (const chunk of chunks) {
    const taken = feedProxy(header, chunk);
    used += taken;
    rest.push(chunk.subarray(taken));
  }
  return { header, used, rest: bytesOf(...rest) };
}

function line(text: string): ProxyHeader {
  return run([bytesOf(text, "\r\n", REST)]).header;
}

const TLVS = bytesOf(0x04, 0, 3, "abc", 0x20, 0, 1, "x");
const V4 = proxyBinary("192.0.2.1", 56_324, TLVS);
const V6 = proxyBinary("2001:db8::7", 1);

const GOOD: readonly (readonly [string, Uint8Array, ProxyHeader["peer"]])[] = [
  ["a line for IPv4", proxyLine("192.0.2.1", 56_324), { address: "192.0.2.1", port: 56_324 }],
  ["a line for IPv6", proxyLine("2001:DB8:0::7", 0), { address: "2001:db8::7", port: 0 }],
  [
    "a line for IPv4 as IPv6",
    proxyLine("::ffff:192.0.2.1"),
    { address: "192.0.2.1", port: 40_000 },
  ],
  [
    "the longest line for IPv6",
    bytesOf(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    { address: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", port: 65_535 },
  ],
  ["a line of the unknown", bytesOf("PROXY UNKNOWN\r\n"), null],
  ["a line of the unknown that says more", bytesOf("PROXY UNKNOWN a\rb \xff 1\r\n"), null],
  ["a line of the longest unknown", bytesOf(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`), null],
  ["bytes for IPv4 with more behind", V4, { address: "192.0.2.1", port: 56_324 }],
  ["bytes for IPv6", V6, { address: "2001:db8::7", port: 1 }],
  [
    "bytes for IPv4 as IPv6",
    proxyBinary("::ffff:192.0.2.1"),
    { address: "192.0.2.1", port: 40_000 },
  ],
  [
    "bytes for datagrams",
    proxyHead(0x21, 0x12, V4.subarray(16)),
    { address: "192.0.2.1", port: 56_324 },
  ],
  ["bytes for a unix socket", proxyHead(0x21, 0x31, new Uint8Array(216)), null],
  ["bytes for no family", proxyHead(0x21, 0, new Uint8Array(0)), null],
  ["bytes for no family with more behind", proxyHead(0x21, 0, TLVS), null],
  ["a proxy's own connection", proxyHead(0x20, 0, new Uint8Array(0)), null],
  ["a proxy's own connection with addresses", proxyHead(0x20, 0x11, V4.subarray(16)), null],
  ["a proxy's own connection of a family that is none", proxyHead(0x20, 0xff, TLVS), null],
  [
    "as many bytes as may be",
    proxyHead(0x21, 0x11, new Uint8Array(PROXY_BLOCK_MAX_BYTES)),
    { address: "0.0.0.0", port: 0 },
  ],
];

describe.each(GOOD)("%s", (_, bytes, peer) => {
  test("is read, and not a byte more", () => {
    const { header, used, rest } = run([bytesOf(bytes, REST)]);
    expect([header.state, header.peer, header.problem]).toEqual(["done", peer, ""]);
    expect(used).toBe(bytes.length);
    expect(rest.equals(REST)).toBe(true);
  });

  test("is read a byte at a time, and complete with its last one", () => {
    const { header } = run(bytewise(bytes.subarray(0, -1)));
    expect(["done", "failed"]).not.toContain(header.state);
    const all = run(bytewise(bytesOf(bytes, REST)));
    expect([all.header.state, all.header.peer, all.used]).toEqual(["done", peer, bytes.length]);
  });

  test("is read at every split", () => {
    const begin = bytes.subarray(0, 300);
    for (const [head, tail] of everySplit(begin)) {
      const { header, rest } = run([head, tail, bytesOf(bytes.subarray(300), REST)]);
      expect([header.state, header.peer]).toEqual(["done", peer]);
      expect(rest.equals(REST)).toBe(true);
    }
  });
});

describe("what is no header", () => {
  test("shows with its first byte, where it is a request", () => {
    for (const bytes of [
      frameOf("watch,user=bob"),
      bytesOf("GET / HTTP/1.1"),
      bytesOf(0x16, 3, 1),
    ]) {
      const { header, used } = run([bytes]);
      expect([header.state, header.problem, used]).toEqual([
        "failed",
        "a proxy sent no PROXY header",
        1,
      ]);
    }
  });

  test.each([
    "PROXY TCP4 192.0.2.1 192.0.2.9 56324",
    "PROXY TCP4 192.0.2.1 192.0.2.9 56324 61920 ",
    "PROXY TCP4 192.0.2.1  192.0.2.9 56324 61920",
    "PROXY TCP4 192.0.2.1 192.0.2.9 65536 61920",
    "PROXY TCP4 192.0.2.1 192.0.2.9 1 65536",
    "PROXY TCP4 192.0.2.1 192.0.2.9 01 61920",
    "PROXY TCP4 192.0.2.1 192.0.2.9 -1 61920",
    "PROXY TCP4 192.0.2.01 192.0.2.9 1 61920",
    "PROXY TCP4 ::1 ::2 1 61920",
    "PROXY TCP6 192.0.2.1 192.0.2.9 1 61920",
    "PROXY TCP6 ::1 192.0.2.9 1 61920",
    "PROXY TCP6 fe80::1%eth0 ::2 1 61920",
    "PROXY TCP6 ::1 ::x 1 61920",
    "PROXY UDP4 192.0.2.1 192.0.2.9 1 61920",
    "PROXY UNKNOWNS",
    "PROXY ",
    "PROXY  UNKNOWN",
  ])("%p fails at the end of its line", (text) => {
    const { state, peer, have, problem } = line(text);
    expect([state, peer, have]).toEqual(["failed", null, text.length + 2]);
    expect(problem).toStartWith("the line of a PROXY header ");
  });

  test("a line that ends without CR fails", () => {
    expect(run([bytesOf("PROXY UNKNOWN\n")]).header.state).toBe("failed");
    expect(run([bytesOf("PROXY TCP4 192.0.2.1 192.0.2.9 1 2\n\r\n")]).header.state).toBe("failed");
  });

  test("a line that does not end fails at its 107th byte", () => {
    const { header, used } = run([bytesOf("PROXY UNKNOWN ", "x".repeat(1000))]);
    expect([header.state, used]).toEqual(["failed", PROXY_LINE_MAX_BYTES]);
    expect(header.problem).toContain("does not end");
  });

  test.each([
    ["version 1", proxyHead(0x11, 0x11, V4.subarray(16)), "version or a command"],
    ["version 3", proxyHead(0x31, 0x11, V4.subarray(16)), "version or a command"],
    ["a third command", proxyHead(0x22, 0x11, V4.subarray(16)), "version or a command"],
    ["a fourth family", proxyHead(0x21, 0x41, new Uint8Array(300)), "family"],
    ["a third transport", proxyHead(0x21, 0x13, V4.subarray(16)), "family"],
    ["a family without transport", proxyHead(0x21, 0x10, V4.subarray(16)), "family"],
    ["a transport without family", proxyHead(0x21, 0x01, V4.subarray(16)), "family"],
    ["addresses that are cut", proxyHead(0x21, 0x11, V4.subarray(16), 11), "11 bytes"],
    ["IPv6 addresses that are cut", proxyHead(0x21, 0x21, V6.subarray(16), 35), "35 bytes"],
    ["a unix socket that is cut", proxyHead(0x21, 0x31, V6.subarray(16), 215), "215 bytes"],
    ["more bytes than may be", proxyHead(0x21, 0x11, V4, 4097), "4097 bytes"],
    ["the most bytes that can be", proxyHead(0x20, 0, V4, 65_535), "65535 bytes"],
  ])("%s fails at the end of the head", (_, bytes, problem) => {
    const { header, used } = run([bytesOf(bytes, REST)]);
    expect([header.state, header.peer, used]).toEqual(["failed", null, 16]);
    expect(header.problem).toContain(problem);
  });

  test("a signature with one bit changed fails there", () => {
    for (let bit = 0; bit < 8 * SIGNATURE.length; bit++) {
      const bytes = bytesOf(V4);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (128 >> (bit & 7));
      const { header, used } = run([bytes]);
      expect([header.state, used]).toEqual(["failed", (bit >> 3) + 1]);
    }
  });
});

describe("whatever comes", () => {
  const good = fc.constantFrom(...GOOD.map(([, bytes]) => bytesOf(bytes)));
  const mutated = fc
    .tuple(good, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }), fc.nat(400))
    .map(([bytes, changes, end]) => {
      const copy = bytesOf(bytes, REST);
      changes.forEach(([at, value]) => (copy[at] = value));
      return copy.subarray(0, end < 100 ? end : undefined);
    });
  const anything = fc.oneof(mutated, mutated, fc.uint8Array({ maxLength: 200 }));

  test("comes to the same end in one piece, in any pieces and a byte at a time", () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(anything, anyCuts, (bytes, cuts) => {
        const whole = run([bytes]);
        reached.add(whole.header.state);
        for (const other of [run(cutAt(bytes, cuts)), run(bytewise(bytes))]) {
          expect(other.header).toEqual(whole.header);
          expect(other.used).toBe(whole.used);
          expect(other.rest.equals(bytes.subarray(whole.used))).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
    expect([...reached].toSorted().join(" ")).toBe("block done failed head line prefix");
  });

  test("a peer is an address in its plain form, and a problem is there in state failed alone", () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const { peer, problem, state } = run([bytes]).header;
        expect(problem === "").toBe(state !== "failed");
        if (peer !== null) {
          expect(state).toBe("done");
          expect(printIp(parseIp(peer.address) ?? [])).toBe(peer.address);
          expect(peer.port).toBeWithin(0, 65_536);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("holds no more than a line, and takes nothing once it has come to its end", () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const { header } = run([bytes]);
        expect(header.held.buffer.byteLength).toBe(PROXY_LINE_MAX_BYTES);
        if (header.state === "done" || header.state === "failed") {
          const end = structuredClone(header);
          expect(feedProxy(header, REST)).toBe(0);
          expect(header).toEqual(end);
        }
      }),
    );
  });
});
