/**
 * H.265 as containers hold it, each unit behind its length instead of a start code (ISO/IEC 14496-15,
 * section 8.3.3).
 *
 *     hvcC  ┌─────────────────┬─────────────────────────────┬───────────────┐
 *           │ profile, level, │ … and in its lowest 2 bits  │ parameter     │
 *           │ … 21 bytes      │ bytes of a length, less one │ sets          │
 *           └─────────────────┴─────────────────────────────┴───────────────┘
 */

/** The header of a unit of type 36, end of sequence, which is all of it. */
const END_OF_SEQUENCE = 0x4801;

/** Bytes of the length before each unit, as the decoder's configuration says. */
export function hevcLengthBytes(configuration: Uint8Array): number | undefined {
  return configuration.length > 21 ? (configuration[21]! & 3) + 1 : undefined;
}

/**
 * A unit that ends the coded sequence. Behind it a decoder takes a keyframe for a start, and leaves its
 * leading pictures out (ITU-T H.265, sections 7.4.2.4.4 and 8.1.3). Decoders read it also where it is
 * all of a sample, though it should stand at the end of the picture before.
 */
export function endOfSequenceUnit(lengthBytes: number): Uint8Array {
  const unit = Buffer.alloc(lengthBytes + 2);
  unit.writeUIntBE(2, 0, lengthBytes);
  unit.writeUInt16BE(END_OF_SEQUENCE, lengthBytes);
  return unit;
}
