/**
 * The header by which a proxy tells whose connection it passes on: the PROXY protocol, versions 1
 * and 2 (HAProxy's proxy-protocol.txt, 2.1 and 2.2).
 *
 *     1:  "PROXY TCP4 192.0.2.1 192.0.2.9 56324 61920" CR LF      or TCP6, or UNKNOWN and anything
 *
 *     2:  │ signature, 12 bytes │ 0x20 or 0x21 │ family │ length, 2 bytes │ addresses │ TLVs │
 *                                 LOCAL   PROXY          of what follows
 *
 *     prefix ──"PROXY "──► line ──LF───────────────────────► done
 *        ├─────signature─► head ──16 bytes──► block ─length──► done
 *        └── anything else, in any of them, that does not fit ──► failed
 *
 * The last two are final: from then on every byte belongs to the request, and {@link feedProxy}
 * takes none. Invariant: the machine holds at most PROXY_LINE_MAX_BYTES, and has consumed exactly
 * the bytes of the header when it is done.
 */
import { hasText, readUint16 } from "../core/bytes.ts";
import { PROXY_BLOCK_MAX_BYTES, PROXY_LINE_MAX_BYTES } from "../core/limits.ts";
import { ipOf, parseIp, printIp } from "../core/networks.ts";

export type ProxyState = "prefix" | "line" | "head" | "block" | "done" | "failed";

/** Whose connection it is. */
export interface ProxiedPeer {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** A header under way. Only {@link feedProxy} writes to it. */
export interface ProxyHeader {
  state: ProxyState;
  /** The first bytes of the header: all that matters of it. */
  readonly held: Uint8Array;
  /** How many bytes have come, held or not. */
  have: number;
  /** In state `block`, how many there are to be. */
  end: number;
  /** In state `done`; null where the proxy speaks for itself, or knows no IP address. */
  peer: ProxiedPeer | null;
  /** Set in state `failed`. */
  problem: string;
}

const LINE = "PROXY ";
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

const LF = 0x0a;

/** Bytes of the signature, command, family and length. */
const HEAD_BYTES = 16;

const LOCAL = 0x20;
const PROXY = 0x21;

/** Bytes of the addresses and ports by family and transport; what is not here is none. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x12, 12],
  [0x21, 36],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
]);

/** Bytes of one IP address by the family alone; unix sockets have none. */
const IP_BYTES: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 16],
]);

const PORT = "(0|[1-9]\\d{0,4})";
const TCP = new RegExp(`^PROXY TCP([46]) ([^ ]+) ([^ ]+) ${PORT} ${PORT}\r\n$`);
const UNKNOWN = /^PROXY UNKNOWN(?: .*)?\r\n$/s;

/** A header of which no byte has come yet. */
export function newProxyHeader(): ProxyHeader {
  return {
    state: "prefix",
    held: new Uint8Array(PROXY_LINE_MAX_BYTES),
    have: 0,
    end: 0,
    peer: null,
    problem: "",
  };
}

/** Feeds `chunk` to the header and returns how many of its bytes belong to it. */
export function feedProxy(header: ProxyHeader, chunk: Uint8Array): number {
  let used = 0;
  for (const byte of chunk) {
    if (header.state === "done" || header.state === "failed") {
      break;
    }
    push(header, byte);
    used++;
  }
  return used;
}

function push(header: ProxyHeader, byte: number): void {
  // Behind the end of the array this stores nothing.
  header.held[header.have] = byte;
  header.have++;
  switch (header.state) {
    case "prefix":
      return takePrefix(header);
    case "line":
      return takeLine(header, byte);
    case "head":
      return header.have === HEAD_BYTES ? readHead(header) : undefined;
    case "block":
      return header.have === header.end ? readBlock(header) : undefined;
    case "done":
    case "failed":
      return;
  }
}

/** Both forms differ in their first byte, and from a request too. */
function takePrefix(header: ProxyHeader): void {
  const { have, held } = header;
  const come = held.subarray(0, have);
  if (hasText(come, 0, LINE.slice(0, have))) {
    header.state = have === LINE.length ? "line" : "prefix";
  } else if (hasText(come, 0, SIGNATURE.slice(0, have))) {
    header.state = have === SIGNATURE.length ? "head" : "prefix";
  } else {
    fail(header, "a proxy sent no PROXY header");
  }
}

function takeLine(header: ProxyHeader, byte: number): void {
  if (byte === LF) {
    readLine(header);
  } else if (header.have === PROXY_LINE_MAX_BYTES) {
    fail(header, "the line of a PROXY header does not end");
  }
}

function readLine(header: ProxyHeader): void {
  const text = String.fromCharCode(...header.held.subarray(0, header.have));
  const [, version, from = "", to = "", fromPort, toPort] = TCP.exec(text) ?? [];
  header.state = "done";
  if (version === undefined) {
    return UNKNOWN.test(text) ? undefined : fail(header, "the line of a PROXY header is none");
  }
  const [ip, other] = [parseIp(from), parseIp(to)];
  const port = Number(fromPort);
  const fits = [from, to].every((address) => address.includes(":") === (version === "6"));
  if (ip === null || other === null || !fits || Math.max(port, Number(toPort)) > 0xffff) {
    return fail(header, "the line of a PROXY header holds an address that is none");
  }
  header.peer = { address: printIp(ip), port };
}

function readHead(header: ProxyHeader): void {
  const [command = 0, family = 0] = header.held.subarray(SIGNATURE.length);
  const length = readUint16(header.held, SIGNATURE.length + 2);
  // Who speaks for itself may say anything of addresses.
  const least = command === LOCAL ? 0 : ADDRESS_BYTES.get(family);
  if (command !== LOCAL && command !== PROXY) {
    return fail(header, "a PROXY header has a version or a command that is none");
  }
  if (least === undefined) {
    return fail(header, "a PROXY header has a family of addresses that is none");
  }
  if (length < least || length > PROXY_BLOCK_MAX_BYTES) {
    return fail(header, `a PROXY header has ${length} bytes, too few or too many`);
  }
  header.end = HEAD_BYTES + length;
  header.state = length === 0 ? "done" : "block";
}

function readBlock(header: ProxyHeader): void {
  const [command = 0, family = 0] = header.held.subarray(SIGNATURE.length);
  const size = command === LOCAL ? undefined : IP_BYTES.get(family >> 4);
  if (size !== undefined) {
    const ip = ipOf(header.held.subarray(HEAD_BYTES, HEAD_BYTES + size));
    header.peer = { address: printIp(ip), port: readUint16(header.held, HEAD_BYTES + 2 * size) };
  }
  header.state = "done";
}

function fail(header: ProxyHeader, problem: string): void {
  header.problem = problem;
  header.state = "failed";
}
