/**
 * Every format scanner, with a stream for it.
 */
import { formatTitle, type Format as Known } from "../../src/media/format.ts";
import { traitsOf } from "../../src/media/formats.ts";
import type { NewScanner } from "../../src/media/scanner.ts";

export interface Format {
  readonly name: string;
  readonly newScanner: NewScanner;
  /** How ffmpeg makes a stream of some megabytes, to stdout. */
  readonly make: string;
}

const PICTURE = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=4,format=yuv420p";
const SOUND = "-f lavfi -i anoisesrc=sample_rate=48000:duration=4";
const LONG_SOUND = "-f lavfi -i anoisesrc=sample_rate=48000:duration=60";
const BOTH = `${PICTURE} ${SOUND} -shortest`;
const X264 = "-c:v libx264 -preset ultrafast -g 25 -b:v 8M -minrate 8M";
const X265 = "-c:v libx265 -preset ultrafast -b:v 8M -x265-params log-level=error:keyint=25";
const VPX = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 8M -g 25";
const MP4 = "-movflags frag_keyframe+empty_moov+default_base_moof -f mp4";

export const FORMATS: readonly Format[] = [
  of("h264", `${PICTURE} ${X264} -f h264 -`),
  of("h265", `${PICTURE} ${X265} -f hevc -`),
  of("mpegts", `${BOTH} ${X264} -c:a aac -f mpegts -`),
  of("matroska", `${BOTH} ${X264} -c:a aac -f matroska -`),
  of("webm", `${BOTH} ${VPX} -c:a libopus -f webm -`),
  of("flv", `${BOTH} ${X264} -c:a aac -ar 44100 -f flv -`),
  of("mp4", `${BOTH} ${X264} -c:a aac ${MP4} -`),
  of("ogg", `${BOTH} -c:v libtheora -q:v 9 -g 25 -c:a libvorbis -f ogg -`),
  of("aac", `${LONG_SOUND} -c:a aac -b:a 160k -f adts -`),
  of("mp3", `${LONG_SOUND} -c:a libmp3lame -b:a 192k -f mp3 -`),
  of("ivf", `${PICTURE} ${VPX} -f ivf -`),
  of("mjpeg", `${PICTURE} -c:v mjpeg -q:v 3 -f mjpeg -`),
  of("wav", `${LONG_SOUND} -f wav -`),
  of("y4m", `${PICTURE} -f yuv4mpegpipe -`),
];

function of(format: Known, make: string): Format {
  return { name: formatTitle(format), newScanner: traitsOf(format).newScanner, make };
}
