/**
 * The formats that are known, and what people and HTTP call them.
 */
export type Format =
  | "h264"
  | "h265"
  | "mpegts"
  | "matroska"
  | "webm"
  | "flv"
  | "mp4"
  | "ogg"
  | "aac"
  | "mp3"
  | "ivf"
  | "mjpeg"
  | "wav"
  | "y4m";

interface Names {
  readonly title: string;
  /**
   * The media type, registered (IANA, "Media Types") where there is one that players know: those of
   * Matroska (RFC 9559) and WAV (RFC 2361) are younger or rarer than the names in use.
   */
  readonly contentType: string;
}

const NAMES: Readonly<Record<Format, Names>> = {
  h264: { title: "H.264", contentType: "video/h264" },
  h265: { title: "H.265", contentType: "video/h265" },
  mpegts: { title: "MPEG-TS", contentType: "video/mp2t" },
  matroska: { title: "Matroska", contentType: "video/x-matroska" },
  webm: { title: "WebM", contentType: "video/webm" },
  flv: { title: "FLV", contentType: "video/x-flv" },
  mp4: { title: "MP4", contentType: "video/mp4" },
  ogg: { title: "Ogg", contentType: "application/ogg" },
  aac: { title: "AAC", contentType: "audio/aac" },
  mp3: { title: "MP3", contentType: "audio/mpeg" },
  ivf: { title: "IVF", contentType: "video/x-ivf" },
  mjpeg: { title: "Motion JPEG", contentType: "video/x-motion-jpeg" },
  wav: { title: "WAV", contentType: "audio/wav" },
  y4m: { title: "YUV4MPEG2", contentType: "video/x-yuv4mpeg" },
};

/** The format's name as people write it. */
export function formatTitle(format: Format): string {
  return NAMES[format].title;
}

/** The format's media type, for HTTP. */
export function contentType(format: Format): string {
  return NAMES[format].contentType;
}
