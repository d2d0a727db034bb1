/**
 * Rewrites a fragmented MP4 that says where in the file its samples lie, so that it says how far
 * behind their moof they lie.
 *
 *     traf ─┬─ tfhd  ┌───────┬───────┬──────┬────────────┐
 *           │        │ flags │ track │ base │ defaults   │
 *           │        └───────┴───────┴──────┴────────────┘
 *           ├─ tfhd  ┌───────┬───────┬────────────┐┌──────┐
 *           │        │ flags │ track │ defaults   ││ free │    as long, free being a box of 8 bytes
 *           │        └───────┴───────┴────────────┘└──────┘
 *           └─ trun  offset: from the base, and then from the moof
 *
 * ISO/IEC 14496-12, section 8.8.7: base_data_offset (flag 0x1) counts from the file's first byte; with
 * default-base-is-moof (flag 0x20000) in its stead trun's data_offset counts from the moof. ffmpeg
 * writes the former unless it is told otherwise. A `free` box may stand in every box (section 8.1.2),
 * whereas bytes behind the last field of a tfhd have no meaning that is written down.
 */
import { concatBytes, readUint32, writeUint32 } from "../core/bytes.ts";
import { SETUP_MAX_BYTES } from "../core/limits.ts";
import { BOX_HEAD_BYTES, boxHead, boxType, LARGE_BOX_HEAD_BYTES, type Box } from "./boxes.ts";
import { trackFragments } from "./fragments.ts";
import type { Rebaser } from "./scanner.ts";

const MOOF = boxType("moof");
const FREE = boxType("free");

const BASE_DATA_OFFSET = 0x1;
const DEFAULT_BASE_IS_MOOF = 0x2_00_00;

/** Bytes of base_data_offset, and of the `free` box that takes its place. */
const BASE_BYTES = 8;

/**
 * Rewrites a moof that lies at `position` in the file. Returns false where it cannot be, because it is
 * not understood or a field would have to be added; then it may be half rewritten.
 */
export function rebaseMoof(bytes: Uint8Array, moof: Box, position: number): boolean {
  const fragments = trackFragments(bytes, moof) ?? [];
  for (const { base, tfhd, truns } of fragments) {
    if (base !== undefined) {
      if (!moveOffsets(bytes, truns, base - position)) {
        return false;
      }
      removeBase(bytes, tfhd);
    }
  }
  return fragments.length > 0;
}

/** Adds `distance` to where the samples lie. A trun without an offset follows on the one before. */
function moveOffsets(moof: Uint8Array, truns: readonly Box[], distance: number): boolean {
  return truns.every(({ body, to }, index) => {
    const hasOffset = to - body >= 12 && (readUint32(moof, body) & 1) !== 0;
    if (!hasOffset) {
      return index > 0 || distance === 0;
    }
    const offset = (readUint32(moof, body + 8) | 0) + distance;
    writeUint32(moof, body + 8, offset);
    return offset === (offset | 0);
  });
}

function removeBase(moof: Uint8Array, { from, body, to }: Box): void {
  const flags = readUint32(moof, body);
  writeUint32(moof, from, to - from - BASE_BYTES);
  writeUint32(moof, body, (flags & ~BASE_DATA_OFFSET) | DEFAULT_BASE_IS_MOOF);
  moof.copyWithin(body + 8, body + 8 + BASE_BYTES, to);
  writeUint32(moof, to - BASE_BYTES, BASE_BYTES);
  writeUint32(moof, to - BASE_BYTES + 4, FREE);
}

/**
 * Rewrites the stream from a box on that lies at `position` in the file. What is no MP4 goes through
 * as it is.
 */
export function newRebaser(position: number): Rebaser {
  /** The bytes of a box's head, or of a moof, that have come so far, and how many there must be. */
  let held: Uint8Array = new Uint8Array(LARGE_BOX_HEAD_BYTES);
  let have = 0;
  let want = BOX_HEAD_BYTES;
  /** Bytes to let through before the next box. */
  let pass = 0;
  let at = position;

  /** What becomes of the whole piece that is held: nothing as long as it must be longer. */
  function release(): Uint8Array | undefined {
    const piece = held.slice(0, have);
    const head = boxHead(piece, 0);
    const isMoof = head?.type === MOOF && head.size <= SETUP_MAX_BYTES;
    const needed = isMoof ? Math.max(head.size, head.length) : (head?.length ?? 0);
    if (needed > have) {
      want = needed;
      held = new Uint8Array(Math.max(needed, LARGE_BOX_HEAD_BYTES));
      held.set(piece);
      return undefined;
    }
    const rewritten = isMoof ? rebased(piece, at) : piece;
    pass = (head?.size ?? Infinity) - have;
    at += have + pass;
    have = 0;
    want = BOX_HEAD_BYTES;
    return rewritten;
  }

  return {
    push(chunk) {
      const ready: Uint8Array[] = [];
      for (let from = 0; from < chunk.length;) {
        const passed = Math.min(pass, chunk.length - from);
        if (passed > 0) {
          ready.push(chunk.subarray(from, from + passed));
          pass -= passed;
          from += passed;
          continue;
        }
        const taken = Math.min(want - have, chunk.length - from);
        held.set(chunk.subarray(from, from + taken), have);
        have += taken;
        from += taken;
        const piece = have === want ? release() : undefined;
        if (piece !== undefined) {
          ready.push(piece);
        }
      }
      return ready.length === 1 ? ready[0]! : concatBytes(...ready);
    },
  };
}

/** The moof rewritten, or as it is where it cannot be. */
function rebased(moof: Uint8Array, position: number): Uint8Array {
  const head = boxHead(moof, 0);
  const copy = moof.slice();
  const box = { from: 0, body: head?.length ?? BOX_HEAD_BYTES, to: moof.length };
  return rebaseMoof(copy, box, position) ? copy : moof;
}
