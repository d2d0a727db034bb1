/**
 * ffprobe as the judge of where frames begin.
 */
import { ffprobe } from "./ffmpeg.ts";

/** Where ffprobe finds the packets of a stream, and which of them are keyframes. */
export async function packets(
  demuxer: string,
  stream: Uint8Array,
): Promise<{ readonly all: readonly number[]; readonly keyframes: readonly number[] }> {
  const show = ["-show_entries", "packet=pos,flags", "-of", "csv=p=0", "-"];
  const rows = (await ffprobe(["-f", demuxer, ...show], stream)).split("\n");
  const keyframes = rows.filter((row) => row.split(",")[1]?.startsWith("K"));
  return { all: rows.map(position), keyframes: keyframes.map(position) };
}

function position(row: string): number {
  return Number.parseInt(row, 10);
}
