/**
 * A stream from its first byte on: what it is, and then what its scanner finds.
 *
 *     probing ──── its first bytes tell ────────► known ──── is not what it seemed ────► unknown
 *        │                                                                                  ▲
 *        └──── they cannot tell, or too many came, or too much time passed ─────────────────┘
 *
 * A stream that follows another one of its channel is looked at in two ways. A broadcaster that
 * started anew begins with a beginning. One that lost its connection goes on in the middle of a
 * frame: there the scanner of the format before looks for the first join point.
 */
import type { Format } from "./format.ts";
import { traitsOf } from "./formats.ts";
import { newProbe, type Probe } from "./recognise.ts";
import { NOTHING, type JoinPoint, type Marks, type Scanner } from "./scanner.ts";

/** What is known of a stream: its format, that it is none of ours, or nothing yet. */
export type Known = Format | "unknown" | undefined;

export interface Scan {
  format: Known;
  /** Where everything goes that is found. */
  readonly marks: Marks;
  /** Null unless the format is known. */
  scanner: Scanner | null;
  /** Looks for a beginning; null when there can be none any more. */
  probe: Probe | null;
  /** The first `have` bytes of the stream, while there is a probe. */
  head: Uint8Array;
  have: number;
  /** Null where nothing came before, or nothing that can be entered in the middle. */
  sequel: Sequel | null;
}

/** A stream taken for one that goes on in the middle, until it proves to be that or something else. */
interface Sequel {
  readonly format: Format;
  readonly scanner: Scanner;
  /** The first join point; null before it is found. */
  found: JoinPoint | null;
}

/** A stream of which nothing is known, but what the one before it on its channel was. */
export function newScan(marks: Marks, before?: Format): Scan {
  return {
    format: undefined,
    marks,
    scanner: null,
    probe: newProbe(),
    head: NOTHING,
    have: 0,
    sequel: before === undefined ? null : newSequel(marks, before),
  };
}

/** Looks at the next bytes of the stream. */
export function look(scan: Scan, chunk: Uint8Array): void {
  if (scan.scanner !== null) {
    examine(scan, scan.scanner, chunk);
  } else if (scan.format === undefined) {
    seekBeginning(scan, chunk);
    if (scan.format === undefined) {
      seekSequel(scan, chunk);
    }
    if (scan.format === undefined && scan.probe === null && scan.sequel === null) {
      endProbe(scan);
    }
  }
}

/** Ends the probe: a stream that has not shown by now what it is counts as unknown. */
export function endProbe(scan: Scan): void {
  scan.format = "unknown";
  scan.scanner = null;
  scan.probe = null;
  scan.head = NOTHING;
  scan.sequel = null;
}

function examine(scan: Scan, scanner: Scanner, chunk: Uint8Array): void {
  if (!scanner.scan(chunk)) {
    endProbe(scan);
  }
}

function seekBeginning(scan: Scan, chunk: Uint8Array): void {
  if (scan.probe === null) {
    return;
  }
  const head = keepHead(scan, chunk);
  const known = scan.probe(head);
  if (known === "unknown") {
    scan.probe = null;
    scan.head = NOTHING;
  } else if (known !== undefined) {
    const scanner = traitsOf(known).newScanner(scan.marks, 0);
    endProbe(scan);
    scan.format = known;
    scan.scanner = scanner;
    examine(scan, scanner, head);
  }
}

/** Adds `chunk` to what is kept of the stream, and returns all of that. */
function keepHead(scan: Scan, chunk: Uint8Array): Uint8Array {
  const length = scan.have + chunk.length;
  if (length > scan.head.length) {
    const larger = new Uint8Array(Math.max(length, scan.head.length * 2));
    larger.set(scan.head.subarray(0, scan.have));
    scan.head = larger;
  }
  scan.head.set(chunk, scan.have);
  scan.have = length;
  return scan.head.subarray(0, length);
}

function seekSequel(scan: Scan, chunk: Uint8Array): void {
  const { sequel } = scan;
  if (sequel === null) {
    return;
  }
  const goesOn = sequel.scanner.scan(chunk);
  if (sequel.found !== null && goesOn) {
    endProbe(scan);
    scan.format = sequel.format;
    scan.scanner = sequel.scanner;
  } else if (!goesOn) {
    scan.sequel = null;
  }
}

/**
 * What the scanner finds before its first join point is of no use: nobody of this stream's watchers
 * has had a frame of it.
 */
function newSequel(marks: Marks, format: Format): Sequel | null {
  const { newScanner, resumes } = traitsOf(format);
  if (!resumes) {
    return null;
  }
  let newest = 0;
  const scanner = newScanner(
    {
      frame(offset) {
        newest = offset;
        if (sequel.found !== null) {
          marks.frame(offset);
        }
      },
      join(point) {
        if (sequel.found === null) {
          sequel.found = point;
          marks.frame(newest);
        }
        marks.join(point);
      },
    },
    0,
  );
  const sequel: Sequel = { format, scanner, found: null };
  return sequel;
}

/** Whether a decoder that has had a stream of this kind takes another one behind it. */
export function canFollow(known: Known): boolean {
  return known === undefined || known === "unknown" || traitsOf(known).resumes;
}
