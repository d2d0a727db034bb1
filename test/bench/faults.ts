/**
 * Faults as relays might make them, each with the name that the bench must find for it.
 */
import type { Faults } from "../../bench/verify/tally.ts";
import { newStudio, type Plan, type Synthetic } from "../../bench/stream/synthetic.ts";

/** Small frames, so that a test has many of them. */
export const PLAN: Plan = { bitsPerSecond: 400_000, fps: 25, gop: 10 };

/** How many frames a test's broadcast has, and the one that something happens to. */
export const FRAMES = 30;
export const VICTIM = 14;

export interface Planted {
  readonly title: string;
  /** Changes the frames, one buffer each, around {@link VICTIM}. */
  readonly plant: (frames: Buffer[]) => void;
  readonly faults: Partial<Faults>;
}

/** The access units of a broadcast, each whole. */
export function framesOf(broadcast: Synthetic, count: number = FRAMES): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const frame = broadcast.frame(i);
    return Buffer.concat([frame.head, frame.body]);
  });
}

export function broadcastOf(plan: Plan = PLAN): Synthetic {
  return newStudio(plan).broadcast(0, 1_700_000_000_000_000);
}

/** A copy of a frame in which one byte is another one. */
function flipped(frame: Buffer, at: number): Buffer {
  const copy = Buffer.from(frame);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

export const PLANTED: readonly Planted[] = [
  { title: "nothing", plant() {}, faults: {} },
  {
    title: "a frame dropped",
    plant: (frames) => void frames.splice(VICTIM, 1),
    faults: { lost: 1 },
  },
  {
    title: "all frames to the next keyframe dropped",
    plant: (frames) => void frames.splice(VICTIM, 20 - VICTIM),
    faults: { lost: 20 - VICTIM },
  },
  {
    title: "a frame cut short",
    plant: (frames) => void (frames[VICTIM] = frames[VICTIM]!.subarray(0, 700)),
    faults: { torn: 1 },
  },
  {
    title: "a frame without its beginning",
    plant: (frames) => void (frames[VICTIM] = frames[VICTIM]!.subarray(300)),
    faults: { torn: 1 },
  },
  {
    title: "a frame with a hole in it",
    plant(frames) {
      const frame = frames[VICTIM]!;
      frames[VICTIM] = Buffer.concat([frame.subarray(0, 400), frame.subarray(500)]);
    },
    faults: { torn: 1 },
  },
  {
    title: "the beginning of one frame and the end of a later one",
    plant(frames) {
      const spliced = [frames[VICTIM]!.subarray(0, 600), frames[VICTIM + 3]!.subarray(600)];
      frames.splice(VICTIM, 4, Buffer.concat(spliced));
    },
    faults: { torn: 1, lost: 3 },
  },
  {
    title: "the beginning of a keyframe, and then the next keyframe",
    plant: (frames) => void frames.splice(10, 10, frames[10]!.subarray(0, 2_000)),
    faults: { torn: 1, lost: 9 },
  },
  {
    title: "a piece of a frame sent twice",
    plant(frames) {
      const frame = frames[VICTIM]!;
      frames[VICTIM] = Buffer.concat([frame.subarray(0, 900), frame.subarray(800)]);
    },
    faults: { torn: 1 },
  },
  {
    title: "a frame repeated",
    plant: (frames) => void frames.splice(VICTIM, 0, frames[VICTIM]!),
    faults: { repeated: 1 },
  },
  {
    title: "two neighbours exchanged",
    plant: (frames) => void frames.splice(VICTIM, 2, frames[VICTIM + 1]!, frames[VICTIM]!),
    faults: { reordered: 1 },
  },
  {
    title: "two neighbours exchanged, the first that a watcher gets",
    plant: (frames) => void frames.splice(0, 2, frames[1]!, frames[0]!),
    faults: { reordered: 1 },
  },
  {
    title: "another byte in a frame",
    plant: (frames) => void (frames[VICTIM] = flipped(frames[VICTIM]!, 1_000)),
    faults: { corrupt: 1 },
  },
  {
    title: "another last byte in a frame",
    plant(frames) {
      const frame = frames[VICTIM]!;
      frames[VICTIM] = flipped(frame, frame.length - 1);
    },
    faults: { corrupt: 1 },
  },
  {
    title: "another byte in a keyframe's parameter sets",
    plant: (frames) => void (frames[20] = flipped(frames[20]!, 8)),
    faults: { corrupt: 1 },
  },
  ...[0, 6, 20, 27, 33, 45].map((at) => ({
    title: `another byte at ${at} of a frame's label`,
    plant: (frames: Buffer[]) => void (frames[VICTIM] = flipped(frames[VICTIM]!, at)),
    faults: { corrupt: 1 },
  })),
];
