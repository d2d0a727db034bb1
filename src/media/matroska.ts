/**
 * Matroska and WebM, live or from a file.
 *
 *     ┌──────┬─────────┬──────┬────────┬─────────────────────────────┬──────────────┬──────┐
 *     │ EBML │ Segment │ Info │ Tracks │ Cluster                     │ Cluster      │ Cues │
 *     │      │ → …     │      │        │ Timestamp, block, block, …  │ …            │      │
 *     └──────┴─────────┴──────┴────────┴─────────────────────────────┴──────────────┴──────┘
 *       set-up                           frame, join where the first   frame
 *                                        video block is a keyframe
 *
 *     block   ┌────────────────┬──────────────────┬──────────────────┬──────
 *             │ track, 1 to 8  │ time s16, after  │ flags: 0x80 is a │ frame…
 *             │                │ the Timestamp    │ keyframe         │
 *             └────────────────┴──────────────────┴──────────────────┴──────
 *
 * RFC 9559: the layout is section 4.5, the elements section 5.1, blocks sections 10.1 and 10.2; a
 * block in a BlockGroup has no keyframe flag, and is a keyframe where no ReferenceBlock is beside it.
 *
 * The elements are read one after the other without regard to which one holds which: Segment,
 * Cluster and BlockGroup are entered, all others passed over. So it does not matter whether a size
 * is known.
 */
import { concatBytes, readUint16, searchable } from "../core/bytes.ts";
import { SETUP_MAX_BYTES } from "../core/limits.ts";
import { ELEMENT_HEAD_MAX_BYTES, elementHead, unsigned, vint, type ElementHead } from "./ebml.ts";
import { gather, newGather, type Gather, type TakePiece } from "./gather.ts";
import { newLeadingMarks, type LeadingMarks } from "./leading.ts";
import { endOfSequence, firstVideoTrack, type VideoTrack } from "./matroska-tracks.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const TRACKS = 0x1654ae6b;
const TAGS = 0x1254c367;
const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const REFERENCE_BLOCK = 0xfb;

/** The elements that a decoder needs. The others, like covers and indices, it can do without. */
const SETUP: ReadonlySet<number> = new Set([EBML, INFO, TRACKS, TAGS]);

/** Void and CRC-32, which may stand in every element. */
const GLOBAL: readonly number[] = [0xec, 0xbf];

/** SeekHead, Chapters, Attachments, Cues. */
const OTHERS_OUTSIDE: readonly number[] = [0x114d9b74, 0x1043a770, 0x1941a469, 0x1c53bb6b];
const OUTSIDE_CLUSTERS: ReadonlySet<number> = new Set([...SETUP, ...GLOBAL, ...OTHERS_OUTSIDE]);

/** Position, PrevSize, EncryptedBlock, SilentTracks. */
const OTHERS_IN_CLUSTERS: readonly number[] = [0xa7, 0xab, 0xaf, 0x5854];
const IN_CLUSTERS: ReadonlySet<number> = new Set([
  TIMESTAMP,
  SIMPLE_BLOCK,
  BLOCK_GROUP,
  ...GLOBAL,
  ...OTHERS_IN_CLUSTERS,
]);

/**
 * BlockAdditions, BlockDuration, ReferencePriority, CodecState, DiscardPadding, Slices, BlockVirtual,
 * ReferenceFrame.
 */
const OTHERS_IN_GROUPS: readonly number[] = [0x75a1, 0x9b, 0xfa, 0xa4, 0x75a2, 0x8e, 0xa2, 0xc8];
const IN_GROUPS: ReadonlySet<number> = new Set([
  BLOCK,
  REFERENCE_BLOCK,
  ...GLOBAL,
  ...OTHERS_IN_GROUPS,
]);

/**
 * The head of the Segment that a newcomer gets. Its size is unknown, because a newcomer gets less
 * than the size that the stream itself may claim, and a demuxer would take the end for a loss.
 */
const SEGMENT_HEAD = new Uint8Array([
  0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
]);

const CLUSTER_ID = Buffer.from([0x1f, 0x43, 0xb6, 0x75]);

/** Bytes of the longest start of a block, up to its flags. */
const BLOCK_HEAD_BYTES = 11;

/** Bytes that are looked at of an element which is passed over. Next to nothing is shorter. */
const LOOK_BYTES: number = ELEMENT_HEAD_MAX_BYTES + BLOCK_HEAD_BYTES;

/** Bytes of the largest element that is believed: an uncompressed 8K picture. */
const ELEMENT_MAX_BYTES: number = 128 * 1024 * 1024;

/** Bytes that are searched at a time for the next Cluster. */
const SEARCH_BYTES = 4096;

/** Bytes behind a damage in which a Cluster must begin. Muxers begin one every 5 MB at least. */
const SEARCH_MAX_BYTES: number = 16 * 1024 * 1024;

interface Matroska {
  readonly start: number;
  readonly gather: Gather;
  readonly marks: Marks;
  readonly leading: LeadingMarks;
  /** Reads the next piece: an element, or a stretch of a search. */
  step: (stream: Matroska, piece: Uint8Array) => number;
  /** Bytes that were searched since the last damage. */
  searched: number;
  /** The set-up's parts, and from the first Cluster on the whole. */
  parts: Uint8Array[];
  setup: Uint8Array | undefined;
  hasTracks: boolean;
  /** The first video track, where there is one. */
  video: VideoTrack | undefined;
  /** Where the newest Cluster begins and ends, and its time. */
  cluster: number;
  clusterEnd: number;
  clusterTime: number;
  /** Whether the Cluster's first video block has been seen. */
  hasVideo: boolean;
  /** Where the newest BlockGroup ends, its video block's time, and whether that refers to others. */
  groupEnd: number;
  groupTime: number | undefined;
  groupRefers: boolean;
}

/**
 * The scanner of a Matroska or WebM stream. A second header makes it give up: demuxers do not read on
 * there either.
 */
export function newMatroskaScanner(marks: Marks, start: number): Scanner {
  const stream: Matroska = {
    start,
    gather: newGather(start, LOOK_BYTES),
    marks,
    leading: newLeadingMarks(marks),
    step: takeElement,
    searched: 0,
    parts: [],
    setup: undefined,
    hasTracks: false,
    video: undefined,
    cluster: start,
    clusterEnd: start,
    clusterTime: 0,
    hasVideo: false,
    groupEnd: start,
    groupTime: undefined,
    groupRefers: false,
  };
  const take: TakePiece = (piece) => stream.step(stream, piece);
  return { scan: (chunk) => gather(stream.gather, chunk, take) };
}

/** Reads the element with which the piece begins, and goes on to the one inside it or behind it. */
function takeElement(stream: Matroska, piece: Uint8Array): number {
  const head = elementHead(piece, 0);
  if (head === undefined || !isPlausible(stream, head)) {
    return beginSearch(stream);
  }
  const size = head.length + head.size;
  const isKept = stream.setup === undefined && SETUP.has(head.id);
  if (isKept && size !== piece.length) {
    stream.gather.want = size;
    return 0;
  }
  stream.gather.want = LOOK_BYTES;
  const isGood = isKept ? keep(stream, head, piece) : look(stream, head, piece);
  return isGood ? consumed(stream, head, piece) : -1;
}

/**
 * A master that is entered ends behind its head, every other element behind its body. When all that
 * is asked of a Cluster is known, the rest of it is passed over, where it has an end.
 */
function consumed(stream: Matroska, { id, size, length }: ElementHead, piece: Uint8Array): number {
  const { at } = stream.gather;
  const isEntered = id === SEGMENT || id === CLUSTER || id === BLOCK_GROUP;
  const used = isEntered ? length : Math.min(length + size, piece.length);
  const rest = isEntered ? 0 : length + size - used;
  const isDecided = stream.video === undefined || (stream.hasVideo && !stream.leading.waits());
  const isSkipped = isDecided && at < stream.clusterEnd && stream.clusterEnd < Infinity;
  stream.gather.skip = isSkipped ? stream.clusterEnd - at - used : rest;
  return used;
}

/** Whether such an element may stand here. */
function isPlausible(stream: Matroska, { id, size, length }: ElementHead): boolean {
  if (id === CLUSTER || id === SEGMENT || id === EBML) {
    return true;
  }
  const { at } = stream.gather;
  const end = at + length + size;
  if (size > ELEMENT_MAX_BYTES) {
    return false;
  }
  if (at < stream.groupEnd) {
    return IN_GROUPS.has(id) && end <= stream.groupEnd;
  }
  return OUTSIDE_CLUSTERS.has(id) || (IN_CLUSTERS.has(id) && end <= stream.clusterEnd);
}

/** Takes a part of the set-up. Returns false where there cannot be one, or it is too much. */
function keep(stream: Matroska, { id, length }: ElementHead, element: Uint8Array): boolean {
  if ((id === EBML) !== (stream.gather.at === stream.start)) {
    return false;
  }
  if (id === TRACKS) {
    stream.hasTracks = true;
    stream.video ??= firstVideoTrack(element.subarray(length));
  }
  stream.parts.push(element.slice());
  return stream.parts.reduce((sum, part) => sum + part.length, 0) <= SETUP_MAX_BYTES;
}

/** Takes in what the element says. Returns false where the stream cannot go on with it. */
function look(stream: Matroska, { id, size, length }: ElementHead, piece: Uint8Array): boolean {
  const end = stream.gather.at + length + size;
  const body = piece.subarray(length, length + size);
  switch (id) {
    case EBML:
      return false;
    case SEGMENT:
      stream.parts.push(SEGMENT_HEAD);
      return stream.parts.length === 2;
    case CLUSTER:
      return beginCluster(stream, end);
    case TIMESTAMP:
      stream.clusterTime = unsigned(body);
      break;
    case BLOCK_GROUP:
      stream.groupEnd = end;
      stream.groupTime = undefined;
      stream.groupRefers = false;
      break;
    case REFERENCE_BLOCK:
      stream.groupRefers = true;
      break;
    case SIMPLE_BLOCK:
    case BLOCK:
      takeBlock(stream, id, body);
      break;
    default:
  }
  if (end === stream.groupEnd && stream.groupTime !== undefined) {
    takePicture(stream, stream.groupTime, !stream.groupRefers);
  }
  return true;
}

function beginCluster(stream: Matroska, end: number): boolean {
  if (!stream.hasTracks) {
    return false;
  }
  const setup = (stream.setup ??= concatBytes(...stream.parts));
  const offset = stream.gather.at;
  stream.cluster = offset;
  stream.clusterEnd = end;
  stream.clusterTime = 0;
  stream.hasVideo = false;
  stream.groupEnd = offset;
  stream.leading.frame(offset);
  if (stream.video === undefined) {
    stream.marks.join({ offset, setup, splice: NOTHING, clean: true });
  }
  return true;
}

function takeBlock(stream: Matroska, id: number, body: Uint8Array): void {
  const track = vint(body, 0);
  if (track?.value !== stream.video?.number || track === undefined || body.length < track.end + 3) {
    return;
  }
  const time = stream.clusterTime + ((readUint16(body, track.end) << 16) >> 16);
  if (id === BLOCK) {
    stream.groupTime = time;
  } else {
    takePicture(stream, time, (body[track.end + 2]! & 0x80) !== 0);
  }
}

function takePicture(stream: Matroska, time: number, isKeyframe: boolean): void {
  const { leading, cluster: offset, setup, video, hasVideo } = stream;
  stream.hasVideo = true;
  stream.groupTime = undefined;
  leading.picture(time);
  if (isKeyframe && !hasVideo && setup !== undefined && video !== undefined) {
    leading.keyframe({ offset, setup }, time, endOfSequence(video, time));
  }
}

// --- Behind a damage: the search for the next Cluster ---

/** Without a set-up nothing can be entered. */
function beginSearch(stream: Matroska): number {
  stream.leading.giveUp();
  stream.searched = 0;
  stream.step = search;
  stream.gather.want = SEARCH_BYTES;
  return stream.setup === undefined ? -1 : 0;
}

function search(stream: Matroska, piece: Uint8Array): number {
  if (isSoundCluster(piece)) {
    stream.step = takeElement;
    stream.gather.want = LOOK_BYTES;
    return 0;
  }
  const next = searchable(piece).indexOf(CLUSTER_ID, 1);
  const passed = next === -1 ? piece.length - CLUSTER_ID.length + 1 : next;
  stream.searched += passed;
  return stream.searched > SEARCH_MAX_BYTES ? -1 : passed;
}

/** Whether a Cluster begins here, with its Timestamp and a block, as far as the piece shows. */
function isSoundCluster(piece: Uint8Array): boolean {
  const head = elementHead(piece, 0);
  if (head?.id !== CLUSTER) {
    return false;
  }
  let hasTime = false;
  for (let at = head.length; at < piece.length;) {
    const child = elementHead(piece, at);
    if (child === undefined || !IN_CLUSTERS.has(child.id)) {
      return false;
    }
    if (child.id === SIMPLE_BLOCK || child.id === BLOCK_GROUP) {
      return hasTime;
    }
    hasTime ||= child.id === TIMESTAMP;
    at += child.length + child.size;
  }
  return hasTime;
}
