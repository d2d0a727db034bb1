/**
 * IP addresses, and networks of them as people write them.
 *
 *     10.1.2.3           4 bytes; ::ffff:10.1.2.3 is the same address
 *     2001:db8::1        16 bytes
 *     10.0.0.0/8         all whose first 8 bits are these; the bits behind them are zero
 *     2001:db8::/32
 *
 * Text by RFC 4291, 2.2 and 2.3, and RFC 4632, 3.1; printed by RFC 5952, 4. Invariant: an address
 * of 16 bytes is no mapped IPv4 address, so that equal peers have equal bytes.
 */
import { NETWORKS_MAX } from "./limits.ts";

/** The bytes of an address: four or sixteen. */
export type Ip = readonly number[];

export interface Network {
  readonly ip: Ip;
  /** How many of its first bits count. */
  readonly bits: number;
}

/** Networks, or what is wrong with their text, as a sentence without its end. */
export type ParsedNetworks =
  | { readonly ok: true; readonly networks: readonly Network[] }
  | { readonly ok: false; readonly problem: string };

/** Characters of the longest address: eight groups, the last two of them as IPv4. */
const IP_MAX_CHARS = 45;

/** Bits before the IPv4 address in a mapped one. */
const MAPPED_BITS = 96;

/** Reads an address without port, zone or prefix. Null where the text is none. */
export function parseIp(text: string): Ip | null {
  if (text.length > IP_MAX_CHARS) {
    return null;
  }
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** An address of four or sixteen bytes as it came from a wire. */
export function ipOf(bytes: Iterable<number>): Ip {
  const ip = [...bytes];
  const isMapped =
    ip.length === 16 && ip.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
  return isMapped ? ip.slice(12) : ip;
}

/** Leading zeros are refused: some read them as octal, and a list must not mean two things. */
function parseIpv4(text: string): Ip | null {
  const isDotted = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text);
  const ip = text.split(".").map(Number);
  return isDotted && ip.every((byte) => byte <= 255) ? ip : null;
}

function parseIpv6(text: string): Ip | null {
  const plain = withoutDots(text);
  if (plain === null) {
    return null;
  }
  const [left = "", right, ...more] = plain.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const missing = 8 - head.length - tail.length;
  const fits = right === undefined ? missing === 0 : missing > 0;
  const groups = [...head, ...Array.from({ length: Math.max(missing, 0) }, () => "0"), ...tail];
  if (more.length > 0 || !fits || !groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) {
    return null;
  }
  return ipOf(
    groups.map((group) => parseInt(group, 16)).flatMap((group) => [group >> 8, group & 255]),
  );
}

/** The last 32 bits may be written as an IPv4 address: here they become two groups. */
function withoutDots(text: string): string | null {
  const end = text.lastIndexOf(":") + 1;
  if (!text.includes(".")) {
    return text;
  }
  const ipv4 = parseIpv4(text.slice(end));
  return ipv4 === null ? null : `${text.slice(0, end)}${groupsOf(ipv4).join(":")}`;
}

/** Pairs of bytes as hexadecimal numbers. */
export function groupsOf(ip: Ip): string[] {
  const pairs = ip
    .filter((_, i) => i % 2 === 0)
    .map((high, i) => high * 256 + (ip[2 * i + 1] ?? 0));
  return pairs.map((group) => group.toString(16));
}

/** The address as logs show it, the longest run of zero groups left out. */
export function printIp(ip: Ip): string {
  if (ip.length === 4) {
    return ip.join(".");
  }
  const text = groupsOf(ip).join(":");
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") {
    return text;
  }
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  const [before, after] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${before === "" ? ":" : before}${after === "" ? ":" : after}`;
}

/** Reads addresses and networks with commas between them. The empty text is no network. */
export function parseNetworks(text: string): ParsedNetworks {
  const items = text.trim() === "" ? [] : text.split(",").map((item) => item.trim());
  if (items.length > NETWORKS_MAX) {
    return { ok: false, problem: `more than ${NETWORKS_MAX} networks are too many` };
  }
  const networks: Network[] = [];
  for (const item of items) {
    const network = parseNetwork(item);
    if (typeof network === "string") {
      return { ok: false, problem: network };
    }
    networks.push(network);
  }
  return { ok: true, networks };
}

/** One network, or what is wrong with it. */
function parseNetwork(text: string): Network | string {
  const [address = "", prefix, ...more] = text.split("/");
  const ip = parseIp(address);
  if (ip === null || more.length > 0) {
    return text === "" ? "a comma stands alone" : `"${text}" is no IP address and no network`;
  }
  const mapped = ip.length === 4 && address.includes(":") ? MAPPED_BITS : 0;
  const all = ip.length * 8;
  const bits = prefix === undefined ? all : Number(prefix) - mapped;
  if (prefix !== undefined && (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || bits < 0 || bits > all)) {
    return `the prefix of "${text}" is no number from ${mapped} to ${mapped + all}`;
  }
  const network = { ip: masked(ip, bits), bits };
  // Whoever writes such a thing means either the one address or a network of another size.
  return network.ip.every((byte, i) => byte === ip[i])
    ? network
    : `"${text}" has bits behind its prefix: the network is ${printIp(network.ip)}/${bits}`;
}

/** `ip` with all but its first `bits` bits set to zero. */
function masked(ip: Ip, bits: number): Ip {
  return ip.map((byte, i) => byte & maskOf(bits - 8 * i));
}

/** A byte whose first `bits` bits are set. */
function maskOf(bits: number): number {
  return (0xff00 >> Math.min(Math.max(bits, 0), 8)) & 0xff;
}

/** Says whether `ip` is in one of `networks`. */
export function isWithin(networks: readonly Network[], ip: Ip): boolean {
  return networks.some(
    (network) =>
      network.ip.length === ip.length &&
      network.ip.every((byte, i) => (((ip[i] ?? 0) ^ byte) & maskOf(network.bits - 8 * i)) === 0),
  );
}
