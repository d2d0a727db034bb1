/**
 * A broadcast of another thread, as this thread's watchers see it: a broadcast like any other, but
 * that its ring is written elsewhere.
 *
 *     owner's thread                         this thread
 *     receive ► append ► fan-out ─ publish ──► wake: head, frames ► who was left behind? ► fan-out
 *                  │                   ▲
 *                  └─ ring, format, join ────► news
 *                                      └───── report: how far the last watcher is
 */
import type { Known } from "../media/scan.ts";
import { placeAll } from "./course.ts";
import { ARRIVALS } from "./grace.ts";
import { fanOut, reportFloor } from "./fan-out.ts";
import { fitMarks, forgetMarks, noteFrame, noteJoin } from "./marks.ts";
import type { Broadcast } from "./model.ts";
import { newRing } from "./ring.ts";
import { lowestCursor, newRoster } from "./roster.ts";
import { newInlet, type News, type SharedStream, type Wake } from "./shared.ts";
import { overtake } from "./slow.ts";

/** What this thread has to know to read what another one owns. */
export interface Reading {
  readonly self: number;
  readonly owner: number;
  readonly wake: Wake;
}

/** Makes `broadcast`, which has no byte yet, one that is read from `stream`. */
export function readFrom(broadcast: Broadcast, stream: SharedStream, reading: Reading): void {
  const { owner, self, wake } = reading;
  broadcast.inlet = newInlet(stream, self, owner, wake, () => catchUp(broadcast));
}

/** Bytes may have been published. Tolerates a call that finds none. */
export function catchUp(broadcast: Broadcast): void {
  const { clock, inlet, marks, ring } = broadcast;
  const head = inlet?.head() ?? -1;
  if (inlet === null || head < 0) {
    return;
  }
  const now = clock.now();
  const count = inlet.newFrames();
  for (let i = 0; i < count; i++) {
    noteFrame(marks, inlet.frames[i] ?? 0, now);
  }
  heed(broadcast);
  if (head <= ring.head) {
    // The owner may wait for word.
    reportFloor(broadcast);
    return;
  }
  broadcast.begunAt = ring.head === 0 ? now : broadcast.begunAt;
  broadcast.heardAt = now;
  ring.head = head;
  heed(broadcast);
  takePoints(broadcast);
  if (broadcast.unsentSince < 0) {
    broadcast.unsentSince = now;
  }
  broadcast.closing?.();
  // Paced by the owner. What holds fan-outs back here is a broadcast that ends with its present frame.
  if (broadcast.pending === null) {
    fanOut(broadcast);
  }
}

/**
 * Some of the ring is about to be overwritten: those who are there go on behind it, where a write would
 * have been for nothing and their last one.
 */
export function heed(broadcast: Broadcast): void {
  const { inlet, marks, ring } = broadcast;
  const tail = inlet === null ? 0 : Math.max(inlet.tail(ring.head), ring.head - ring.capacity);
  if (tail <= ring.tail) {
    return;
  }
  ring.tail = tail;
  if (marks.newest !== null && marks.newest.offset < tail) {
    marks.newest = null;
  }
  if (broadcast.floor < tail) {
    leaveBehind(broadcast);
  }
}

/** Notes the join points whose bytes are there by now, for those who wait for one. */
function takePoints(broadcast: Broadcast): void {
  const { clock, inlet, marks, ring } = broadcast;
  if (inlet === null || inlet.points.length === 0) {
    return;
  }
  const { points } = inlet;
  const ready = points.filter(({ offset }) => offset < ring.head);
  if (ready.length > 0) {
    points.splice(0, ready.length);
    ready
      .filter(({ offset }) => offset >= ring.tail)
      .forEach((point) => noteJoin(marks, point, clock.now()));
    placeAll(broadcast);
  }
}

/** The owner's thread could not wait for those who are before the tail. */
function leaveBehind(broadcast: Broadcast): void {
  const { ring, roster } = broadcast;
  broadcast.floor = lowestCursor(roster, ring.head);
  if (broadcast.floor < ring.tail) {
    overtake(broadcast, ring.tail, ring.head);
    broadcast.floor = lowestCursor(roster, ring.head);
  }
}

/** Takes in what the owner's thread says of `broadcast`. */
export function learn(broadcast: Broadcast, news: News, reading: Reading): void {
  const { inlet, marks, ring } = broadcast;
  switch (news.kind) {
    case "ring":
      ring.bytes = new Uint8Array(news.bytes);
      ring.capacity = news.bytes.byteLength;
      ring.guard = inlet?.guard ?? null;
      fitMarks(marks, ring.capacity);
      if (inlet !== null) {
        inlet.generation = news.generation;
      }
      catchUp(broadcast);
      break;
    case "format":
      learnFormat(broadcast, news.format);
      break;
    case "join":
      inlet?.points.push(news.point);
      takePoints(broadcast);
      break;
    case "copy":
      addCopy(broadcast, news.stream, news.from, reading);
      break;
  }
}

function learnFormat(broadcast: Broadcast, format: Known): void {
  const { marks, notify, scan } = broadcast;
  scan.format = format;
  // What has frames that we know has a scanner, wherever that runs.
  scan.scanner = format === undefined || format === "unknown" ? null : { scan: () => true };
  if (format === "unknown") {
    forgetMarks(marks);
  }
  notify({ kind: "format", format });
  placeAll(broadcast);
}

function addCopy(broadcast: Broadcast, stream: SharedStream, from: number, reading: Reading): void {
  const copy: Broadcast = {
    ...broadcast,
    roster: newRoster(),
    awaiting: new Set(),
    ring: { ...newRing(0), head: from, tail: from },
    floor: from,
    arrivals: new Float64Array(ARRIVALS),
    original: broadcast,
    unsentSince: -1,
    fannedOutAt: -Infinity,
    pending: null,
  };
  readFrom(copy, stream, reading);
  copy.inlet?.heard();
  broadcast.copy = { broadcast: copy, rebaser: { push: (bytes) => bytes } };
}
