/**
 * Which addresses are taken for the same user.
 */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { sourceOf } from "../../src/auth/source.ts";

function text(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

test("an IPv4 address stands for itself, however a listener shows it", () => {
  expect(sourceOf("192.0.2.1")).toBe("192.0.2.1");
  expect(sourceOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(sourceOf("::FFFF:c000:201")).toBe("192.0.2.1");
  expect(sourceOf("0:0:0:0:0:ffff:192.0.2.1")).toBe("192.0.2.1");
});

test("an IPv6 address stands for its first half", () => {
  expect(sourceOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(sourceOf("2001:DB8:1:2::9")).toBe("2001:db8:1:2::/64");
  expect(sourceOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
  expect(sourceOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(sourceOf("::1")).toBe("0:0:0:0::/64");
  expect(sourceOf("64:ff9b::192.0.2.1")).toBe("64:ff9b:0:0::/64");
});

test("two IPv6 addresses are one source exactly if their first halves are equal", () => {
  const half = fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(half, half, half, half, (a, b, x, y) => {
      const same = sourceOf(`${text(a)}:${text(x)}`) === sourceOf(`${text(b)}:${text(y)}`);
      return (
        same === (text(a) === text(b)) &&
        sourceOf(`${text(a)}::`) === sourceOf(`${text(a)}:${text(x)}`)
      );
    }),
  );
});

test("what is no address stands for itself", () => {
  for (const odd of [
    "",
    "localhost",
    "1:2",
    "1::2::3",
    "g::",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::1.2.3",
  ]) {
    expect(sourceOf(odd)).toBe(odd);
  }
});
