/**
 * Whose a socket is, and what logs call that.
 */
import { expect, test } from "bun:test";
import { addressOf, peerName } from "../../src/server/peer.ts";

test.each([
  ["IPv4", { remoteAddress: "192.0.2.1", localAddress: "127.0.0.1" }, "192.0.2.1:9"],
  ["IPv6", { remoteAddress: "2001:db8::1", localAddress: "::1" }, "[2001:db8::1]:9"],
  ["a unix socket", {}, "a unix socket"],
  ["a reset", { localAddress: "127.0.0.1" }, "a peer that was gone at once"],
])("the peer of %s has a name", (_, socket, name) => {
  expect(peerName(addressOf(socket), 9)).toBe(name);
});

test("a TCP peer whose address is not known is not taken for one on a unix socket", () => {
  expect(addressOf({ localAddress: "127.0.0.1" })).not.toBe(addressOf({}));
});
