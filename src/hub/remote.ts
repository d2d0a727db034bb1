/**
 * What a broadcast knows of the node that has its broadcaster, where that is another one: see far.ts.
 */
import type { Refusal } from "../core/errors.ts";
import type { JoinPoint } from "../media/scanner.ts";
import { forgetMarks } from "./marks.ts";
import type { Broadcast } from "./model.ts";
import { newRing } from "./ring.ts";

/** What is asked of the node that has the broadcaster. */
export interface Upstream {
  /** Whether its bytes are to come. */
  want(wanted: boolean): void;
  /** There is room for bytes again, after there was none. */
  ready(): void;
  /** The broadcast is to be ended. */
  end(why: Refusal): void;
}

/** Of a broadcast of another node, how things stand with it. */
export interface Remote {
  readonly upstream: Upstream;
  wanted: boolean;
  /** Whether its bytes come: nobody gets a place before. */
  started: boolean;
  /** Join points whose bytes have not come yet: a scanner is ahead of a link. */
  readonly points: FarPoint[];
}

/** A join point, and whether newcomers need a rewritten copy from there on. */
export interface FarPoint {
  readonly point: JoinPoint;
  readonly isCopied: boolean;
}

/** Nobody watches any more what was wanted: nothing is to come, and nothing is kept. */
export function forsake(broadcast: Broadcast, remote: Remote): void {
  remote.wanted = false;
  remote.started = false;
  remote.points.length = 0;
  remote.upstream.want(false);
  broadcast.pending?.();
  broadcast.pending = null;
  broadcast.held?.cancelTimer();
  broadcast.held = null;
  broadcast.ring = newRing(0);
  broadcast.copy = null;
  broadcast.unsentSince = -1;
  forgetMarks(broadcast.marks);
}
