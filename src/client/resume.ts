/**
 * A broadcast that goes on over another connection. What the old one had of the stream ends
 * somewhere in a frame, and the server behind the new one may know nothing of it: so it gets a
 * stream that begins with a beginning.
 *
 *     input    … frame │ frame  │ frame  │ key frame │ frame …
 *     old connection ───────┤   ·        ·           ·
 *     new connection            ·  left  · set-up, then from here on
 *                             lost       out
 *
 * What has no frames that we know goes on where it was.
 */
import { concatBytes } from "../core/bytes.ts";
import { RESUME_MAX_BYTES, RESUME_MS } from "../core/limits.ts";
import { look, newScan } from "../media/scan.ts";
import { NOTHING, type JoinPoint, type Rebaser } from "../media/scanner.ts";

export interface Resumer {
  /** Takes the next bytes of the input, and returns what is to be sent now: often those, or none. */
  take(chunk: Uint8Array): Uint8Array;
  /**
   * What is to be sent first over a new connection, when all but the last `left` bytes of what was
   * returned last were given to the old one.
   */
  restart(left: number): Uint8Array;
}

/** A stream that is looked for a place to go on at. */
interface Search {
  /** The absolute offset of the first byte that was not sent. */
  readonly from: number;
  /** By the clock, when the search is given up. */
  readonly until: number;
  /** The newest bytes of the input, from the start of a frame on once there is one. */
  held: Uint8Array;
}

export function newResumer(now: () => number = () => performance.now()): Resumer {
  /** Join points of the last chunk, or since a search began. */
  let points: JoinPoint[] = [];
  /** The absolute offsets of the newest frame's start, and behind the newest byte. */
  let frame = 0;
  let end = 0;
  /** What was returned last; it ends with the newest byte. */
  let piece = NOTHING;
  let search: Search | null = null;
  /** Takes out of a stream where its data were in the one that it goes on from. */
  let rebaser: Rebaser | null = null;
  const scan = newScan({
    frame: (offset) => void (frame = offset),
    join: (point) => void points.push(point),
  });

  const seek = (current: Search): Uint8Array => {
    const { from, held, until } = current;
    const start = end - held.length;
    const point = points.find(({ offset }) => offset >= from);
    const isVain = now() >= until || held.length > RESUME_MAX_BYTES || scan.scanner === null;
    if (point === undefined && !isVain) {
      current.held = frame > start ? held.subarray(frame - start) : held;
      return NOTHING;
    }
    search = null;
    if (point === undefined) {
      return held;
    }
    rebaser = scan.scanner?.rebase?.()?.newRebaser(point.offset) ?? null;
    const rest = held.subarray(point.offset - start);
    return concatBytes(point.setup, rebaser === null ? rest : rebaser.push(rest));
  };

  return {
    take(chunk) {
      end += chunk.length;
      if (search === null) {
        points = [];
      }
      look(scan, chunk);
      if (search === null) {
        piece = rebaser === null ? chunk : rebaser.push(chunk).slice();
      } else {
        search.held = concatBytes(search.held, chunk);
        piece = seek(search);
      }
      return piece;
    },
    restart(left) {
      if (search !== null) {
        return NOTHING;
      }
      const held = piece.subarray(piece.length - left);
      if (left >= end || scan.scanner === null) {
        piece = held;
        return piece;
      }
      const until = now() + RESUME_MS;
      // What was rewritten once is not again: a search behind it finds a place as good.
      search =
        rebaser === null ? { from: end - left, until, held } : { from: end, until, held: NOTHING };
      rebaser = null;
      piece = seek(search);
      return piece;
    },
  };
}
