/**
 * What the relay knows of each format, beside its scanner.
 */
import { newIvfScanner } from "./ivf.ts";
import { recognise, type Format } from "./recognise.ts";
import type { NewScanner } from "./scanner.ts";

export type { Format } from "./recognise.ts";

export interface Traits {
  readonly newScanner: NewScanner;
  /** Whether a stream can be understood from the middle on. */
  readonly entered: boolean;
  /** Whether a decoder takes a second stream behind the first, header and all. */
  readonly follows: boolean;
}

export function traitsOf(_format: Format): Traits {
  return { newScanner: newIvfScanner, entered: false, follows: false };
}

/** Whether a decoder that has had a stream of `format` takes another one behind it. */
export function mayFollow(format: Format | "unknown" | undefined): boolean {
  return format === undefined || format === "unknown" || traitsOf(format).follows;
}

export function probeStub(head: Uint8Array): Format | "unknown" | undefined {
  const first = head[0] ?? 0;
  return (
    recognise(head) ??
    (head.length >= 4096 ||
    ![0x1a, 0x46, 0, 0x4f, 0x44, 0x52, 0x59, 0xff, 0x47, 0x49].includes(first)
      ? "unknown"
      : undefined)
  );
}
