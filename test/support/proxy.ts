/**
 * PROXY headers, built here by hand after the specification.
 */
import { parseIp } from "../../src/core/networks.ts";
import { connect, frame, type Client, type DialOptions, type Where } from "./sockets.ts";

/** Connects as a proxy does that passes on a peer at `address`, and sends its request. */
export async function proxied(
  where: Where,
  address: string,
  request: string,
  options: DialOptions = {},
): Promise<Client> {
  const replies = /,reply=1/.test(request) ? 1 : 0;
  const client = await connect(where, undefined, { replies, ...options });
  await client.send(Buffer.concat([proxyLine(address), frame(request)]));
  return client;
}

/** The first bytes of a header of version 2. */
export const SIGNATURE: Buffer = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** A line of version 1 for a peer at an IPv4 or IPv6 address. */
export function proxyLine(address: string, port = 40_000): Buffer {
  const [family, to] = address.includes(":") ? ["TCP6", "::1"] : ["TCP4", "127.0.0.1"];
  return Buffer.from(`PROXY ${family} ${address} ${to} ${port} 61920\r\n`);
}

/** A header of version 2 with any fields; `length` may be a lie. */
export function proxyHead(
  command: number,
  family: number,
  block: Uint8Array,
  length: number = block.length,
): Buffer {
  const head = Buffer.from([command, family, length >> 8, length & 255]);
  return Buffer.concat([SIGNATURE, head, block]);
}

/** A header of version 2 for a peer at an IPv4 or IPv6 address, with `more` behind the addresses. */
export function proxyBinary(
  address: string,
  port = 40_000,
  more: Uint8Array = new Uint8Array(0),
): Buffer {
  const isV6 = address.includes(":");
  const mapped = isV6 ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255] : [];
  const ip = parseIp(address) ?? [];
  const from = isV6 && ip.length === 4 ? [...mapped, ...ip] : ip;
  const to = from.map((_, index) => index);
  const ports = [port >> 8, port & 255, 0xf1, 0xe0];
  const block = Buffer.concat([Buffer.from([...from, ...to, ...ports]), more]);
  return proxyHead(0x21, isV6 ? 0x21 : 0x11, block);
}
