/**
 * Short streams of every format that the relay knows, for those who mutate them.
 */
import { join } from "node:path";
import { ffmpeg } from "../media/ffmpeg.ts";
import { film } from "../hub/film.ts";
import { ROWS } from "../relay/rows.ts";
import { tool } from "../support/tools.ts";

/** Bytes of a stream that are kept: some keyframes, and not so many that mutations get lost in them. */
const SAMPLE_BYTES = 48 * 1024;

/** Writes the samples to `folder`: all that ffmpeg can make here, and one that needs no ffmpeg. */
export async function writeSamples(folder: string): Promise<void> {
  await Bun.write(join(folder, "film.ivf"), Buffer.concat(film(40, 10, 500)));
  if (tool("ffmpeg") === undefined) {
    return;
  }
  await Promise.all(
    ROWS.map(async ({ make }, index) => {
      const short = make.replaceAll("duration=6", "duration=1").replaceAll("320x240", "96x64");
      const stream = await ffmpeg([...short.split(" "), "-"]);
      const name = String(index).padStart(2, "0");
      await Bun.write(join(folder, name), stream.subarray(0, SAMPLE_BYTES));
    }),
  );
}
