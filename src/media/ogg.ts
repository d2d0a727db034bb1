/**
 * Ogg: pages of one or more logical streams, whose packets go on from page to page.
 *
 *     ┌────────┬───┬───────┬─────────┬────────┬──────────┬─────┬───┬──────────┬─────────────┬──
 *     │ "OggS" │ 0 │ flags │ granule │ serial │ sequence │ CRC │ n │ n lacing │ packets     │ …
 *     └────────┴───┴───────┴─────────┴────────┴──────────┴─────┴───┴──────────┴─────────────┴──
 *       0        4   5       6         14       18         22    26  27         27 + n
 *
 * RFC 3533, section 6. A packet is as many lacing values of 255 bytes as it fills, and one below 255
 * behind them, so a page that ends with 255 leaves its packet open. Streams that are played together
 * begin together: their first pages (BOS), then the rest of their headers, then data. A new set of
 * them may follow when they are over: a chain (section 4).
 *
 * Invariant: `open` counts the logical streams whose packet is not complete, and `waiting` those whose
 * headers are not. `setup` is made of all header pages of this chain, in their order.
 */
import { concatBytes, hasText, readUint32Le, searchable } from "../core/bytes.ts";
import { SETUP_MAX_BYTES } from "../core/limits.ts";
import { gather, newGather, type Gather } from "./gather.ts";
import { oggCodec, type OggCodec } from "./ogg-codecs.ts";
import { hasSoundCrc } from "./ogg-crc.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

const PAGE_HEAD_BYTES = 27;
const CAPTURE = "OggS";

const CONTINUED = 1;
const BEGINS = 2;

/** Bytes searched for a page at once. Few, because the last of them are waited for. */
const HUNT_BYTES = 512;

/** Logical streams that are told apart: pictures, and sound and text in every language. */
const STREAMS_MAX = 256;

type Step = (ogg: Ogg, piece: Uint8Array) => number;

interface LogicalStream {
  readonly codec: OggCodec;
  /** Header packets to come. */
  headers: number;
  isOpen: boolean;
}

interface Ogg {
  readonly marks: Marks;
  readonly gather: Gather;
  readonly start: number;
  step: Step;
  /** Whether the page before this one was sound, and so this one begins where it must. */
  isInSync: boolean;
  streams: Map<number, LogicalStream>;
  open: number;
  waiting: number;
  /** Whether there are pictures: then a decoder can start at their keyframes alone. */
  hasVideo: boolean;
  /** Whether the chain's first pages go on. */
  isBeginning: boolean;
  /** Whether this chain's headers are all there, as far as they came. */
  isUsable: boolean;
  setup: Uint8Array;
  splice: Uint8Array;
  /** Whether every watcher has had this chain's headers: it is what the stream began with. */
  isFirst: boolean;
}

/**
 * The scanner of an Ogg stream. Its set-up is the header pages of all logical streams; a decoder can
 * start at a page that begins with a whole packet while no other stream is within one.
 */
export function newOggScanner(marks: Marks, start: number): Scanner {
  const ogg: Ogg = {
    marks,
    gather: newGather(start, PAGE_HEAD_BYTES),
    start,
    step: pageHead,
    isInSync: false,
    streams: new Map(),
    open: 0,
    waiting: 0,
    hasVideo: false,
    isBeginning: false,
    isUsable: false,
    setup: NOTHING,
    splice: NOTHING,
    isFirst: false,
  };
  return { scan: (chunk) => gather(ogg.gather, chunk, (piece) => ogg.step(ogg, piece)) };
}

/** Goes on to `step` once there are `want` bytes from here on. */
function proceed(ogg: Ogg, piece: Uint8Array, want: number, step: Step): number {
  ogg.gather.want = want;
  ogg.step = step;
  return piece.length === want ? step(ogg, piece) : 0;
}

function pageHead(ogg: Ogg, piece: Uint8Array): number {
  if (!hasText(piece, 0, CAPTURE) || piece[4] !== 0 || piece[5]! > 7) {
    return loseSync(ogg, 1);
  }
  return proceed(ogg, piece, PAGE_HEAD_BYTES + piece[26]!, pageTable);
}

/** How much of a page must be seen: all of one that is to be kept or checked, else its first byte. */
function pageTable(ogg: Ogg, piece: Uint8Array): number {
  const bytes = pageBytes(piece);
  const isWanted = !ogg.isInSync || isHeaderPage(ogg, piece);
  return proceed(ogg, piece, isWanted ? bytes : Math.min(bytes, piece.length + 1), passPage);
}

function passPage(ogg: Ogg, piece: Uint8Array): number {
  const bytes = pageBytes(piece);
  if (!ogg.isInSync && !hasSoundCrc(piece)) {
    // All of it is passed over, so that no byte is checked twice, however often "OggS" comes.
    return loseSync(ogg, bytes);
  }
  ogg.isInSync = true;
  if (!takePage(ogg, piece)) {
    return -1;
  }
  ogg.gather.skip = bytes - piece.length;
  ogg.gather.want = PAGE_HEAD_BYTES;
  ogg.step = pageHead;
  return piece.length;
}

function pageBytes(page: Uint8Array): number {
  let bytes = PAGE_HEAD_BYTES + page[26]!;
  for (let i = PAGE_HEAD_BYTES; i < PAGE_HEAD_BYTES + page[26]!; i++) {
    bytes += page[i]!;
  }
  return bytes;
}

/** Passes over `bytes` and searches from there. */
function loseSync(ogg: Ogg, bytes: number): number {
  if (ogg.isInSync) {
    ogg.isInSync = false;
    // What was lost may have been a header, or the end of a picture's packet.
    ogg.isUsable &&= !ogg.isBeginning && ogg.waiting === 0;
    for (const stream of ogg.streams.values()) {
      setOpen(ogg, stream, stream.codec.isKeyframe !== undefined);
    }
  }
  ogg.gather.skip = bytes;
  ogg.gather.want = HUNT_BYTES;
  ogg.step = hunt;
  return 0;
}

function hunt(ogg: Ogg, piece: Uint8Array): number {
  const at = searchable(piece).indexOf(CAPTURE, 0, "latin1");
  if (at === -1) {
    return piece.length - CAPTURE.length + 1;
  }
  ogg.gather.want = PAGE_HEAD_BYTES;
  ogg.step = pageHead;
  return at;
}

/** The logical stream's serial number. */
function serialOf(page: Uint8Array): number {
  return readUint32Le(page, 14);
}

function isHeaderPage(ogg: Ogg, page: Uint8Array): boolean {
  const stream = ogg.streams.get(serialOf(page));
  return (page[5]! & BEGINS) !== 0 || (stream !== undefined && stream.headers > 0);
}

/** Marks what begins with this page. Returns false where it breaks a bound. */
function takePage(ogg: Ogg, page: Uint8Array): boolean {
  if ((page[5]! & BEGINS) !== 0) {
    beginStream(ogg, page);
  } else {
    ogg.isBeginning = false;
  }
  const stream = ogg.streams.get(serialOf(page)) ?? addStranger(ogg, serialOf(page));
  const first = firstByte(page);
  if (stream.headers > 0 && first !== undefined && stream.codec.isData?.(first) === true) {
    stream.headers = 0;
    ogg.waiting -= 1;
  }
  if (stream.headers > 0) {
    ogg.setup = concatBytes(ogg.setup, page);
    ogg.splice = ogg.isFirst ? NOTHING : ogg.setup;
    countHeaders(ogg, stream, page);
  } else {
    markData(ogg, stream, page, first);
  }
  trackOpen(ogg, stream, page);
  return ogg.setup.length <= SETUP_MAX_BYTES && ogg.streams.size <= STREAMS_MAX;
}

/**
 * The first byte of the first packet that begins with this page; undefined where it begins with the
 * rest of one, or with an empty one.
 */
function firstByte(page: Uint8Array): number | undefined {
  const isContinued = (page[5]! & CONTINUED) !== 0;
  const table = page[26]!;
  return isContinued || table === 0 || page[PAGE_HEAD_BYTES] === 0
    ? undefined
    : page[PAGE_HEAD_BYTES + table];
}

/** A stream of the chain, or of a new chain where the one before is past its beginning. */
function beginStream(ogg: Ogg, page: Uint8Array): void {
  if (!ogg.isBeginning) {
    beginChain(ogg);
  }
  const codec = oggCodec(page.subarray(PAGE_HEAD_BYTES + page[26]!));
  ogg.streams.set(serialOf(page), { codec, headers: codec.headers, isOpen: false });
  ogg.waiting += codec.headers === Infinity && codec.isData === undefined ? 0 : 1;
  ogg.hasVideo ||= codec.isKeyframe !== undefined;
}

/** The stream itself brings all headers of a chain, so whoever comes can start with it. */
function beginChain(ogg: Ogg): void {
  const offset = ogg.gather.at;
  ogg.isFirst = offset === ogg.start;
  if (!ogg.isFirst) {
    ogg.marks.frame(offset);
    ogg.marks.join({ offset, setup: NOTHING, splice: NOTHING, clean: true });
  }
  ogg.streams = new Map();
  ogg.open = 0;
  ogg.waiting = 0;
  ogg.hasVideo = false;
  ogg.isBeginning = true;
  ogg.isUsable = true;
  ogg.setup = NOTHING;
  ogg.splice = NOTHING;
}

/** A stream whose beginning was missed, and with it perhaps a whole chain's: nobody can start here. */
function addStranger(ogg: Ogg, serial: number): LogicalStream {
  const stranger: LogicalStream = { codec: { headers: 0 }, headers: 0, isOpen: false };
  ogg.streams.set(serial, stranger);
  ogg.isUsable = false;
  return stranger;
}

function countHeaders(ogg: Ogg, stream: LogicalStream, page: Uint8Array): void {
  for (let i = PAGE_HEAD_BYTES; i < PAGE_HEAD_BYTES + page[26]!; i++) {
    stream.headers -= page[i]! < 255 ? 1 : 0;
  }
  ogg.waiting -= stream.headers > 0 ? 0 : 1;
}

/** A page of data is a frame where nobody is within a packet, neither this stream nor another one. */
function markData(
  ogg: Ogg,
  stream: LogicalStream,
  page: Uint8Array,
  first: number | undefined,
): void {
  const others = ogg.open - (stream.isOpen ? 1 : 0);
  if ((page[5]! & CONTINUED) !== 0 || others > 0 || page[26] === 0) {
    return;
  }
  const offset = ogg.gather.at;
  ogg.marks.frame(offset);
  const isStart = ogg.hasVideo
    ? first !== undefined && stream.codec.isKeyframe?.(first) === true
    : true;
  if (isStart && ogg.isUsable && ogg.waiting === 0) {
    ogg.marks.join({ offset, setup: ogg.setup, splice: ogg.splice, clean: true });
  }
}

function trackOpen(ogg: Ogg, stream: LogicalStream, page: Uint8Array): void {
  const table = page[26]!;
  if (table > 0) {
    setOpen(ogg, stream, page[PAGE_HEAD_BYTES + table - 1] === 255);
  }
}

function setOpen(ogg: Ogg, stream: LogicalStream, isOpen: boolean): void {
  ogg.open += Number(isOpen) - Number(stream.isOpen);
  stream.isOpen = isOpen;
}
