/**
 * Transport streams as encoders write them, and a look at what ffmpeg says of one in passing.
 */
import type { Sample } from "./contract.ts";

const PICTURES = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=3";
/** Noise, so that no two packets of sound are the same. */
const SOUND = "-f lavfi -i anoisesrc=duration=3:seed=1";
const H264 = "-pix_fmt yuv420p -c:v libx264 -preset veryfast -g 25";
const H265 =
  "-pix_fmt yuv420p -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25";

/** Pictures a second and between two keyframes, and seconds, of each sample with pictures. */
export const GROUP = 25;
export const GROUPS = 3;

export const X264: Sample = {
  title: "H.264 and AAC",
  make: `${PICTURES} ${SOUND} ${H264} -c:a aac -f mpegts`,
};

export const X264_OPEN: Sample = {
  title: "H.264 with open groups",
  make: `${PICTURES} ${SOUND} ${H264} -x264-params open-gop=1:bframes=3:b-adapt=0 -c:a aac -f mpegts`,
};

export const MPEG2_OPEN: Sample = {
  title: "MPEG-2 video with open groups",
  make: `${PICTURES} ${SOUND} -c:v mpeg2video -g 25 -bf 2 -c:a mp2 -f mpegts`,
};

export const H265_OPEN: Sample = {
  title: "H.265 with open groups",
  make: `${PICTURES} ${SOUND} ${H265}:open-gop=1:bframes=4:b-adapt=2:scenecut=0 -c:a aac -f mpegts`,
};

/** Those in which every keyframe is a place where a decoder can go on. */
export const CLEAN: readonly Sample[] = [
  X264,
  { title: "H.265 and AAC", make: `${PICTURES} ${SOUND} ${H265}:open-gop=0 -c:a aac -f mpegts` },
  H265_OPEN,
  {
    title: "MPEG-2 video and MP2",
    make: `${PICTURES} ${SOUND} -c:v mpeg2video -g 25 -c:a mp2 -f mpegts`,
  },
  { title: "H.264 alone", make: `${PICTURES} ${H264} -f mpegts` },
  {
    title: "H.264 without B pictures, headers sent again",
    make: `${PICTURES} ${SOUND} ${H264} -bf 0 -c:a aac -mpegts_flags +resend_headers -f mpegts`,
  },
  {
    title: "H.264 at a constant rate",
    make: `${PICTURES} ${SOUND} ${H264} -b:v 600k -c:a aac -muxrate 2M -f mpegts`,
  },
  {
    title: "H.264 with its tables at the beginning alone",
    make: `${PICTURES} ${SOUND} ${H264} -c:a aac -pat_period 10 -sdt_period 10 -f mpegts`,
  },
];

export const AUDIO: readonly Sample[] = [
  { title: "AAC", make: `${SOUND} -c:a aac -f mpegts` },
  { title: "MP3", make: `${SOUND} -c:a libmp3lame -f mpegts` },
];

export const PROGRAMS: Sample = {
  title: "two programs",
  make: `${PICTURES} ${SOUND} ${PICTURES} ${SOUND} -map 0 -map 1 -map 2 -map 3 ${H264} -c:a aac -program title=a:st=0:st=1 -program title=b:st=2:st=3 -f mpegts`,
};

/** What ffmpeg says of loss when it is asked to say everything. */
export async function losses(stream: Uint8Array): Promise<string[]> {
  const command = ["ffmpeg", "-v", "debug", "-f", "mpegts", "-i", "-", "-map", "0", "-c", "copy"];
  const child = Bun.spawn([...command, "-f", "null", "-"], {
    stdin: stream,
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await child.stderr.text();
  return said.split("\n").filter((line) => /continuity|corrupt|mismatch/i.test(line));
}

/** The packets of a stream that begins with one. */
export function packetsOf(stream: Uint8Array): Uint8Array[] {
  const count = Math.floor(stream.length / 188);
  return Array.from({ length: count }, (_, index) => stream.slice(index * 188, (index + 1) * 188));
}

export function pidOf(packet: Uint8Array): number {
  return (((packet[1] ?? 0) & 0x1f) << 8) | (packet[2] ?? 0);
}

/** The PIDs that ffmpeg gives to the first and the second stream. */
export const VIDEO_PID = 256;
export const SOUND_PID = 257;
