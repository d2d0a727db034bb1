/**
 * The packets that a watcher gets in front of a join point, so that its demuxer sees one stream that
 * announces a new time base (ISO/IEC 13818-1, section 2.4.3.5), and no loss:
 *
 *     ┌─────┬───────┬──────────────────────┬──────────────────────┬─ ─
 *     │ PAT │ PMTs  │ first elementary PID │ second elementary …  │ the stream from the join point
 *     └─────┴───────┴──────────────────────┴──────────────────────┴─ ─
 *     ├─ set-up ────┤
 *     ├─ splice ───────────────────────────────────────────────────┤
 *
 * Every PID's last packet here has the continuity counter of its last packet before the join point,
 * and the discontinuity indicator says that it need not follow what the watcher had.
 */
import { concatBytes } from "../core/bytes.ts";

export const PACKET_BYTES = 188;

const SYNC = 0x47;
const HEAD_BYTES = 4;

/** An adaptation field of a length and of flags, which say that the counter jumps. */
const JUMP_BYTES = 2;
const JUMP_FLAGS = 0x80;

/** What one PID adds to a splice. */
export interface SplicePart {
  readonly pid: number;
  /** The continuity counter of the PID's last packet before the join point. */
  readonly counter: number;
  /** The sections of a table's PID. */
  readonly sections?: readonly Uint8Array[];
  /** A whole PES packet, which fits into one packet beside the flags. */
  readonly pes?: Uint8Array;
}

/** Bytes of a PES packet that fit beside the flags. */
export const SPLICE_PES_MAX_BYTES: number = PACKET_BYTES - HEAD_BYTES - JUMP_BYTES;

/** The number of packets that a part makes. */
export function packetsOf(part: SplicePart): number {
  return part.sections?.reduce((sum, section) => sum + sectionPackets(section), 0) ?? 1;
}

/** A pointer and the first bytes stand beside the flags, the rest fills packets. */
function sectionPackets(section: Uint8Array): number {
  return Math.ceil((JUMP_BYTES + 1 + section.length) / (PACKET_BYTES - HEAD_BYTES));
}

/** The packets of `parts`, those of tables first, and of how many bytes the tables are. */
export function splicePackets(parts: readonly SplicePart[]): {
  splice: Uint8Array;
  setup: Uint8Array;
} {
  const packets = parts.reduce((sum, part) => sum + packetsOf(part), 0);
  const splice = new Uint8Array(packets * PACKET_BYTES).fill(0xff);
  let at = 0;
  let setupBytes = 0;
  for (const part of parts) {
    if (part.sections === undefined) {
      const pes = part.pes ?? new Uint8Array(0);
      const field = PACKET_BYTES - HEAD_BYTES - pes.length;
      writePacket(splice, at, part.pid, part.counter, field, pes, pes.length > 0);
    } else {
      writeSections(splice, at, part.pid, part.counter, part.sections);
      setupBytes = at + packetsOf(part) * PACKET_BYTES;
    }
    at += packetsOf(part) * PACKET_BYTES;
  }
  return { splice, setup: splice.subarray(0, setupBytes) };
}

function writeSections(
  out: Uint8Array,
  from: number,
  pid: number,
  lastCounter: number,
  sections: readonly Uint8Array[],
): void {
  let at = from;
  let counter = lastCounter + 1 - packetsOf({ pid, counter: lastCounter, sections });
  for (const section of sections) {
    // The pointer 0 says that the section begins right behind it.
    const payload = concatBytes(new Uint8Array(1), section);
    for (let done = 0; done < payload.length; at += PACKET_BYTES) {
      const field = done === 0 ? JUMP_BYTES : 0;
      const part = payload.subarray(done, done + PACKET_BYTES - HEAD_BYTES - field);
      writePacket(out, at, pid, counter, field, part, done === 0);
      done += part.length;
      counter++;
    }
  }
}

/** Writes a packet with an adaptation field of `field` bytes, or none, over bytes that are all 0xff. */
function writePacket(
  out: Uint8Array,
  at: number,
  pid: number,
  counter: number,
  field: number,
  payload: Uint8Array,
  isStart: boolean,
): void {
  out[at] = SYNC;
  out[at + 1] = (isStart ? 0x40 : 0) | (pid >> 8);
  out[at + 2] = pid;
  out[at + 3] = (field > 0 ? 0x20 : 0) | (payload.length > 0 ? 0x10 : 0) | (counter & 15);
  if (field > 0) {
    out[at + HEAD_BYTES] = field - 1;
    out[at + HEAD_BYTES + 1] = JUMP_FLAGS;
  }
  out.set(payload, at + HEAD_BYTES + field);
}
