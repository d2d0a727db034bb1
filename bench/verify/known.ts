/**
 * What can begin at some place of the bytes that a watcher receives. Nothing is believed by its label
 * alone: the head that the label promises is written anew and compared.
 */
import { START_CODE } from "../stream/bits.ts";
import { LABEL_BYTES, LABEL_TAG, readLabel, type Label } from "../stream/label.ts";
import type { Frame, Studio, Synthetic } from "../stream/synthetic.ts";

/** The broadcasts of one channel, one after another. */
export interface Known {
  readonly studio: Studio;
  readonly channel: number;
  /** The newest last. */
  readonly broadcasts: Synthetic[];
}

/** Broadcasts remembered: a watcher that lags gets the end of one while the next is on. */
const BROADCASTS_KEPT = 8;

/** What stands at a place: no frame, too little to say, a frame of another channel, or a frame. */
export type Start =
  | { readonly kind: "none" | "more" | "foreign" }
  | {
      readonly kind: "frame";
      /** Where the frame begins: behind parameter sets that are not its own. */
      readonly at: number;
      readonly broadcast: Synthetic;
      readonly frame: Frame;
    };

const NONE: Start = { kind: "none" };
const MORE: Start = { kind: "more" };

export function newKnown(studio: Studio, channel: number): Known {
  return { studio, channel, broadcasts: [] };
}

/** Tells what begins at `from`. Any number of parameter sets may stand before a frame. */
export function readStart(known: Known, bytes: Buffer, from: number): Start {
  const { sets } = known.studio;
  let at = from;
  for (;;) {
    const equal = matching(bytes, at, sets);
    if (equal === bytes.length - at && equal < sets.length) {
      return MORE;
    }
    if (equal < sets.length) {
      break;
    }
    at += sets.length;
  }
  if (bytes.length - at < LABEL_BYTES) {
    const begun = matching(bytes, at, LABEL_TAG);
    return begun === LABEL_TAG.length || begun === bytes.length - at ? MORE : NONE;
  }
  const label = readLabel(bytes, at);
  if (label === undefined) {
    return NONE;
  }
  return promised(known, label, bytes, from, at);
}

/** The frame that `label`, which stands at `labelAt`, belongs to, if its head is as it must be. */
function promised(known: Known, label: Label, bytes: Buffer, from: number, labelAt: number): Start {
  const broadcast = broadcastOf(known, label);
  const frame = broadcast.frame(label.sequence);
  const at = frame.key ? labelAt - known.studio.sets.length : labelAt;
  if (at < from) {
    return NONE;
  }
  const equal = matching(bytes, at, frame.head);
  if (equal < frame.head.length) {
    return equal === bytes.length - at ? MORE : NONE;
  }
  if (label.channel !== known.channel) {
    return { kind: "foreign" };
  }
  if (!known.broadcasts.includes(broadcast)) {
    known.broadcasts.push(broadcast);
    known.broadcasts.splice(0, known.broadcasts.length - BROADCASTS_KEPT);
  }
  return { kind: "frame", at, broadcast, frame };
}

/** A broadcast by the same plan is told by when it began. */
function broadcastOf({ studio, broadcasts, ...known }: Known, label: Label): Synthetic {
  const { channel, sequence, due } = label;
  const same = broadcasts.findLast((broadcast) => broadcast.dueOf(sequence) === due);
  return (
    (channel === known.channel ? same : undefined) ??
    studio.broadcast(channel, due - studio.broadcast(channel, 0).dueOf(sequence))
  );
}

/** How many bytes from `at` on are those of `model`. */
export function matching(bytes: Buffer, at: number, model: Buffer): number {
  const count = Math.min(bytes.length - at, model.length);
  let equal = 0;
  while (equal < count && bytes[at + equal] === model[equal]) {
    equal++;
  }
  return equal;
}

/** The next place from `from` on where a frame might begin; -1 where there is none. */
export function nextStart(bytes: Buffer, from: number): number {
  for (let at = from; ;) {
    at = bytes.indexOf(START_BUFFER, at);
    const type = bytes[at + START_CODE.length];
    if (at === -1 || type === undefined || type === SPS_TYPE || type === SEI_TYPE) {
      return at;
    }
    at++;
  }
}

const START_BUFFER: Buffer = Buffer.from(START_CODE);
const SPS_TYPE = 0x67;
const SEI_TYPE = 0x06;
