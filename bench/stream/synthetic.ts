/**
 * The synthetic broadcast: every byte of it follows from its plan, so that whoever knows the plan can
 * compare what arrives with what was sent, without having been told.
 *
 *     ┌─────┬─────┬───────┬─────────┬──────┐    ┌───────┬─────────┬──────┐
 *     │ SPS │ PPS │ label │ opening │ body │    │ label │ opening │ body │
 *     └─────┴─────┴───────┴─────────┴──────┘    └───────┴─────────┴──────┘
 *      ◄── head, of this frame ────► ◄── one of a few variants, shared ──►
 *
 * Frames are of two sizes: IDR access units of some five times a P access unit, which together make
 * the bit rate. Neighbours never have the same body, so a frame spliced from two does not pass.
 */
import { crc32 } from "node:zlib";
import { body, MACROBLOCK_BYTES, opening, parameterSets, type Shape } from "./picture.ts";
import { LABEL_BYTES, labelLength, PAD_MAX_BYTES, writeLabel } from "./label.ts";

/** What is broadcast, at what rate. */
export interface Plan {
  readonly bitsPerSecond: number;
  readonly fps: number;
  /** Frames from one IDR picture to the next. */
  readonly gop: number;
}

/** One access unit. */
export interface Frame {
  readonly sequence: number;
  readonly key: boolean;
  readonly due: number;
  readonly head: Buffer;
  readonly body: Buffer;
  readonly length: number;
}

/** One broadcast on one channel. */
export interface Synthetic {
  readonly channel: number;
  /** Microseconds since the epoch at which frame 0 is due. */
  readonly start: number;
  readonly plan: Plan;
  dueOf(sequence: number): number;
  /** The frame is shared and must not be changed. */
  frame(sequence: number): Frame;
}

/** How many times as large as a P access unit an IDR access unit is. */
const IDR_RATIO = 5;

/** Bodies of one kind. Frames two seconds apart have the same one. */
const VARIANTS_MOST = 61;

/** A frame differs from its neighbours and from theirs. */
const VARIANTS_LEAST = 5;

/** Bytes of bodies of one kind: they stay in the processor's cache. Larger frames have fewer variants. */
const VARIANTS_MAX_BYTES: number = 1024 * 1024;

/** Frames whose heads are at hand. Watchers within eight seconds of each other share them. */
const HEADS_KEPT = 256;

const NO_SETS: Buffer = Buffer.alloc(0);

/** What all broadcasts of a plan share: the bodies and sizes. */
interface Kit {
  readonly shape: Shape;
  readonly sets: Buffer;
  readonly idrs: readonly Buffer[];
  readonly ps: readonly Buffer[];
  /** A slice's beginning depends on few things, and there are less than twenty of them. */
  readonly openingOf: (sinceIdr: number, idrs: number) => Buffer;
  readonly padOf: (key: boolean, bare: number) => number;
}

/** A family of broadcasts by one plan. */
export interface Studio {
  readonly plan: Plan;
  /** Both parameter sets, as they stand before each IDR picture. */
  readonly sets: Buffer;
  broadcast(channel: number, start: number): Synthetic;
}

/** Prepares whatever broadcasts of `plan` have in common. */
export function newStudio(plan: Plan): Studio {
  const kit = newKit(plan);
  return {
    plan,
    sets: kit.sets,
    broadcast: (channel, start) => newBroadcast(plan, kit, channel, start),
  };
}

/** Bytes of the longest opening, with room to spare. */
const OPENING_MAX_BYTES = 32;

function newBroadcast(plan: Plan, kit: Kit, channel: number, start: number): Synthetic {
  const frames: (Frame | undefined)[] = [];
  const dueOf = (sequence: number): number =>
    Math.round(start + channelPhase(plan, channel) + (sequence * 1e6) / plan.fps);
  return {
    channel,
    start,
    plan,
    dueOf,
    frame(sequence) {
      const slot = sequence % HEADS_KEPT;
      let frame = frames[slot];
      if (frame?.sequence !== sequence) {
        frame = newFrame(plan, kit, channel, sequence, dueOf(sequence));
        frames[slot] = frame;
      }
      return frame;
    },
  };
}

/** Channels take turns within a frame's time; together they would make bursts that no one sends. */
export function channelPhase(plan: Plan, channel: number): number {
  const golden = 0.618_033_988_75;
  return ((channel * golden) % 1) * (1e6 / plan.fps);
}

function newFrame(plan: Plan, kit: Kit, channel: number, sequence: number, due: number): Frame {
  const sinceIdr = sequence % plan.gop;
  const key = sinceIdr === 0;
  const idrs = Math.floor(sequence / plan.gop);
  const bodies = key ? kit.idrs : kit.ps;
  const rest = bodies[((key ? idrs : sequence) + channel) % bodies.length] ?? NO_SETS;
  const open = kit.openingOf(sinceIdr, idrs);
  const sets = key ? kit.sets : NO_SETS;
  const pad = kit.padOf(key, sets.length + LABEL_BYTES + open.length + rest.length);
  const length = sets.length + labelLength(pad) + open.length + rest.length;
  const blank = { channel, sequence, due, length, checksum: 0 };
  const checksum = crc32(rest, crc32(open, crc32(writeLabel(blank, pad))));
  const label = writeLabel({ ...blank, checksum }, pad);
  return { sequence, key, due, head: Buffer.concat([sets, label, open]), body: rest, length };
}

function newKit(plan: Plan): Kit {
  const mean = plan.bitsPerSecond / 8 / plan.fps;
  const pBytes = (mean * plan.gop) / (plan.gop - 1 + IDR_RATIO);
  const { width, height } = squarish(Math.max((pBytes * IDR_RATIO) / MACROBLOCK_BYTES, 1));
  const idrBytes = plan.gop === 1 ? mean : width * height * MACROBLOCK_BYTES;
  const left = plan.gop === 1 ? 0 : (mean * plan.gop - idrBytes) / (plan.gop - 1);
  const coded = Math.min(
    Math.max(Math.floor((left - LABEL_BYTES - OPENING_MAX_BYTES) / MACROBLOCK_BYTES), 0),
    width * height,
  );
  const openings = new Map<number, Buffer>();
  const shape: Shape = { width, height, coded };
  const { sps, pps } = parameterSets(shape, plan.fps);
  return {
    shape,
    sets: Buffer.concat([sps, pps]),
    idrs: variants(true, width * height),
    ps: variants(false, coded),
    openingOf(sinceIdr, idrs) {
      const kind = sinceIdr === 0 ? -1 - (idrs % 2) : sinceIdr % 16;
      const known = openings.get(kind) ?? opening(shape, sinceIdr, idrs);
      openings.set(kind, known);
      return known;
    },
    padOf: (key, bare) => (key ? 0 : Math.min(Math.max(Math.round(left - bare), 0), PAD_MAX_BYTES)),
  };
}

/** Two sides whose product is as near to `area` as a picture of sane proportions allows. */
function squarish(area: number): { width: number; height: number } {
  let best = { width: 1, height: 1 };
  const side = Math.ceil(Math.sqrt(area));
  for (let height = Math.max(1, Math.floor(side / 2)); height <= side; height++) {
    const width = Math.max(1, Math.round(area / height));
    if (Math.abs(width * height - area) <= Math.abs(best.width * best.height - area)) {
      best = { width, height };
    }
  }
  return best;
}

function variants(key: boolean, macroblocks: number): readonly Buffer[] {
  const bytes = Math.max(macroblocks * MACROBLOCK_BYTES, 1);
  const count = Math.floor(VARIANTS_MAX_BYTES / bytes);
  const bounded = Math.min(Math.max(count, VARIANTS_LEAST), VARIANTS_MOST);
  return Array.from({ length: bounded }, (_, i) => body(key, macroblocks, key ? -2 - i : i));
}
