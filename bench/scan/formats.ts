/**
 * Every format scanner, with a stream for it.
 */
import { newIvfScanner } from "../../src/media/ivf.ts";
import type { NewScanner } from "../../src/media/scanner.ts";

export interface Format {
  readonly name: string;
  readonly newScanner: NewScanner;
  /** How ffmpeg makes a stream of some megabytes, to stdout. */
  readonly make: string;
}

const PICTURE = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=4,format=yuv420p";

export const FORMATS: readonly Format[] = [
  {
    name: "IVF",
    newScanner: newIvfScanner,
    make: `${PICTURE} -c:v libvpx -deadline realtime -cpu-used 8 -b:v 8M -g 25 -f ivf -`,
  },
];
