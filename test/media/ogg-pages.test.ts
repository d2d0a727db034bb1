/**
 * Ogg, page by page: what no encoder at hand writes.
 */
import { describe, expect, test } from "bun:test";
import { concatBytes, writeUint32 } from "../../src/core/bytes.ts";
import { pageCrc } from "../../src/media/ogg-crc.ts";
import { newOggScanner } from "../../src/media/ogg.ts";
import { cut, scanChunks, type Found } from "./contract.ts";

const CONTINUED = 1;
const BEGINS = 2;

interface Page {
  readonly serial?: number;
  readonly flags?: number;
  /** Whole packets, and at the end perhaps the first part of one. */
  readonly packets: readonly string[];
  readonly isOpen?: boolean;
}

function page({ serial = 1, flags = 0, packets, isOpen = false }: Page): Uint8Array {
  const bodies = packets.map((packet) => Buffer.from(packet, "latin1"));
  const lacing = bodies.flatMap(({ length }, index) => {
    const full = Array.from({ length: Math.floor(length / 255) }, () => 255);
    return isOpen && index === bodies.length - 1 ? full : [...full, length % 255];
  });
  const head = new Uint8Array(27);
  head.set(Buffer.from("OggS"));
  head[5] = flags;
  head[14] = serial;
  head[26] = lacing.length;
  const bytes = concatBytes(head, Uint8Array.from(lacing), ...bodies);
  const crc = new Uint8Array(4);
  writeUint32(crc, 0, pageCrc(bytes));
  bytes.set(crc.toReversed(), 22);
  return bytes;
}

/** The first page of a stream. */
function begin(serial: number, packet: string): Uint8Array {
  return page({ serial, flags: BEGINS, packets: [packet] });
}

const OPUS_HEAD = begin(1, "OpusHead");
const OPUS_TAGS = page({ packets: ["OpusTags"] });
const DATA = page({ packets: ["data", "data"] });
const HALF = "x".repeat(255);

function scan(...pages: Uint8Array[]): Found {
  const stream = concatBytes(...pages);
  const whole = scanChunks(newOggScanner, [stream]);
  expect(scanChunks(newOggScanner, cut(stream, 1))).toEqual(whole);
  return whole;
}

/** The numbers of the pages at which a decoder can start, among those that were given. */
function joinsAt(...pages: Uint8Array[]): number[] {
  const starts = pages.map((_, index) => concatBytes(...pages.slice(0, index)).length);
  return scan(...pages).joins.map(({ offset }) => starts.indexOf(offset));
}

describe("ogg, page by page", () => {
  test("the checksum is that of RFC 3533", () => {
    // The first page of a stream that ffmpeg 5.1 wrote with -fflags +bitexact.
    const hex =
      "4f6767530002000000000000000000000000000000000228b57201134f707573486561640101380180bb0000000000";
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    expect(bytes.length).toBe(47);
    expect(pageCrc(bytes)).toBe(Buffer.from(bytes).readUInt32LE(22));
  });

  test("header pages are set-up and no frames, whatever lies between them", () => {
    const skeleton = begin(2, "fishead\0");
    const bone = page({ serial: 2, packets: ["fisbone\0"] });
    const end = page({ serial: 2, flags: 4, packets: [""] });
    const pages = [skeleton, OPUS_HEAD, bone, OPUS_TAGS, end];
    const { frames, joins } = scan(...pages, DATA, DATA);
    expect(frames.length).toBe(2);
    expect(joins[0]?.setup).toEqual(concatBytes(...pages));
  });

  test("headers may fill several pages, and their packets more than one", () => {
    const tags = [
      page({ packets: [`OpusTags${HALF.repeat(2).slice(8)}`], isOpen: true }),
      page({ flags: CONTINUED, packets: ["end"] }),
    ];
    const { frames, joins } = scan(OPUS_HEAD, ...tags, DATA);
    expect(frames.length).toBe(1);
    expect(joins[0]?.setup).toEqual(concatBytes(OPUS_HEAD, ...tags));
  });

  test("the set-up's array is the same for all points of a chain", () => {
    const setups: Uint8Array[] = [];
    const marks = {
      frame: () => {},
      join: (point: { setup: Uint8Array }) => setups.push(point.setup),
    };
    newOggScanner(marks, 0).scan(concatBytes(OPUS_HEAD, OPUS_TAGS, DATA, DATA));
    expect(setups.length).toBe(2);
    expect(setups[0]).toBe(setups[1]);
  });

  test("a page that goes on with a packet is no frame, and none is while another one is open", () => {
    const other = [begin(2, "OpusHead"), page({ serial: 2, packets: ["OpusTags"] })];
    const open = page({ serial: 2, packets: [HALF], isOpen: true });
    const rest = page({ serial: 2, flags: CONTINUED, packets: ["rest", "data"] });
    const pages = [OPUS_HEAD, other[0]!, OPUS_TAGS, other[1]!, DATA, open, DATA, rest, DATA];
    expect(joinsAt(...pages)).toEqual([4, 5, 8]);
  });

  test("no stream is joined before the headers of all are there", () => {
    const second = [begin(2, "\u0001vorbis"), page({ serial: 2, packets: ["\u0003", "\u0005"] })];
    expect(joinsAt(OPUS_HEAD, second[0]!, OPUS_TAGS, DATA, second[1]!, DATA)).toEqual([5]);
  });

  test("Theora is joined at pages whose first packet is a keyframe", () => {
    const theora = [begin(2, "\u0080theora"), page({ serial: 2, packets: ["\u0081", "\u0082"] })];
    const frames = ["\u0000", "\u0040", "", "\u003f"].map((packet) =>
      page({ serial: 2, packets: [packet, "\u0000"] }),
    );
    const pages = [OPUS_HEAD, theora[0]!, OPUS_TAGS, theora[1]!, DATA, ...frames];
    expect(joinsAt(...pages)).toEqual([5, 8]);
    expect(scan(...pages).frames.length).toBe(5);
  });

  test("pictures whose keyframes nobody can tell are joined nowhere", () => {
    expect(joinsAt(OPUS_HEAD, begin(2, "BBCD"), OPUS_TAGS, DATA, DATA)).toEqual([]);
  });

  test("of an unknown codec the first page alone is set-up", () => {
    const unknown = begin(1, "mystery");
    const { joins } = scan(unknown, DATA, DATA);
    expect(joins.length).toBe(2);
    expect(joins[1]?.setup).toEqual(unknown);
  });

  test("FLAC and Speex say how many headers they have", () => {
    const block = page({ packets: ["\u0004"] });
    const sound = page({ packets: ["\u00ff\u00f8"] });
    const counted = begin(1, "\u007fFLAC\u0001\u0000\u0000\u0002fLaC");
    expect(joinsAt(counted, block, block, sound)).toEqual([3]);
    const uncounted = begin(1, "\u007fFLAC\u0001\u0000\u0000\u0000fLaC");
    expect(joinsAt(uncounted, block, block, block, sound, sound)).toEqual([4, 5]);
    const speex = begin(1, `Speex   ${"\0".repeat(60)}\u0001${"\0".repeat(11)}`);
    expect(joinsAt(speex, block, block, DATA)).toEqual([3]);
  });

  test("VP8 may come without comments", () => {
    const key = page({ packets: ["\u0010"] });
    expect(joinsAt(begin(1, "OVP80\u0001"), key, page({ packets: ["\u0011"] }), key)).toEqual([
      1, 3,
    ]);
    const comments = page({ packets: ["OVP80\u0002 "] });
    expect(joinsAt(begin(1, "OVP80\u0001"), comments, key)).toEqual([2]);
  });

  test("a chain whose headers are damaged is joined nowhere, and the next one is", () => {
    const broken = OPUS_TAGS.slice();
    broken[0] = 0;
    const pages = [OPUS_HEAD, broken, DATA, DATA, DATA, OPUS_HEAD, OPUS_TAGS, DATA];
    const filler = Array.from({ length: 20 }, () => DATA);
    const { joins } = scan(...pages.slice(0, 5), ...filler, ...pages.slice(5), ...filler);
    const border = concatBytes(...pages.slice(0, 5), ...filler).length;
    expect(joins[0]?.offset).toBe(border);
    expect(joins[1]?.splice).toEqual(concatBytes(OPUS_HEAD, OPUS_TAGS));
  });

  test("behind damage a picture may be unfinished, until the next page of its stream", () => {
    const theora = [begin(2, "\u0080theora"), page({ serial: 2, packets: ["\u0081", "\u0082"] })];
    const key = page({ serial: 2, packets: ["\u0000"] });
    const filler = Array.from({ length: 20 }, () => DATA);
    const damaged = DATA.subarray(0, 20);
    const pages = [
      OPUS_HEAD,
      theora[0]!,
      OPUS_TAGS,
      theora[1]!,
      key,
      damaged,
      ...filler,
      key,
      DATA,
    ];
    const { frames, joins } = scan(...pages);
    const last = concatBytes(...pages).length - DATA.length;
    expect(frames.slice(1)).toEqual([last - key.length, last]);
    expect(joins.length).toBe(2);
  });

  test("a stream whose beginning was missed keeps others from being joined", () => {
    const stranger = page({ serial: 7, packets: ["data"] });
    expect(joinsAt(OPUS_HEAD, OPUS_TAGS, DATA, stranger, DATA, OPUS_HEAD, OPUS_TAGS, DATA)).toEqual(
      [2, 5, 7],
    );
  });

  test("bounds: set-up, and streams", () => {
    const tags = page({ packets: [HALF.repeat(240)], isOpen: true });
    expect(scanChunks(newOggScanner, [concatBytes(OPUS_HEAD, tags, tags, tags)]).kept).toBeTrue();
    const beyond = concatBytes(OPUS_HEAD, tags, tags, tags, tags, tags);
    expect(scanChunks(newOggScanner, [beyond]).kept).toBeFalse();
    const serials = Array.from({ length: 256 }, (_, serial) => page({ serial, packets: ["data"] }));
    expect(scanChunks(newOggScanner, [concatBytes(...serials)]).kept).toBeTrue();
    const last = page({ packets: ["data"] });
    last[15] = 1;
    last.set(Uint8Array.of(0, 0, 0, 0), 22);
    expect(scanChunks(newOggScanner, [concatBytes(...serials, last)]).kept).toBeFalse();
  });

  test("captures without pages are passed over, each byte once", () => {
    const lure = new Uint8Array(2_000_000);
    const head = page({ packets: [HALF.repeat(240)], isOpen: true }).subarray(0, 262);
    for (let at = 0; at + head.length < lure.length; at += 300) {
      lure.set(head, at);
    }
    const scanner = newOggScanner({ frame: () => {}, join: () => {} }, 0);
    expect(scanner.scan(lure)).toBeTrue();
    expect(scan(lure.subarray(0, 70_000), DATA).frames).toEqual([]);
  });
});
