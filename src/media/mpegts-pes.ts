/**
 * What is known of a PID that is followed, and how much of its PES packet has not come yet (ISO/IEC
 * 13818-1, section 2.4.3.6):
 *
 *     │ head │ field │ 00 00 01, id, length │ …          the first packet, of a PES packet of
 *     │ head │ …                                         length + 6 bytes
 *     │ head │ field with stuffing │ …                   the last one
 *
 * Sound gives the length. Video often gives 0, and then it is the stuffing that tells the end.
 */
import { readUint16 } from "../core/bytes.ts";
import { newSectionReader, type SectionReader } from "./mpegts-psi.ts";
import { PACKET_BYTES } from "./mpegts-splice.ts";

/** Of a PES packet whose length is not given: it ends with the packet that has stuffing. */
const UNBOUNDED: number = Infinity;

export interface Followed {
  readonly pid: number;
  /** The stream type, or 0 of tables. */
  readonly type: number;
  /** Set for the PID of a table. */
  readonly reader: SectionReader | undefined;
  /** The last continuity counter, or -1 before the first packet. */
  counter: number;
  isRepeated: boolean;
  /** Bytes of the open PES packet that have not come, 0 where none is open. */
  missing: number;
  /** `counter` where the picture began that is being looked at. */
  counterBefore: number;
}

export function newFollowed(pid: number, type: number, isTable: boolean): Followed {
  return {
    pid,
    type,
    reader: isTable ? newSectionReader() : undefined,
    counter: -1,
    isRepeated: false,
    missing: 0,
    counterBefore: -1,
  };
}

/** Takes note of a packet in which no PES packet begins. */
export function goOnMissing(
  followed: Followed,
  bytes: Uint8Array,
  at: number,
  field: number,
): void {
  const size = PACKET_BYTES - 4 - field;
  if (followed.missing === UNBOUNDED) {
    followed.missing = hasStuffing(bytes, at, field) ? 0 : UNBOUNDED;
  } else {
    followed.missing = Math.max(0, followed.missing - size);
  }
}

/** Bytes that are missing of the PES packet that begins in this packet. */
export function missingOf(bytes: Uint8Array, at: number, field: number): number {
  const from = at + 4 + field;
  const size = at + PACKET_BYTES - from;
  const isClear = (bytes[at + 3]! & 0xc0) === 0;
  if (isClear && size >= 6) {
    if (bytes[from] !== 0 || bytes[from + 1] !== 0 || bytes[from + 2] !== 1) {
      // Sections of private tables are whole by themselves.
      return 0;
    }
    const length = readUint16(bytes, from + 4);
    if (length > 0) {
      return Math.max(0, length + 6 - size);
    }
  }
  return hasStuffing(bytes, at, field) ? 0 : UNBOUNDED;
}

/**
 * Whether the adaptation field, of `field` bytes, has more of them than its flags need (section
 * 2.4.3.4). A PES packet fills its packets but the last.
 */
function hasStuffing(bytes: Uint8Array, at: number, field: number): boolean {
  if (field <= 1) {
    return field === 1;
  }
  const flags = bytes[at + 5]!;
  const clocks = ((flags & 0x10) === 0 ? 0 : 6) + ((flags & 0x08) === 0 ? 0 : 6);
  const needed = flags === 0 ? 0 : 2 + clocks + ((flags & 0x04) === 0 ? 0 : 1);
  // Private data and extensions (the last two bits) have lengths of their own.
  return (flags & 0x03) === 0 && field > needed;
}
