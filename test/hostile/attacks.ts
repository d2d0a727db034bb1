/**
 * What a hostile peer does with one connection, as data: drawn from a seed, so that every connection
 * of every run can be made again.
 */
import { frame } from "../support/sockets.ts";
import { mutate, shred } from "./mutate.ts";
import type { Random } from "./random.ts";

/** What may come back. A peer that asked for no reply gets stream bytes or nothing. */
type Answer = "anything" | "nothing" | "ok" | "refusal";

/**
 * How it ends. `closed` and `half` wait for the server, which must end it; `half` has closed its own
 * side before.
 */
type End = "closed" | "half" | "end" | "reset";

export interface Attack {
  readonly kind: string;
  /** The loopback address that it comes from, where the system has more than one. */
  readonly from: string;
  readonly pieces: readonly Uint8Array[];
  /** Milliseconds between two pieces; 0 is the next pass of the event loop. */
  readonly gap: number;
  readonly answer: Answer;
  /** Whether it reads what comes. */
  readonly reads: boolean;
  /** Milliseconds between the last piece and an end of its own making. */
  readonly stays: number;
  readonly end: End;
}

export interface Target {
  /** A user who is live all the time, whom anyone may watch and whose password nobody guesses. */
  readonly live: string;
  /** Streams of all formats. */
  readonly samples: readonly [Uint8Array, ...Uint8Array[]];
  /** Milliseconds after which a handshake that is not complete is closed. */
  readonly handshakeTimeout: number;
}

type Draw = (random: Random, index: number, target: Target) => Partial<Attack>;

/** The one address that guesses passwords: whoever comes from there is slowed down. */
const GUESSER = "127.0.0.66";

/** Channels of hostile broadcasters: so few that they take each other's place, and find watchers. */
const CHANNELS = 40;

const CHANNEL_PASSWORDS = ["", "", "", ",channel-password=a", ",channel-password=b"] as const;
const JOINS = ["", ",join=keyframe", ",join=live", ",join=raw"] as const;
const NOTHING = new Uint8Array(0);

const REQUESTS = [
  "watch,user=bob,channel=0,reply=1",
  "watch,user=bob",
  "watch,user=bob,channel=1,join=live,wait=0,reply=1",
  "broadcast,user=bob,channel=2,reply=1",
  "broadcast,user=bob,channel=3,channel-password=a",
  "broadcast,user=bob,user-password=x=y,channel=kanal ä,reply=1",
] as const;

const HTTP = [
  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "HEAD /bob/0 HTTP/1.0\r\n\r\n",
  "POST /bob HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n",
  "GET /../../etc/passwd HTTP/1.1\r\n\r\n",
  "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
  "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n",
  "\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02",
] as const;

/** The beginning of a TLS 1.2 ClientHello with its random bytes to follow: RFC 5246 7.4.1.2. */
const CLIENT_HELLO = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] as const;

/** Each kind with its share of all connections. */
const KINDS: readonly (readonly [number, string, Draw])[] = [
  [
    14,
    "comes and goes",
    (random) => ({ pieces: [], end: random.pick(["end", "reset"]), answer: "nothing" }),
  ],
  [
    10,
    "random bytes",
    (random) => ({
      pieces: [Buffer.concat([Buffer.of(1 + random.below(255)), random.bytes(64)])],
      answer: "nothing",
      end: "closed",
    }),
  ],
  [
    20,
    "a mutated request",
    (random) => ({
      pieces: shred(random, mutate(random, frame(random.pick(REQUESTS)), 4), 3),
      end: random.pick(["end", "reset", "half"]),
      stays: random.below(5),
    }),
  ],
  [
    10,
    "a request in two segments",
    (_, index, target) => {
      const request = frame(`watch,user=${target.live},wait=0,reply=1`);
      const cut = index % request.length;
      return {
        pieces: [request.subarray(0, cut), request.subarray(cut)],
        answer: "ok",
        end: "reset",
      };
    },
  ],
  [
    14,
    "a reset at a byte of the request",
    (random, index, target) => {
      const request = frame(`${random.pick(REQUESTS)},x=${target.live}`);
      return { pieces: [request.subarray(0, index % (request.length + 1))], end: "reset" };
    },
  ],
  [
    8,
    "half a request, half closed",
    (random, index) => {
      const request = frame(random.pick(REQUESTS));
      return { pieces: [request.subarray(0, index % (request.length + 1))], end: "half" };
    },
  ],
  [
    0.2,
    "a slow request",
    (_, __, target) => {
      const request = frame("watch,user=bob,channel=slow,reply=1");
      return {
        pieces: Array.from(request, (byte) => Uint8Array.of(byte)),
        gap: (2 * target.handshakeTimeout) / request.length,
        answer: "nothing",
        end: "closed",
      };
    },
  ],
  [
    5,
    "another protocol",
    (random) => ({
      pieces: shred(random, Buffer.from(random.pick(HTTP), "latin1"), 3),
      // A short one may look like a request that is not complete: then its sender has to go first.
      end: "half",
    }),
  ],
  [
    5,
    "a mutated watcher by HTTP",
    (random, _, target) => {
      const path = `/${random.pick([target.live, "bob/0", "bob/2"])}`;
      const query = random.pick(["", "?wait=0", "?join=raw&wait=0", "?password=a%20b"]);
      const lines = "Host: x\r\nAuthorization: Basic OmE=\r\nRange: bytes=0-\r\n\r\n";
      const method = random.pick(["GET", "GET", "HEAD", "OPTIONS", "DELETE"]);
      const request = Buffer.from(`${method} ${path}${query} HTTP/1.1\r\n${lines}`);
      return {
        pieces: shred(random, random.chance(0.3) ? request : mutate(random, request, 3), 4),
        reads: random.chance(0.7),
        end: random.pick(["end", "reset", "half"]),
        stays: random.below(50),
      };
    },
  ],
  [
    5,
    "TLS",
    (random) => ({
      pieces: shred(random, Buffer.concat([Buffer.from(CLIENT_HELLO), random.bytes(506)]), 3),
      answer: "nothing",
      end: "half",
    }),
  ],
  [
    3,
    "a wrong password",
    (random, index, target) => ({
      from: GUESSER,
      pieces: [frame(`broadcast,user=${target.live},user-password=${index},reply=1`)],
      answer: "refusal",
      end: "reset",
      stays: random.below(200),
    }),
  ],
  [
    2,
    "a watcher that talks",
    (random, _, target) => ({
      // Beyond 64 KiB it is reset, which may destroy what it has not read.
      pieces: [
        frame(`watch,user=${target.live},reply=1`),
        random.bytes(random.below(2000)),
        new Uint8Array(random.below(100_000)),
      ],
      end: random.pick(["end", "reset", "half"]),
      stays: random.below(20),
    }),
  ],
  [
    3,
    "a watcher that leaves in mid-stream",
    (random, _, target) => ({
      pieces: [frame(`watch,user=${target.live}${random.pick(JOINS)}`)],
      reads: random.chance(0.5),
      end: random.pick(["end", "reset", "half"]),
      stays: random.below(100),
    }),
  ],
  [
    3,
    "a watcher of hostile streams",
    (random) => ({
      pieces: [
        frame(
          `watch,user=bob,channel=${random.below(CHANNELS)}${random.pick(JOINS)}${random.pick(CHANNEL_PASSWORDS)}`,
        ),
      ],
      reads: random.chance(0.7),
      end: random.pick(["end", "reset", "half"]),
      stays: random.below(300),
    }),
  ],
  [3, "a mutated stream", (random, _, target) => mutatedStream(random, target)],
  [
    3,
    "a takeover",
    (random) => ({
      pieces: [frame("broadcast,user=bob,channel=storm,reply=1"), random.bytes(200)],
      end: random.pick(["end", "reset", "half"]),
      stays: random.below(50),
    }),
  ],
];

const SHARES = KINDS.reduce((sum, [share]) => sum + share, 0);

/** The attack of the number `index`. */
export function drawAttack(random: Random, index: number, target: Target): Attack {
  let at = (random.below(1_000_000) / 1_000_000) * SHARES;
  const chosen = KINDS.find(([share]) => (at -= share) < 0) ?? KINDS[0];
  const [, kind, draw] = chosen ?? [0, "nothing", () => ({})];
  return {
    kind,
    from: `127.${1 + random.below(254)}.${random.below(256)}.${1 + random.below(254)}`,
    pieces: [NOTHING],
    gap: 0,
    answer: "anything",
    reads: true,
    stays: 0,
    end: "reset",
    ...draw(random, index, target),
  };
}

/** A stream of some format with something wrong in it, or a piece of another one behind it. */
function mutatedStream(random: Random, { samples }: Target): Partial<Attack> {
  const sample = random.pick(samples);
  const start = random.chance(0.8) ? 0 : random.below(sample.length);
  const other = random.pick(samples);
  const tail = random.chance(0.2) ? other.subarray(random.below(other.length)) : NOTHING;
  const stream = Buffer.concat([sample.subarray(start), tail]);
  const request = frame(
    `broadcast,user=bob,channel=${random.below(CHANNELS)}${random.pick(CHANNEL_PASSWORDS)}`,
  );
  const bytes = Buffer.concat([request, mutate(random, stream, 1 + random.below(40))]);
  return {
    pieces: shred(random, bytes, random.pick([1, 2, 10, 200])),
    answer: "nothing",
    end: random.pick(["end", "reset", "half"]),
    stays: random.below(100),
  };
}
