/**
 * Peers without sockets. They hold the hub to its side of the contract: a write that breaks it
 * throws.
 */
import type { Peer, Sink, Source } from "../../src/hub/sink.ts";
import type { Request } from "../../src/protocol/request.ts";

/** A watcher's side of the hub. */
export interface FakePeer extends Peer {
  /** Bytes that it will still take; with none left it refuses. */
  appetite: number;
  /** Whether its connection has broken: the next write finds out. */
  gone: boolean;
  /** Whether a write fell short and no drain has come since: the hub may not write. */
  blocked: boolean;
  /** How often it was written to. */
  writes: number;
  /** What it was told, in order: "admitted", then "closed" for a clean end or a refusal's code. */
  readonly told: string[];
  /** How many bytes it took. */
  taken: number;
  /** All of them, in order. */
  received(): Uint8Array;
  /** Takes `bytes` more from now on, and says so, as a socket does. Zero is a spurious drain. */
  drain(bytes: number): void;
  /** How the hub is told. Set by whoever lets the peer in. */
  onDrain: () => void;
  /** Called when the hub lets it in or sends it away, after that stands in `told`. */
  onTold: (word: string) => void;
}

export interface FakeSink extends Sink {
  open(appetite?: number): FakePeer;
}

/** One sink for many peers, as the real ones are. */
export function fakeSink(): FakeSink {
  const peers: FakePeer[] = [];
  const pieces: Uint8Array[][] = [];

  const check = (peer: FakePeer, problem: string, broken: boolean): void => {
    if (broken) {
      throw new Error(`peer ${peer.handle} was written to ${problem}`);
    }
  };

  const sink: FakeSink = {
    write(handle, buffer, offset, length) {
      const peer = peers[handle];
      if (peer === undefined) {
        throw new Error(`there is no peer ${handle}`);
      }
      check(peer, "before it was admitted", peer.told[0] !== "admitted");
      check(peer, "after it was sent away", peer.told.length > 1);
      check(peer, "before its drain", peer.blocked);
      check(peer, "with bytes from outside the ring", offset + length > buffer.length);
      check(peer, "with nothing", length < 1);
      peer.writes++;
      if (peer.gone) {
        return -1;
      }
      const taken = Math.min(length, peer.appetite);
      pieces[handle]?.push(buffer.slice(offset, offset + taken));
      peer.appetite -= taken;
      peer.taken += taken;
      peer.blocked = taken < length;
      return taken;
    },
    open(appetite = Infinity) {
      const handle = peers.length;
      const own: Uint8Array[] = [];
      const tell = (word: string): void => {
        peer.told.push(word);
        peer.onTold(word);
      };
      const peer: FakePeer = {
        sink,
        handle,
        appetite,
        gone: false,
        blocked: false,
        writes: 0,
        taken: 0,
        told: [],
        onDrain: () => {},
        onTold: () => {},
        attendant: {
          admitted: () => tell("admitted"),
          close: (why) => tell(why?.code ?? "closed"),
        },
        received: () => Buffer.concat(own),
        drain(bytes) {
          peer.appetite += bytes;
          peer.blocked = false;
          peer.onDrain();
        },
      };
      peers.push(peer);
      pieces.push(own);
      return peer;
    },
  };
  return sink;
}

/** A broadcaster's side of the hub. */
export interface FakeSource extends Source {
  /** How often it was told that there is room. */
  readied: number;
  /** Why it was sent away. */
  readonly told: string[];
}

export function fakeSource(): FakeSource {
  const source: FakeSource = {
    readied: 0,
    told: [],
    ready: () => void source.readied++,
    close: (why) => void source.told.push(why.code),
  };
  return source;
}

/** A request for bob's unnamed channel, with changes. */
export function request(verb: Request["verb"], changes: Partial<Request> = {}): Request {
  return {
    verb,
    user: "bob",
    userPassword: undefined,
    channel: "",
    channelPassword: undefined,
    reply: false,
    join: undefined,
    wait: true,
    ...changes,
  };
}

/**
 * The bytes `from` to `to` of an endless stream that does not repeat itself at the length of any
 * ring, so that a byte of a wrong offset is a wrong byte.
 */
export function streamBytes(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let i = 0; i < bytes.length; i++) {
    const mixed = Math.imul((from + i) ^ ((from + i) >>> 15), 0x2c1b3c6d);
    bytes[i] = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 24;
  }
  return bytes;
}
