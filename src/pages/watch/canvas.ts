/**
 * Plays raw video by WebCodecs and Motion JPEG by the browser's pictures, on the canvas, each frame as
 * soon as it is whole: there is no buffer.
 */
import "./buffer.ts";
import { newMjpegScanner } from "../../media/mjpeg.ts";
import { codingOf } from "./codecs.ts";
import { newDecoder, type Decoder } from "./decoder.ts";
import { newCutter, type Frame } from "./frames.ts";
import { ENDED, type Ending, type Playing } from "./player.ts";
import { newScreen, type Screen } from "./screen.ts";

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
      return await feed(playing, newCutter(newMjpegScanner, newJpegs(playing, screen)), ENDED);
    }
    if (!("VideoDecoder" in globalThis)) {
      const why = isSecureContext ? "It has no WebCodecs." : NOT_SECURE;
      return { kind: "unsupported", why };
    }
    const decoder: Decoder = newDecoder(playing, coding, screen);
    const cut = newCutter(coding.newScanner, (frame) => decoder.take(frame));
    const ending = await feed(playing, (chunk) => cut(chunk) && !decoder.hasFailed(), ENDED);
    decoder.close();
    return ending.kind === "ended" ? await decoder.ending() : ending;
  } finally {
    screen.close();
  }
}

/** Reads the stream to its end, or until `take` has had enough of it. */
async function feed(
  { url, signal, figures }: Playing,
  take: (chunk: Uint8Array) => boolean,
  enough: Ending,
): Promise<Ending> {
  try {
    const response = await fetch(url, { signal, cache: "no-store", credentials: "omit" });
    if (!response.ok || response.body === null) {
      return { kind: "refused", status: response.status, why: (await response.text()).trim() };
    }
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return ENDED;
      }
      figures.bytes += value.length;
      if (!take(value)) {
        await reader.cancel();
        return enough;
      }
    }
  } catch {
    // A connection that breaks ends the stream as well.
    return ENDED;
  }
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
