/**
 * Addresses and networks, with Node and Python for second opinions.
 */
import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import * as fc from "fast-check";
import { NETWORKS_MAX } from "../../src/core/limits.ts";
import {
  ipOf,
  isWithin,
  parseIp,
  parseNetworks,
  printIp,
  type Ip,
  type Network,
} from "../../src/core/networks.ts";
import { askPython } from "../protocol/helpers.ts";
import { describeWith } from "../support/tools.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === null) {
    throw new Error(`${text} is no address`);
  }
  return parsed;
}

function networks(text: string): readonly Network[] {
  const parsed = parseNetworks(text);
  if (!parsed.ok) {
    throw new Error(parsed.problem);
  }
  return parsed.networks;
}

function problemOf(text: string): string {
  const parsed = parseNetworks(text);
  return parsed.ok ? "" : parsed.problem;
}

/** Bytes in which zeros are frequent, so that there is something to leave out in print. */
const byte = fc.oneof(fc.constant(0), fc.constant(255), fc.nat(255));
const anyIp = fc
  .oneof(
    fc.array(byte, { minLength: 4, maxLength: 4 }),
    fc.array(byte, { minLength: 16, maxLength: 16 }),
  )
  .map(ipOf);

/** Text that is nearly an address. */
const nearly = fc
  .array(
    fc.constantFrom("0", "1", "ffff", "12345", "::", ":", ":", ".", "1.2.3.4", "256", "00", "g"),
    {
      maxLength: 16,
    },
  )
  .map((parts) => parts.join(""));

describe("an address", () => {
  test.each([
    ["0.0.0.0", [0, 0, 0, 0]],
    ["255.255.255.255", [255, 255, 255, 255]],
    ["::", Array<number>(16).fill(0)],
    ["::ffff:192.0.2.1", [192, 0, 2, 1]],
    ["::FFFF:c000:201", [192, 0, 2, 1]],
    ["1:2:3:4:5:6:7::", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    ["64:ff9b::192.0.2.1", [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1]],
  ])("%s is read", (text, bytes) => {
    expect(parseIp(text)).toEqual(bytes);
  });

  test.each([
    [["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "1.2.3.-4", "0x1.2.3.4"]],
    [["1:2:3:4:5:6:7", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", ":::", ":1", "1:"]],
    [["12345::", "::g", "1.2.3.4::", "::1.2.3", "::1.2.3.4:5", "fe80::1%eth0", "[::1]", "::1/64"]],
  ])("%p are none", (texts) => {
    expect(texts.filter((text) => parseIp(text) !== null)).toEqual([]);
  });

  test("is what Node takes for one", () => {
    fc.assert(
      fc.property(nearly, (text) => {
        expect(parseIp(text) !== null).toBe(isIP(text) !== 0);
      }),
      { numRuns: 3000 },
    );
  });

  test("is the same after it was printed", () => {
    fc.assert(
      fc.property(anyIp, (each) => {
        expect(parseIp(printIp(each))).toEqual(each);
      }),
    );
  });
});

describe("a list of networks", () => {
  test("may be empty, and then nobody is in it", () => {
    expect(networks(" ")).toEqual([]);
    expect(isWithin([], ip("1.2.3.4"))).toBe(false);
  });

  test("holds addresses and networks of both kinds", () => {
    const list = networks("192.0.2.1, 10.0.0.0/8,2001:db8::/32 , ::1");
    const inside = ["192.0.2.1", "10.0.0.0", "10.255.255.255", "2001:db8:ffff::1", "::1"];
    const outside = ["192.0.2.2", "11.0.0.0", "9.255.255.255", "2001:db9::", "::2", "::"];
    expect(inside.filter((text) => !isWithin(list, ip(text)))).toEqual([]);
    expect(outside.filter((text) => isWithin(list, ip(text)))).toEqual([]);
  });

  test("knows mapped addresses as IPv4, in itself and in peers", () => {
    expect(networks("::ffff:10.0.0.0/104")).toEqual(networks("10.0.0.0/8"));
    expect(networks("::ffff:10.0.0.1")).toEqual(networks("10.0.0.1"));
    expect(isWithin(networks("10.0.0.0/8"), ip("::ffff:10.1.2.3"))).toBe(true);
  });

  test("with a prefix of nothing holds all of its kind and none of the other", () => {
    expect(isWithin(networks("0.0.0.0/0"), ip("203.0.113.9"))).toBe(true);
    expect(isWithin(networks("0.0.0.0/0"), ip("2001:db8::1"))).toBe(false);
    expect(isWithin(networks("::/0"), ip("2001:db8::1"))).toBe(true);
    expect(isWithin(networks("::/0"), ip("203.0.113.9"))).toBe(false);
  });

  test.each([
    ["localhost", '"localhost" is no IP address and no network'],
    ["10.0.0.0/8/8", '"10.0.0.0/8/8" is no IP address and no network'],
    ["10.0.0.1,,10.0.0.2", "a comma stands alone"],
    ["10.0.0.1,", "a comma stands alone"],
    ["10.0.0.0/33", 'the prefix of "10.0.0.0/33" is no number from 0 to 32'],
    ["10.0.0.0/", 'the prefix of "10.0.0.0/" is no number from 0 to 32'],
    ["10.0.0.0/08", 'the prefix of "10.0.0.0/08" is no number from 0 to 32'],
    ["::/129", 'the prefix of "::/129" is no number from 0 to 128'],
    ["::ffff:10.0.0.0/8", 'the prefix of "::ffff:10.0.0.0/8" is no number from 96 to 128'],
    ["10.1.2.3/8", '"10.1.2.3/8" has bits behind its prefix: the network is 10.0.0.0/8'],
    ["::1/64", '"::1/64" has bits behind its prefix: the network is ::/64'],
  ])("%s is none, and is told why", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test("is bounded", () => {
    expect(networks(Array(NETWORKS_MAX).fill("::1").join(","))).toHaveLength(NETWORKS_MAX);
    expect(
      problemOf(
        Array(NETWORKS_MAX + 1)
          .fill("::1")
          .join(","),
      ),
    ).toContain("too many");
  });

  test("whatever its text is, the answer is networks or one sentence", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(fc.tuple(nearly, fc.constantFrom("", "/8", "/129", "/x", ",")))
        .map((all) => all.flat().join("")),
    );
    fc.assert(
      fc.property(text, (each) => {
        const parsed = parseNetworks(each);
        expect(parsed.ok || parsed.problem.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describeWith("python3", "Python", () => {
  test("prints an address as we do", () => {
    const ips = fc.sample(anyIp, { numRuns: 500, seed: 1 });
    const script =
      "import ipaddress\nanswer = [str(ipaddress.ip_address(bytes(each))) for each in given]";
    // Python has its own way with addresses that hold an IPv4 one at their end.
    const plain = ips.filter(
      (each) => each.length === 4 || each.slice(0, 10).some((one) => one > 0),
    );
    expect(askPython(script, plain)).toEqual(plain.map(printIp));
  });

  test("finds an address in a network exactly if we do", () => {
    const anyCase = fc
      .record({ base: anyIp, size: fc.nat(128), near: fc.array(fc.nat(7), { maxLength: 3 }) })
      .map(({ base, size, near }) => {
        const bits = size % (base.length * 8 + 1);
        const net = base.map((value, i) => value & firstBits(bits - 8 * i));
        // One that differs in a few of the bits around the end of the prefix.
        const flips = near.map((distance) => bits + distance - 4);
        const other = base.map((value, i) =>
          flips.reduce((now, bit) => now ^ bitAt(bit, i), value),
        );
        return { net: `${printIp(net)}/${bits}`, other: printIp(ipOf(other)) };
      });
    const cases = fc.sample(anyCase, { numRuns: 500, seed: 2 });
    const script = `import ipaddress
answer = [ipaddress.ip_address(each["other"]) in ipaddress.ip_network(each["net"]) for each in given]`;
    const ours = cases.map(({ net, other }) => isWithin(networks(net), ip(other)));
    expect(askPython(script, cases)).toEqual(ours);
    expect(new Set(ours).size).toBe(2);
  });
});

/** The byte at `i` of an address in which only the bit at `bit` is set. */
function bitAt(bit: number, i: number): number {
  return bit >= 8 * i && bit < 8 * i + 8 ? 128 >> (bit - 8 * i) : 0;
}

/** A byte whose first `bits` bits are set. */
function firstBits(bits: number): number {
  return Math.floor(256 - 2 ** (8 - Math.min(Math.max(bits, 0), 8)));
}
