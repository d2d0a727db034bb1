/**
 * Recognition of what real encoders and muxers write, at every length that a first read may have.
 */
import { expect, test } from "bun:test";
import type { Format } from "../../src/media/format.ts";
import { newProbe, PROBE_BYTES, recognise } from "../../src/media/recognise.ts";
import { describeWith } from "../support/tools.ts";
import { ffmpeg } from "./ffmpeg.ts";

const PICTURE = "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1,format=yuv420p";
const SOUND = "-f lavfi -i sine=frequency=440:duration=1";
const BOTH = `${PICTURE} ${SOUND}`;

const X265 = "-c:v libx265 -x265-params log-level=error";
const BARE_MP3 = "-c:a libmp3lame -write_xing 0 -id3v2_version 0 -f mp3";
const LIVE_MP4 = "-movflags frag_keyframe+empty_moov+default_base_moof";

/** A format, what ffmpeg reads, what it shall make of it, and how many bytes of that suffice. */
type Case = readonly [format: Format, input: string, output: string, enough: number];

const CASES: readonly Case[] = [
  ["h264", PICTURE, "-c:v libx264 -f h264", 8],
  ["h264", PICTURE, "-c:v libx264 -profile:v baseline -x264-params aud=1 -f h264", 8],
  ["h265", PICTURE, `${X265} -f hevc`, 8],
  ["h265", PICTURE, `${X265}:aud=1 -f hevc`, 8],
  ["mpegts", BOTH, "-c:v libx264 -c:a aac -f mpegts", 194],
  ["mpegts", SOUND, "-c:a mp2 -f mpegts", 194],
  ["matroska", BOTH, "-c:v libx264 -c:a aac -f matroska", 64],
  ["webm", BOTH, "-c:v libvpx -c:a libopus -f webm", 64],
  ["flv", BOTH, "-c:v libx264 -c:a aac -f flv", 4],
  ["mp4", BOTH, `-c:v libx264 -c:a aac ${LIVE_MP4} -f mp4`, 8],
  ["mp4", PICTURE, `-c:v libx264 ${LIVE_MP4} -f ismv`, 8],
  ["ogg", SOUND, "-c:a libvorbis -f ogg", 4],
  ["ogg", SOUND, "-c:a libopus -f ogg", 4],
  ["aac", SOUND, "-c:a aac -f adts", 1000],
  ["aac", SOUND, "-ac 2 -c:a aac -b:a 256k -f adts", 2000],
  ["aac", SOUND, "-c:a aac -write_id3v2 1 -f adts", 1000],
  ["mp3", SOUND, "-c:a libmp3lame -f mp3", 1000],
  ["mp3", SOUND, `-b:a 320k ${BARE_MP3}`, 1100],
  ["mp3", SOUND, `-ar 22050 ${BARE_MP3}`, 1000],
  ["mp3", SOUND, `-ar 8000 ${BARE_MP3}`, 1000],
  ["ivf", PICTURE, "-c:v libvpx -f ivf", 4],
  ["mjpeg", PICTURE, "-pix_fmt yuvj420p -c:v mjpeg -f mjpeg", 3],
  ["wav", SOUND, "-f wav", 12],
  ["y4m", PICTURE, "-f yuv4mpegpipe", 9],
];

/** The answers for the first 0, 1, 2, … bytes of the stream, as far as recognition looks. */
function answers(stream: Uint8Array): readonly (Format | undefined)[] {
  const lengths = Math.min(stream.length, PROBE_BYTES) + 1;
  return Array.from({ length: lengths }, (_, length) => recognise(stream.subarray(0, length)));
}

/** The answers of one probe that is asked again with every few bytes, without the repeated ones. */
function probed(stream: Uint8Array): readonly unknown[] {
  const probe = newProbe();
  const said = new Set<unknown>();
  for (let length = 0; length <= Math.min(stream.length, PROBE_BYTES); length += 7) {
    said.add(probe(stream.subarray(0, length)));
  }
  return [...said];
}

describeWith("ffmpeg", "recognise, of what ffmpeg makes", () => {
  for (const [format, input, output, enough] of CASES) {
    test(`knows ${format} from byte ${enough} on and is never wrong before: ${output}`, async () => {
      const stream = await ffmpeg([...`${input} ${output}`.split(" "), "-"]);
      const all = answers(stream);
      const known = all.findIndex((answer) => answer !== undefined);
      expect(new Set(all.slice(known))).toEqual(new Set([format]));
      expect(known).toBeWithin(1, enough + 1);
      expect(probed(stream)).toEqual([undefined, format]);
    }, 20_000);
  }
});
