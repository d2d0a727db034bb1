/**
 * Plays raw video by WebCodecs and Motion JPEG by the browser's pictures, on the canvas, each frame as
 * soon as it is whole: there is no buffer.
 */
import "./buffer.ts";
import { newMjpegScanner } from "../../media/mjpeg.ts";
import { codingOf, type Coding } from "./codecs.ts";
import { newDecoder } from "./decoder.ts";
import { newCutter, type Frame } from "./frames.ts";
import type { Ending, Playing } from "./player.ts";
import { newScreen, type Screen } from "./screen.ts";
import { readStream } from "./stream.ts";

/** Pictures of Motion JPEG that may be decoded at once; those beyond are left out. */
const JPEGS_MAX = 3;

const NOT_SECURE =
  "Browsers decode raw video only on pages from https:// or from this machine itself (localhost).";

export async function playOnCanvas(playing: Playing): Promise<Ending> {
  const { format, figures, canvas } = playing;
  const screen = newScreen(canvas, figures);
  const coding = codingOf(format);
  try {
    if (coding === undefined) {
      figures.decoder = "browser, JPEG";
      return await readStream(playing, newCutter(newMjpegScanner, newJpegs(playing, screen)));
    }
    const ending = await decode(playing, coding, screen);
    return ending.kind === "unsupported" && format === "h264"
      ? await (await import("./rewrap.ts")).playRewrapped(playing)
      : ending;
  } finally {
    screen.close();
  }
}

async function decode(playing: Playing, coding: Coding, screen: Screen): Promise<Ending> {
  if (!("VideoDecoder" in globalThis)) {
    return { kind: "unsupported", why: isSecureContext ? "It has no WebCodecs." : NOT_SECURE };
  }
  const decoder = newDecoder(playing, coding, screen);
  const cut = newCutter(coding.newScanner, (frame) => decoder.take(frame));
  const ending = await readStream(playing, (chunk) => cut(chunk) && !decoder.hasFailed());
  decoder.close();
  const why = await decoder.refusal();
  return why === undefined ? ending : { kind: "unsupported", why };
}

function newJpegs({ figures }: Playing, screen: Screen): (frame: Frame) => void {
  let busy = 0;
  let newest = 0;
  return ({ data, arrivedAt }) => {
    if (busy >= JPEGS_MAX) {
      figures.dropped++;
      return;
    }
    busy++;
    createImageBitmap(new Blob([data], { type: "image/jpeg" }))
      .then((image) => {
        if (arrivedAt < newest) {
          image.close();
          return;
        }
        newest = arrivedAt;
        screen.show({ image, width: image.width, height: image.height, arrivedAt });
      })
      .catch(() => figures.dropped++)
      .finally(() => busy--);
  };
}
