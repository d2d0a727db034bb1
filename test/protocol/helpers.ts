/**
 * Bytes, the ways a network may cut them, and Python for a second opinion.
 */
import * as fc from "fast-check";
import { encodeUtf8 } from "../../src/core/bytes.ts";

/** The bytes of `parts` in a row: numbers are bytes, text is UTF-8. */
export function bytesOf(...parts: (number | string | Uint8Array)[]): Buffer<ArrayBuffer> {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === "number") {
        return Uint8Array.of(part);
      }
      return typeof part === "string" ? encodeUtf8(part) : part;
    }),
  );
}

/** A frame made by hand, so that its length and its NUL may be lies. */
export function frameOf(text: string | Uint8Array, length?: number, nul = 0): Uint8Array {
  const body = bytesOf(text);
  const head = new DataView(new ArrayBuffer(5));
  head.setUint32(0, length ?? body.length);
  head.setUint8(4, nul);
  return bytesOf(new Uint8Array(head.buffer), body);
}

/** `bytes` cut in two at each place, the ends included. */
export function everySplit(bytes: Uint8Array): [Uint8Array, Uint8Array][] {
  return Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.slice(0, at), bytes.slice(at)]);
}

/** `bytes` one at a time. */
export function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** `bytes` cut at the places that `cuts` point to; some pieces may be empty. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.slice(from, places[i]));
}

/** Places to cut at, for {@link cutAt}. */
export const anyCuts: fc.Arbitrary<number[]> = fc.array(fc.nat(), { maxLength: 12 });

/** A name as a user may have it. */
export const anyName: fc.Arbitrary<string> = fc.stringMatching(
  /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/,
);

/** Any text but lone surrogates, which UTF-8 cannot carry, and commas. */
export const anyValue: fc.Arbitrary<string> = fc
  .string({ unit: "binary", maxLength: 40 })
  .map((text) => text.replaceAll(",", ";"));

/** Runs `script`, which finds `input` in `given` and leaves its answer in `answer`. */
export function askPython(script: string, input: unknown): unknown {
  const begin = "import json, sys\ngiven = json.load(sys.stdin)";
  const program = [begin, script, "json.dump(answer, sys.stdout)"];
  const run = Bun.spawnSync(["python3", "-c", program.join("\n")], {
    stdin: Buffer.from(JSON.stringify(input)),
  });
  if (run.exitCode !== 0) {
    throw new Error(run.stderr.toString());
  }
  return JSON.parse(run.stdout.toString());
}
