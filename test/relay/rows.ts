/**
 * One stream for every row of what the relay knows, made by real encoders: what all of it is tested
 * with from socket to socket.
 */
import { newMp3Scanner } from "../../src/media/mp3.ts";
import type { NewScanner } from "../../src/media/scanner.ts";
import { streamOf } from "../media/contract.ts";
import type { Judge } from "../media/oracle.ts";

export interface Row {
  readonly title: string;
  /** ffmpeg's arguments, without those that name stdout. */
  readonly make: string;
  readonly judge: Judge;
  /** How often that is sent in a row, where the encoder is slow; once where it is left out. */
  readonly times?: number;
  /**
   * Where a skip adds a silent frame of its own, which keeps what was before out of what comes: the
   * scanner that tells which.
   */
  readonly silence?: NewScanner;
}

const PICTURE = "-f lavfi -i testsrc2=size=320x240:rate=30:duration=6,format=yuv420p";
const SOUND = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=6";
const BOTH = `${PICTURE} ${SOUND} -shortest`;
const X264 = "-c:v libx264 -preset veryfast -g 15";
const X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=15";

function decoded(title: string, demuxer: string, make: string): Row {
  return { title, make, judge: { demuxer, compare: "decoded", map: "v" } };
}

function heard(title: string, demuxer: string, make: string): Row {
  return { title, make, judge: { demuxer, compare: "packets", map: "a" } };
}

/** The stream of a row, whole. */
export async function streamOfRow(row: Row): Promise<Uint8Array> {
  const part = await streamOf(row);
  return row.times === undefined ? part : Buffer.concat(Array(row.times).fill(part));
}

export const ROWS: readonly Row[] = [
  decoded("H.264", "h264", `${PICTURE} ${X264} -f h264`),
  decoded(
    "H.264, four slices and delimiters",
    "h264",
    `${PICTURE} ${X264} -x264-params slices=4:aud=1 -f h264`,
  ),
  decoded(
    "H.264, parameter sets but once",
    "h264",
    `${PICTURE} ${X264} -x264-params repeat-headers=0 -flags +global_header -bsf:v dump_extra=k -f h264`,
  ),
  decoded("H.264, zero latency", "h264", `${PICTURE} ${X264} -tune zerolatency -f h264`),
  decoded("H.264, many B-frames", "h264", `${PICTURE} ${X264} -bf 4 -b_strategy 0 -f h264`),
  decoded(
    "H.264, interlaced",
    "h264",
    `${PICTURE} ${X264} -flags +ildct+ilme -x264-params tff=1 -f h264`,
  ),
  decoded(
    "H.264, open GOP",
    "h264",
    `${PICTURE} ${X264} -x264-params open-gop=1:b-pyramid=none:bframes=2 -f h264`,
  ),
  decoded(
    "H.264, intra refresh",
    "h264",
    `${PICTURE} ${X264} -tune zerolatency -x264-params intra-refresh=1 -f h264`,
  ),
  decoded("H.265", "hevc", `${PICTURE} ${X265}:open-gop=0 -f hevc`),
  decoded("H.265, open GOP", "hevc", `${PICTURE} ${X265}:open-gop=1 -f hevc`),
  decoded("MPEG-TS, H.264 and AAC", "mpegts", `${BOTH} ${X264} -c:a aac -f mpegts`),
  decoded("MPEG-TS, H.265 and AAC", "mpegts", `${BOTH} ${X265}:open-gop=0 -c:a aac -f mpegts`),
  heard("MPEG-TS, AAC alone", "mpegts", `${SOUND} -c:a aac -f mpegts`),
  decoded("Matroska, H.264 and AAC", "matroska", `${BOTH} ${X264} -c:a aac -f matroska`),
  decoded(
    "WebM, VP8 and Opus",
    "matroska",
    `${BOTH} -c:v libvpx -deadline realtime -cpu-used 8 -g 15 -c:a libopus -f webm`,
  ),
  decoded(
    "WebM, VP9",
    "matroska",
    `${PICTURE} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 15 -f webm`,
  ),
  decoded("FLV, H.264 and AAC", "flv", `${BOTH} ${X264} -c:a aac -f flv`),
  decoded(
    "MP4, a fragment a keyframe",
    "mp4",
    `${BOTH} ${X264} -c:a aac -movflags frag_keyframe+empty_moov -f mp4`,
  ),
  decoded(
    "MP4, offsets from the fragment",
    "mp4",
    `${BOTH} ${X264} -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof -f mp4`,
  ),
  decoded(
    "MP4, a fragment a frame",
    "mp4",
    `${BOTH} ${X264} -c:a aac -movflags frag_every_frame+empty_moov -f mp4`,
  ),
  heard("Ogg, Vorbis", "ogg", `${SOUND} -c:a libvorbis -f ogg`),
  heard("Ogg, Opus", "ogg", `${SOUND} -ar 48000 -c:a libopus -page_duration 200000 -f ogg`),
  decoded("Ogg, Theora and Vorbis", "ogg", `${BOTH} -c:v libtheora -g 15 -c:a libvorbis -f ogg`),
  heard("ADTS", "aac", `${SOUND} -c:a aac -f adts`),
  heard("MP3", "mp3", `${SOUND} -c:a libmp3lame -f mp3`),
  decoded(
    "IVF, VP9",
    "ivf",
    `${PICTURE} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 15 -f ivf`,
  ),
  decoded("Motion JPEG", "mjpeg", `${PICTURE} -c:v mjpeg -q:v 10 -f mjpeg`),
  heard("WAV", "wav", `${SOUND} -f wav`),
  decoded(
    "YUV4MPEG2",
    "yuv4mpegpipe",
    `-f lavfi -i testsrc2=size=64x48:rate=10:duration=3,format=yuv420p -f yuv4mpegpipe`,
  ),
];

/** Pictures that do not compress, so that a few seconds are tens of megabytes. */
const DENSE =
  "-f lavfi -i testsrc2=size=320x240:rate=30:duration=18,noise=alls=80:allf=t,format=yuv420p";
const SHORT =
  "-f lavfi -i anoisesrc=sample_rate=48000:duration=30:color=white,aformat=channel_layouts=stereo";
const LONG =
  "-f lavfi -i anoisesrc=sample_rate=48000:duration=360:color=white,aformat=channel_layouts=stereo";
const DENSE_BOTH = `${DENSE} -f lavfi -i anoisesrc=sample_rate=48000:duration=18 -shortest`;
const FAST264 = "-c:v libx264 -preset ultrafast -tune zerolatency -g 10 -b:v 16M";
const FAST265 = "-c:v libx265 -preset ultrafast -b:v 16M -x265-params log-level=error:keyint=10";
const FASTVP8 = "-c:v libvpx -deadline realtime -cpu-used 16 -g 10 -b:v 16M";

/** Streams with bytes enough for a slow watcher to skip many times, whatever the kernel holds for it. */
export const DENSE_ROWS: readonly Row[] = [
  decoded("H.264", "h264", `${DENSE} ${FAST264} -f h264`),
  decoded(
    "H.264, slices and B-frames",
    "h264",
    `${DENSE} -c:v libx264 -preset superfast -bf 3 -g 10 -b:v 16M -x264-params slices=4:aud=1 -f h264`,
  ),
  decoded("H.265", "hevc", `${DENSE} ${FAST265}:open-gop=0 -f hevc`),
  decoded("H.265, open GOP", "hevc", `${DENSE} ${FAST265}:open-gop=1:bframes=3 -f hevc`),
  decoded("MPEG-TS, H.264 and AAC", "mpegts", `${DENSE_BOTH} ${FAST264} -c:a aac -f mpegts`),
  decoded(
    "MPEG-TS, H.265 and AAC",
    "mpegts",
    `${DENSE_BOTH} ${FAST265}:open-gop=0 -c:a aac -f mpegts`,
  ),
  decoded("Matroska, H.264 and AAC", "matroska", `${DENSE_BOTH} ${FAST264} -c:a aac -f matroska`),
  decoded("WebM, VP8 and Opus", "matroska", `${DENSE_BOTH} ${FASTVP8} -c:a libopus -f webm`),
  decoded("FLV, H.264 and AAC", "flv", `${DENSE_BOTH} ${FAST264} -c:a aac -f flv`),
  decoded(
    "MP4, a fragment a keyframe",
    "mp4",
    `${DENSE_BOTH} ${FAST264} -g 2 -c:a aac -movflags frag_keyframe+empty_moov -f mp4`,
  ),
  decoded(
    "MP4, a fragment a frame",
    "mp4",
    `${DENSE_BOTH} ${FAST264} -c:a aac -movflags frag_every_frame+empty_moov+default_base_moof -f mp4`,
  ),
  decoded("Ogg, Theora", "ogg", `${DENSE} -c:v libtheora -g 10 -q:v 9 -f ogg`),
  heard("Ogg, Vorbis", "ogg", `${LONG} -c:a libvorbis -q:a 9 -f ogg`),
  {
    ...heard("ADTS", "aac", `${SHORT} -c:a aac -b:a 320k -f adts`),
    times: 16,
  },
  {
    ...heard(
      "MP3",
      "mp3",
      `${SHORT} -c:a libmp3lame -b:a 320k -write_xing 0 -id3v2_version 0 -f mp3`,
    ),
    times: 16,
    silence: newMp3Scanner,
  },
  decoded("IVF, VP8", "ivf", `${DENSE} ${FASTVP8} -qmax 20 -f ivf`),
  decoded("Motion JPEG", "mjpeg", `${DENSE} -c:v mjpeg -q:v 4 -f mjpeg`),
  heard("WAV", "wav", `${LONG} -f wav`),
];
