/**
 * A broadcast that is broken off ends where a frame does:
 *
 *     bytes that were fanned out │ held back │ dropped
 *     … ─────────────────────────┴───────────┼─────────► head
 *       frame            frame               │ frame begins
 *                                            └─ everybody's last byte is the one before
 *
 * Nobody has got a byte of what is held back, so a frame that begins anywhere in it will do, however
 * late its scanner finds that out.
 */
import { LAST_FRAME_MS } from "../core/limits.ts";
import { withCopy } from "./broadcast.ts";
import { firstFrameFrom, offsetAt } from "./marks.ts";
import type { Broadcast } from "./model.ts";
import { cursorAt } from "./roster.ts";

/**
 * Cuts the broadcast where the present frame ends and calls `end`, which MUST finish it. At once
 * where the stream has no frames that we know, and without a cut where none comes in time.
 */
export function endAtFrame(broadcast: Broadcast, end: () => void): void {
  if (broadcast.closing !== null) {
    return;
  }
  if (broadcast.scan.scanner === null) {
    end();
    return;
  }
  for (const each of withCopy(broadcast)) {
    each.pending?.();
    // A fan-out that waits holds back every other one, and this one's time never comes.
    each.pending = () => {};
  }
  const close = (): void => {
    cancel();
    broadcast.closing = null;
    end();
  };
  const cancel = broadcast.clock.after(LAST_FRAME_MS, close);
  broadcast.closing = () => {
    if (cutAtFrame(broadcast)) {
      close();
    }
  };
  broadcast.closing();
}

/** Drops what lies behind the frames that somebody has begun; false where that is not known yet. */
function cutAtFrame(broadcast: Broadcast): boolean {
  const both = withCopy(broadcast);
  const { marks } = broadcast;
  const edge = offsetAt(marks, firstFrameFrom(marks, Math.max(...both.map(furthest))));
  if (both.some(({ ring }) => edge > ring.head || edge < ring.tail)) {
    return false;
  }
  for (const each of both) {
    each.ring.head = edge;
    each.held?.cancelTimer();
    each.held = null;
  }
  return true;
}

/** How far the stream has been sent to anybody. */
function furthest({ original, outlet, ring, roster }: Broadcast): number {
  let highest = roster.count === 0 && original === null ? ring.tail : 0;
  highest = Math.max(highest, outlet?.published() ?? 0);
  for (let slot = 0; slot < roster.count; slot++) {
    highest = Math.max(highest, cursorAt(roster, slot));
  }
  return highest;
}
