/**
 * What the scanners use of Node's Buffer, which no browser has: a search for a sequence, a copy, a comparison.
 * Imported before any scanner.
 */
declare global {
  interface Buffer extends Uint8Array {
    indexOf(wanted: Uint8Array | number, from?: number): number;
    copy(target: Uint8Array, at: number, from: number, to: number): number;
    equals(other: Uint8Array): boolean;
  }
  var Buffer: {
    of(...bytes: number[]): Buffer;
    from(buffer: ArrayBufferLike, at: number, length: number): Buffer;
    isBuffer(bytes: Uint8Array): bytes is Buffer;
  };
}

class Searchable extends Uint8Array<ArrayBufferLike> implements Buffer {
  override indexOf(wanted: Uint8Array | number, from = 0): number {
    if (typeof wanted === "number") {
      return super.indexOf(wanted, from);
    }
    const [first = 0] = wanted;
    let at = super.indexOf(first, from);
    while (at !== -1 && !wanted.every((byte, index) => this[at + index] === byte)) {
      at = super.indexOf(first, at + 1);
    }
    return at;
  }

  copy(target: Uint8Array, at: number, from: number, to: number): number {
    const part = new Uint8Array(this.buffer, this.byteOffset + from, Math.max(to - from, 0));
    target.set(part, at);
    return part.length;
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.every((byte, index) => byte === other[index]);
  }
}

globalThis.Buffer = {
  of: (...bytes) => new Searchable(Uint8Array.from(bytes).buffer),
  from: (buffer, at, length) => new Searchable(buffer, at, length),
  isBuffer: (bytes) => bytes instanceof Searchable,
};
