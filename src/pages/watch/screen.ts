/**
 * The canvas as a screen: of the pictures that come, the newest is shown when the display is about to
 * be drawn. So what is late anyway costs no drawing.
 */
import type { Figures } from "./player.ts";

/** A picture that can be drawn, and must be closed. */
export interface Picture {
  readonly image: VideoFrame | ImageBitmap;
  readonly width: number;
  readonly height: number;
  readonly arrivedAt: number;
}

/** Milliseconds within which pictures count as having come at once. */
const AT_ONCE_MS = 8;

export interface Screen {
  show(picture: Picture): void;
  close(): void;
}

export function newScreen(canvas: HTMLCanvasElement, figures: Figures): Screen {
  const context = canvas.getContext("2d", { alpha: false });
  let next: Picture | undefined;
  let request = 0;

  const draw = (): void => {
    request = 0;
    const picture = next;
    next = undefined;
    if (picture === undefined || context === null) {
      return;
    }
    const { image, width, height } = picture;
    // Setting a size, even the same one, clears the canvas.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.drawImage(image, 0, 0, width, height);
    image.close();
    figures.width = width;
    figures.height = height;
    figures.shown++;
    figures.delay = performance.now() - picture.arrivedAt;
  };

  return {
    show(picture) {
      figures.progress++;
      if (next !== undefined) {
        next.image.close();
        // What came at once with a newer one was never due: a start brings all since a keyframe. And
        // a tab that nobody sees misses nothing by drawing nothing.
        const wasDue = picture.arrivedAt - next.arrivedAt > AT_ONCE_MS;
        figures.dropped += wasDue && !document.hidden ? 1 : 0;
      }
      next = picture;
      request ||= requestAnimationFrame(draw);
    },
    close() {
      cancelAnimationFrame(request);
      next?.image.close();
      next = undefined;
    },
  };
}
