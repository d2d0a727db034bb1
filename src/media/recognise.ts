/**
 * Tells a stream's format from its first bytes.
 *
 * A stream announces its format by a signature (Matroska, Ogg, …) or only by a structure that
 * repeats (MPEG-TS, ADTS, MP3). A signature is believed as soon as it is complete. A structure is
 * believed once it has repeated, because a sync word alone also occurs in noise. Everything is looked
 * for at the very start: the middle of any stream may look like another format.
 */
import { PROBE_MAX_BYTES } from "../core/limits.ts";
import { aacEvidence, h264Verdict, h265Verdict, mp3Evidence, newNalEvidence } from "./codecs.ts";
import { docTypeEvidence, mp4Evidence, mpegTsEvidence } from "./containers.ts";
import { allOf, anyOf, textEvidence, type Evidence } from "./evidence.ts";
import type { Format } from "./format.ts";

/**
 * Bytes of a stream that suffice to know its format, but for rare ones. A client that knows none by
 * then shows none. The longest evidence is that of AAC and MP3: an ID3 tag and two frames, of at most
 * some 1.5 KB each for stereo.
 */
export const PROBE_BYTES = 4096;

/**
 * Looks at the stream's first bytes, of which there may be more each time. Says the format as soon as
 * it is known, "unknown" as soon as no further byte can tell it, and undefined until then.
 */
export type Probe = (head: Uint8Array) => Format | "unknown" | undefined;

/** What `head` says; no more than `reach` bytes of the stream are ever looked at. */
type Look = (head: Uint8Array, reach: number) => Evidence;

interface Recogniser {
  readonly format: Format;
  readonly newLook: () => Look;
}

/** In detection order: signatures first, then structures from the strictest to the loosest. */
const RECOGNISERS: readonly Recogniser[] = [
  stateless("matroska", (head) => docTypeEvidence(head, "matroska")),
  stateless("webm", (head) => docTypeEvidence(head, "webm")),
  stateless("flv", (head) => textEvidence(head, 0, "FLV\u0001")),
  stateless("mp4", mp4Evidence),
  stateless("ogg", (head) => textEvidence(head, 0, "OggS")),
  stateless("ivf", (head) => textEvidence(head, 0, "DKIF")),
  stateless("wav", isWav),
  stateless("y4m", (head) => textEvidence(head, 0, "YUV4MPEG2")),
  stateless("mjpeg", (head) => textEvidence(head, 0, "\u00ff\u00d8\u00ff")),
  { format: "h264", newLook: () => newNalEvidence(h264Verdict) },
  { format: "h265", newLook: () => newNalEvidence(h265Verdict) },
  stateless("mpegts", mpegTsEvidence),
  stateless("aac", aacEvidence),
  stateless("mp3", mp3Evidence),
];

/**
 * A probe of one stream, of at most `reach` bytes. What was ruled out, and what was searched, is not
 * looked at again: however often it is asked, it reads a stream once.
 */
export function newProbe(reach: number = PROBE_MAX_BYTES): Probe {
  let open = RECOGNISERS.map(({ format, newLook }) => ({ format, look: newLook() }));
  return (head) => {
    const seen = head.subarray(0, reach);
    const answers = open.map((candidate) => candidate.look(seen, reach));
    const known = open[answers.indexOf(true)];
    open = open.filter((_, index) => answers[index] !== false);
    if (known !== undefined) {
      return known.format;
    }
    return open.length === 0 || seen.length >= reach ? "unknown" : undefined;
  };
}

/**
 * The format of the stream that begins with `head`, or undefined where it is not known, or not yet.
 * The caller may ask again as more bytes come, up to {@link PROBE_BYTES}; the bytes beyond that are
 * not looked at.
 */
export function recognise(head: Uint8Array): Format | undefined {
  const answer = newProbe(PROBE_BYTES)(head);
  return answer === "unknown" ? undefined : answer;
}

function stateless(format: Format, look: Look): Recogniser {
  return { format, newLook: () => look };
}

function isWav(head: Uint8Array): Evidence {
  const form = anyOf(...["RIFF", "RF64", "BW64"].map((id) => textEvidence(head, 0, id)));
  return allOf(form, textEvidence(head, 8, "WAVE"));
}
