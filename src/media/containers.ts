/**
 * Evidence of the containers whose signature does not stand at one fixed place.
 *
 *     EBML      ┌────────────┬──────┬────────────────────────────────┐
 *               │ 1A45DFA3   │ size │ id, size, value …  4282 DocType│
 *               └────────────┴──────┴────────────────────────────────┘
 *     MP4       ┌──────┬──────┬─────────┐    ┌──────┬────────┬───────┐
 *               │ size │ free │ …       │ …  │ size │ ftyp   │ …     │
 *               └──────┴──────┴─────────┘    └──────┴────────┴───────┘
 *     MPEG-TS   ┌────┬──────────────────┬────┬────────────────────────
 *               │ 47 │ 187 bytes        │ 47 │ …
 *               └────┴──────────────────┴────┴────────────────────────
 */
import { hasText, readUint32, readUint64 } from "../core/bytes.ts";
import { vint } from "./ebml.ts";
import { textEvidence, type Evidence } from "./evidence.ts";

// --- Matroska and WebM: an EBML header, whose DocType tells the two apart (RFC 8794, section 11.2)
// ---

const EBML_SIGNATURE = "\u001a\u0045\u00df\u00a3";
const DOC_TYPE_ID = "\u0042\u0082";

/** Bytes of an EBML header. Those of real streams have 40. */
const EBML_HEADER_MAX_BYTES = 4096;

/** Whether the stream is of the EBML document type `wanted`. */
export function docTypeEvidence(head: Uint8Array, wanted: string): Evidence {
  const signature = textEvidence(head, 0, EBML_SIGNATURE);
  if (signature !== true) {
    return signature;
  }
  const seen = head.subarray(0, EBML_HEADER_MAX_BYTES);
  const found = docType(seen);
  if (found === undefined && seen.length < EBML_HEADER_MAX_BYTES) {
    return undefined;
  }
  return found === wanted;
}

/** The DocType of the EBML header, empty where it has none, or undefined where it is not there yet. */
function docType(head: Uint8Array): string | undefined {
  const size = vint(head, EBML_SIGNATURE.length);
  if (size === undefined) {
    return undefined;
  }
  let at = size.end;
  while (at < size.end + size.value) {
    const id = vint(head, at);
    const length = id && vint(head, id.end);
    if (length === undefined) {
      return undefined;
    }
    const end = length.end + length.value;
    if (hasText(head, at, DOC_TYPE_ID)) {
      return end <= head.length ? ebmlString(head.subarray(length.end, end)) : undefined;
    }
    at = end;
  }
  return "";
}

/** A string element ends at its first NUL, which serves as padding (RFC 8794, section 7.4). */
function ebmlString(bytes: Uint8Array): string | undefined {
  return String.fromCharCode(...bytes).split("\0", 1)[0];
}

// --- MP4: boxes, of which some open a stream (ISO/IEC 14496-12, section 4.2) ---

const BOX_HEAD_BYTES = 8;
const LARGE_BOX_HEAD_BYTES = 16;

/** Boxes with which a file, a segment or a fragment begins. */
const OPENERS: readonly string[] = ["ftyp", "styp", "moof", "moov", "sidx", "emsg", "prft"];

/** Boxes that hold nothing which must come first, and may stand before. */
const FILLERS: readonly string[] = ["free", "skip", "wide", "pdin", "uuid", "mdat"];

/** Fillers that are passed over. Real streams have one or two. */
const FILLERS_MAX = 16;

/** Whether the stream begins with boxes of which one is an opener; it counts if it is in reach. */
export function mp4Evidence(head: Uint8Array, reach: number): Evidence {
  let at = 0;
  for (let boxes = 0; boxes <= FILLERS_MAX && at + BOX_HEAD_BYTES <= reach; boxes++) {
    if (at + BOX_HEAD_BYTES > head.length) {
      return undefined;
    }
    const isLarge = readUint32(head, at) === 1;
    if (isLarge && at + LARGE_BOX_HEAD_BYTES > head.length) {
      return undefined;
    }
    const size = isLarge ? readUint64(head, at + BOX_HEAD_BYTES) : readUint32(head, at);
    const is = (type: string): boolean => hasText(head, at + 4, type);
    if (size < (isLarge ? LARGE_BOX_HEAD_BYTES : BOX_HEAD_BYTES)) {
      return false;
    }
    if (OPENERS.some(is)) {
      return true;
    }
    if (!FILLERS.some(is)) {
      return false;
    }
    at += size;
  }
  return false;
}

// --- MPEG-TS: packets of one length, each with a sync byte (ISO/IEC 13818-1, section 2.4.3.2) ---

const TS_PACKET_BYTES = 188;
const TS_SYNC = 0x47;

/** Sync bytes in a row that need no further proof: chance makes five of them once in a trillion. */
const TS_SYNCS = 5;

/** Whether packets stand in a row; two will do if one is a program association table. */
export function mpegTsEvidence(head: Uint8Array): Evidence {
  let hasPat = false;
  for (let syncs = 0; syncs < TS_SYNCS; syncs++) {
    const at = syncs * TS_PACKET_BYTES;
    if (at >= head.length) {
      return undefined;
    }
    if (head[at] !== TS_SYNC) {
      return false;
    }
    hasPat ||= isPat(head, at);
    if (syncs > 0 && hasPat) {
      return true;
    }
  }
  return true;
}

/**
 * Whether the packet at `at` begins a program association table: no error, a payload that begins a
 * section, packet identifier 0, not scrambled, no adaptation field, and behind the pointer field
 * table identifier 0 (section 2.4.4.3).
 */
function isPat(head: Uint8Array, at: number): boolean {
  if (at + 6 > head.length) {
    return false;
  }
  const header = readUint32(head, at);
  return (header & 0xdf_ff_f0) === 0x40_00_10 && head[at + 4] === 0 && head[at + 5] === 0;
}
