/**
 * FLV: tags one behind the other, each followed by its own length.
 *
 *     ┌───────────────────────┬──────┬─────────────────────────────────────┬──────┬──────────┬──
 *     │ "FLV" 1 flags, 9      │ 0    │ type, size u24, time u32, stream u24 │ body │ 11 + size│ …
 *     └───────────────────────┴──────┴─────────────────────────────────────┴──────┴──────────┴──
 *       file header, 9 bytes    u32    tag header, 11 bytes                   size   u32
 *
 * Adobe Flash Video File Format Specification 10.1, annex E. There is no sync word, so a stream in which
 * a length is wrong is lost.
 *
 * Invariant: while `hasBegun` is false no frame was reported. Every tag in `kept` is the newest of its
 * role, and `changed` holds the roles whose tag is not the one that every watcher has had.
 */
import { concatBytes, hasText, readUint24, readUint32 } from "../core/bytes.ts";
import { SETUP_MAX_BYTES } from "../core/limits.ts";
import {
  isMetadata,
  isSetupRole,
  nalLayout,
  nalsAt,
  needsConfig,
  SETUP_ROLES,
  tagRole,
  type NalLayout,
  type SetupRole,
} from "./flv-tags.ts";
import { gather, newGather, type Gather } from "./gather.ts";
import { NOTHING, type Marks, type Scanner } from "./scanner.ts";

/** The file header, and the length of the tag before the first one, which is none. */
const FILE_HEAD_BYTES = 13;

const TAG_HEAD_BYTES = 11;

/** The length of a tag, behind it. */
const TRAILER_BYTES = 4;

/** The tag header and what tells a tag's role. No more, so that the smallest tag is as long. */
const PEEK_BYTES: number = TAG_HEAD_BYTES + 2;

/** In the file header's flags: there are pictures. */
const HAS_VIDEO = 1;

/**
 * Tags of sound without one of pictures, after which pictures that the file header has promised are
 * not waited for any longer: four to ten seconds. Many servers promise both without knowing.
 */
const PATIENCE_TAGS = 200;

/** NAL units looked at for a picture in a keyframe: some parameter sets, and messages before it. */
const NALS_MAX = 64;

type Step = (flv: Flv, piece: Uint8Array) => number;

interface Flv {
  readonly marks: Marks;
  readonly gather: Gather;
  step: Step;
  head: Uint8Array;
  readonly kept: Map<SetupRole, Uint8Array>;
  readonly changed: Set<SetupRole>;
  setup: Uint8Array;
  splice: Uint8Array;
  hasBegun: boolean;
  /** Tags of sound that may still come before pictures are given up. */
  patience: number;
  hasVideo: boolean;
  nals: NalLayout | undefined;
  /** The tag that is being read: where it begins, its bytes, and those of them that are to come. */
  tagAt: number;
  tagBytes: number;
  left: number;
  nalsSeen: number;
}

/**
 * The scanner of an FLV stream. Its set-up is the file header, the metadata and the configurations of
 * the codecs; a decoder can start at every keyframe, or where there are no pictures at every tag.
 */
export function newFlvScanner(marks: Marks, start: number): Scanner {
  const flv: Flv = {
    marks,
    gather: newGather(start, FILE_HEAD_BYTES),
    step: fileHead,
    head: NOTHING,
    kept: new Map(),
    changed: new Set(),
    setup: NOTHING,
    splice: NOTHING,
    hasBegun: false,
    patience: 0,
    hasVideo: false,
    nals: undefined,
    tagAt: start,
    tagBytes: 0,
    left: 0,
    nalsSeen: 0,
  };
  return { scan: (chunk) => gather(flv.gather, chunk, (piece) => flv.step(flv, piece)) };
}

function fileHead(flv: Flv, piece: Uint8Array): number {
  const isFlv = hasText(piece, 0, "FLV\u0001");
  if (!isFlv || readUint32(piece, 5) !== 9 || readUint32(piece, 9) !== 0) {
    return -1;
  }
  flv.head = piece.slice();
  flv.setup = flv.head;
  flv.patience = (piece[4]! & HAS_VIDEO) === 0 ? 0 : PATIENCE_TAGS;
  expect(flv, PEEK_BYTES, tag);
  return piece.length;
}

/** Waits for the next `want` bytes, behind what is skipped. */
function expect(flv: Flv, want: number, step: Step): void {
  flv.gather.want = want;
  flv.step = step;
}

function tag(flv: Flv, piece: Uint8Array): number {
  const size = readUint24(piece, 1);
  const body = piece.subarray(TAG_HEAD_BYTES, TAG_HEAD_BYTES + size);
  const role = tagRole(piece[0]!, body);
  if (role === undefined) {
    return -1;
  }
  flv.tagAt = flv.gather.at;
  flv.tagBytes = TAG_HEAD_BYTES + size;
  if (isSetupRole(role)) {
    flv.hasVideo ||= role === "videoConfig" || role === "videoColour";
    expect(flv, flv.tagBytes + TRAILER_BYTES, (_, whole) => setupTag(flv, role, whole));
    // The smallest such tag is as long as what is there already.
    return flv.gather.want === piece.length ? flv.step(flv, piece) : 0;
  }
  frame(flv);
  if (role === "keyframe") {
    return keyframe(flv, body[0]!);
  }
  if (role === "sound") {
    sound(flv, body[0]!);
  }
  flv.hasVideo ||= role === "picture";
  return passTag(flv, flv.tagBytes);
}

function frame(flv: Flv): void {
  flv.hasBegun = true;
  flv.marks.frame(flv.tagAt);
}

function join(flv: Flv, clean: boolean): void {
  flv.marks.join({ offset: flv.tagAt, setup: flv.setup, splice: flv.splice, clean });
}

/** Passes over the `left` bytes of the tag that remain. */
function passTag(flv: Flv, left: number): number {
  flv.gather.skip = left;
  expect(flv, TRAILER_BYTES, trailer);
  return 0;
}

function trailer(flv: Flv, piece: Uint8Array): number {
  if (readUint32(piece, 0) !== flv.tagBytes) {
    return -1;
  }
  expect(flv, PEEK_BYTES, tag);
  return piece.length;
}

function sound(flv: Flv, first: number): void {
  if (flv.hasVideo) {
    return;
  }
  if (flv.patience > 0) {
    flv.patience -= 1;
  } else if (flv.kept.has("audioConfig") || !needsConfig("sound", first)) {
    join(flv, true);
  }
}

/**
 * A keyframe of NAL units is a join point once its first picture is there, which says whether it is an
 * IDR picture: only there does a decoder that goes on forget what it had before.
 */
function keyframe(flv: Flv, first: number): number {
  flv.hasVideo = true;
  if (!needsConfig("keyframe", first)) {
    join(flv, true);
  } else if (flv.nals !== undefined) {
    flv.left = flv.tagBytes - TAG_HEAD_BYTES - nalsAt(first);
    flv.nalsSeen = 0;
    return passTo(flv, TAG_HEAD_BYTES + nalsAt(first), flv.nals);
  } else if (flv.kept.has("videoConfig")) {
    join(flv, true);
  }
  return passTag(flv, flv.tagBytes);
}

/** Passes `skip` bytes to the next NAL unit of the tag, or to the tag's end where there is none. */
function passTo(flv: Flv, skip: number, nals: NalLayout): number {
  if (flv.left <= nals.lengthBytes || flv.nalsSeen === NALS_MAX) {
    return passTag(flv, skip + flv.left);
  }
  flv.nalsSeen += 1;
  flv.gather.skip = skip;
  expect(flv, nals.lengthBytes + 1, (_, piece) => nal(flv, piece, nals));
  return 0;
}

function nal(flv: Flv, piece: Uint8Array, nals: NalLayout): number {
  let bytes = 0;
  for (let i = 0; i < nals.lengthBytes; i++) {
    bytes = bytes * 256 + piece[i]!;
  }
  bytes += nals.lengthBytes;
  if (bytes > flv.left) {
    return passTag(flv, flv.left);
  }
  const verdict = bytes > nals.lengthBytes ? nals.verdict(piece[nals.lengthBytes]!) : "other";
  if (verdict !== "other") {
    join(flv, verdict === "idr");
    return passTag(flv, flv.left);
  }
  flv.left -= bytes;
  return passTo(flv, bytes, nals);
}

/**
 * Keeps a tag that newcomers need. It is no frame start before the first frame: who stopped there
 * would lack it. One that comes again as it was, at another time, changes nothing.
 */
function setupTag(flv: Flv, role: SetupRole, whole: Uint8Array): number {
  if (flv.hasBegun) {
    frame(flv);
  }
  if (readUint32(whole, flv.tagBytes) !== flv.tagBytes) {
    return -1;
  }
  expect(flv, PEEK_BYTES, tag);
  const body = whole.subarray(TAG_HEAD_BYTES, flv.tagBytes);
  const isNeeded = role !== "metadata" || isMetadata(body);
  if (isNeeded && !isKept(flv, role, body)) {
    flv.kept.set(role, whole.slice());
    if (flv.hasBegun) {
      flv.changed.add(role);
    }
    if (role === "videoConfig") {
      flv.nals = nalLayout(body);
    }
    flv.splice = concatBytes(...tagsOf(flv, (kept) => flv.changed.has(kept)));
    flv.setup = concatBytes(flv.head, ...tagsOf(flv, () => true));
  }
  return flv.setup.length > SETUP_MAX_BYTES ? -1 : whole.length;
}

function isKept(flv: Flv, role: SetupRole, body: Uint8Array): boolean {
  const kept = flv.kept.get(role)?.subarray(TAG_HEAD_BYTES, -TRAILER_BYTES);
  return kept !== undefined && Buffer.compare(kept, body) === 0;
}

function tagsOf(flv: Flv, isWanted: (role: SetupRole) => boolean): Uint8Array[] {
  return SETUP_ROLES.filter(isWanted).flatMap((role) => flv.kept.get(role) ?? []);
}
