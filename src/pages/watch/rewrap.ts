/**
 * Plays raw H.264 where WebCodecs does not, as on every page from another machine without https://: in
 * FLV, by mpegts.js. Its times are when the frames came, so a stream with B-frames is uneven.
 *
 *     HTTP ──► frames.ts ──► flv.ts ──► mpegts.js ──► video element
 */
import "./buffer.ts";
import mpegts from "mpegts.js";
import { newH264Scanner } from "../../media/h264.ts";
import { newFlvWriter } from "./flv.ts";
import { newCutter, withSetup, type Frame } from "./frames.ts";
import { playByMpegts } from "./mpegts.ts";
import type { Ending, Playing } from "./player.ts";
import { readStream } from "./stream.ts";

export async function playRewrapped(playing: Playing): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const customLoader = newLoaderClass(playing, resolve);
  const media = { type: "flv", isLive: true, hasAudio: false, url: playing.url };
  return playByMpegts(playing, media, { customLoader }, promise);
}

/** mpegts.js makes its loader itself, of a class. */
function newLoaderClass(playing: Playing, over: (ending: Ending) => void) {
  return class extends mpegts.BaseLoader {
    readonly stop: AbortController = new AbortController();
    isOpen = false;

    constructor() {
      super("fstream");
    }

    override open(): void {
      this.isOpen = true;
      const write = newFlvWriter();
      let hasKey = false;
      let sent = 0;
      let time = 0;
      const began = performance.now();
      const take = (frame: Frame): void => {
        const isKey = frame.setup !== undefined;
        hasKey ||= isKey;
        if (hasKey && !this.stop.signal.aborted) {
          // What comes at once is shown at once, but one after the other.
          time = Math.max(time + 1, Math.round(frame.arrivedAt - began));
          const bytes = write(withSetup(frame), isKey, time);
          this.onDataArrival(bytes.slice().buffer, sent, sent + bytes.length);
          sent += bytes.length;
        }
      };
      const signal = AbortSignal.any([playing.signal, this.stop.signal]);
      void readStream({ ...playing, signal }, newCutter(newH264Scanner, take)).then(over);
    }

    override abort(): void {
      this.isOpen = false;
      this.stop.abort();
    }

    override isWorking(): boolean {
      return this.isOpen;
    }

    override destroy(): void {
      this.stop.abort();
      super.destroy();
    }
  };
}
