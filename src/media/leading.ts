/**
 * Tells whether a join point is clean, by the times of its pictures.
 *
 *     as they are sent   … P4   I7   b5   b6   P10 …
 *     as they are shown  … P4   b5   b6   I7   P10 …
 *
 * Pictures that are sent behind a keyframe and shown before it are its leading pictures. They may
 * refer to pictures before the keyframe. A decoder that starts with the keyframe leaves them out; one
 * that has seen other pictures does not know that it should, and shows them broken (ITU-T H.265,
 * section 3, "leading picture"; H.264 has them as open groups of pictures). Leading pictures come
 * right behind their keyframe, so the next picture decides. Where something can be put before the
 * keyframe that makes the decoder forget, the join point is clean after all.
 *
 * The next picture may belong to a later frame of the container. Then that frame and those between
 * are reported late, behind the join point.
 */
import { NOTHING, type JoinPoint, type Marks } from "./scanner.ts";

/**
 * Frames that wait behind an undecided join point at most. Sound has some 50 frames a second, so
 * this is a picture every five seconds.
 */
const FRAMES_WAITING_MAX = 256;

type Place = Pick<JoinPoint, "offset" | "setup">;

/** Marks that report a join point as soon as the picture behind it is known. */
export interface LeadingMarks {
  frame(offset: number): void;
  /**
   * The newest frame begins with a keyframe that is shown at `time`. `forget` is what makes a decoder
   * leave out its leading pictures.
   */
  keyframe(point: Place, time: number, forget: Uint8Array | undefined): void;
  /** The next picture is shown at `time`, in the same unit. */
  picture(time: number): void;
  /** Whether a join point is undecided. */
  waits(): boolean;
  /** The stream is damaged here: an undecided join point is none. */
  giveUp(): void;
}

interface Undecided {
  readonly point: Place;
  readonly time: number;
  readonly forget: Uint8Array | undefined;
  /** The offsets of the frames behind the join point. */
  readonly frames: number[];
}

export function newLeadingMarks(marks: Marks): LeadingMarks {
  let undecided: Undecided | undefined;

  /** Reports the join point, clean or with leading pictures, and then the frames behind it. */
  function settle(isClean: boolean): void {
    if (undecided !== undefined) {
      const { point, forget } = undecided;
      const splice = isClean ? NOTHING : (forget ?? NOTHING);
      marks.join({ ...point, splice, clean: isClean || forget !== undefined });
    }
    release();
  }

  function release(): void {
    undecided?.frames.forEach((offset) => marks.frame(offset));
    undecided = undefined;
  }

  return {
    frame(offset) {
      if ((undecided?.frames.length ?? 0) >= FRAMES_WAITING_MAX) {
        settle(false);
      }
      if (undecided === undefined) {
        marks.frame(offset);
      } else {
        undecided.frames.push(offset);
      }
    },
    keyframe(point, time, forget) {
      settle(false);
      undecided = { point, time, forget, frames: [] };
    },
    picture(time) {
      if (undecided !== undefined) {
        settle(time >= undecided.time);
      }
    },
    waits: () => undecided !== undefined,
    giveUp: release,
  };
}
