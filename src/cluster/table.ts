/**
 * Which node has what, as far as this one has heard:
 *
 *     nodes ─┬─ self   v 12 ── streams by number, and the newest by channel
 *            ├─ 3f…    v  7
 *            └─ a0…    lost
 *
 * Every node decides by the same order which of several broadcasts of a channel counts: one with a
 * broadcaster before one without, then the later claim, then the higher number of the node. So all decide
 * alike as soon as they have heard the same.
 */
import { NODE_STREAMS_MAX, NODES_MAX } from "../core/limits.ts";
import { keyOf } from "../hub/directory.ts";
import type { Stream } from "./words.ts";

export interface Node {
  readonly id: string;
  name: string;
  /** The number of the last change that is known without a gap before it; -1 before any is. */
  v: number;
  /** When it was last heard, by the clock. */
  heardAt: number;
  lost: boolean;
  readonly streams: Map<number, Stream>;
  /** The newest of each channel. */
  readonly byKey: Map<string, Stream>;
  /** Parts of a list that is not complete. */
  parts: (readonly Stream[])[];
}

/** A broadcast and the node that has it. */
export interface Place {
  readonly node: Node;
  readonly stream: Stream;
}

export interface Table {
  readonly self: Node;
  /** All others. */
  readonly others: Map<string, Node>;
  /** Adds a node that was not known. Undefined where there are too many. */
  add(id: string, name: string, now: number): Node | undefined;
  /** Which broadcast of a channel counts, of all nodes that are there. */
  best(key: string): Place | undefined;
  /** The same where another node has it, with a broadcaster. */
  elsewhere(key: string): Place | undefined;
}

export function newNode(id: string, name: string, now: number): Node {
  return {
    id,
    name,
    v: -1,
    heardAt: now,
    lost: false,
    streams: new Map(),
    byKey: new Map(),
    parts: [],
  };
}

export function newTable(self: Node): Table {
  const others = new Map<string, Node>();
  const best = (key: string): Place | undefined => {
    let found: Place | undefined;
    for (const node of [self, ...others.values()]) {
      const stream = node.byKey.get(key);
      if (stream !== undefined && !node.lost) {
        const place = { node, stream };
        found = found === undefined || counts(place, found) ? place : found;
      }
    }
    return found;
  };
  return {
    self,
    others,
    add(id, name, now) {
      if (others.size >= NODES_MAX) {
        return undefined;
      }
      const node = newNode(id, name, now);
      others.set(id, node);
      return node;
    },
    best,
    elsewhere(key) {
      const place = best(key);
      const isElsewhere = place !== undefined && place.node !== self && !place.stream.silent;
      return isElsewhere ? place : undefined;
    },
  };
}

/** Whether `a` counts rather than `b`. */
function counts(a: Place, b: Place): boolean {
  if (a.stream.silent !== b.stream.silent) {
    return b.stream.silent;
  }
  return a.stream.epoch === b.stream.epoch
    ? a.node.id > b.node.id
    : a.stream.epoch > b.stream.epoch;
}

export function keyOfStream({ channel, user }: Stream): string {
  return keyOf(user, channel);
}

/** Notes that `node` has `stream`, or what has become of it. */
export function put(node: Node, stream: Stream): void {
  const key = keyOfStream(stream);
  if (node.streams.size >= NODE_STREAMS_MAX && !node.streams.has(stream.seq)) {
    return;
  }
  node.streams.set(stream.seq, stream);
  if (stream.seq >= (node.byKey.get(key)?.seq ?? 0)) {
    node.byKey.set(key, stream);
  }
}

/** Notes that `node` has the broadcast no more, and returns that. */
export function drop(node: Node, seq: number): Stream | undefined {
  const stream = node.streams.get(seq);
  if (stream !== undefined) {
    const key = keyOfStream(stream);
    node.streams.delete(seq);
    if (node.byKey.get(key)?.seq === seq) {
      node.byKey.delete(key);
    }
  }
  return stream;
}
