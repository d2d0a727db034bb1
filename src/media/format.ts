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
  /** What its files' names end with. */
  readonly extension: string;
}

const NAMES: Readonly<Record<Format, Names>> = {
  h264: { title: "H.264", contentType: "video/h264", extension: "h264" },
  h265: { title: "H.265", contentType: "video/h265", extension: "h265" },
  mpegts: { title: "MPEG-TS", contentType: "video/mp2t", extension: "ts" },
  matroska: { title: "Matroska", contentType: "video/x-matroska", extension: "mkv" },
  webm: { title: "WebM", contentType: "video/webm", extension: "webm" },
  flv: { title: "FLV", contentType: "video/x-flv", extension: "flv" },
  mp4: { title: "MP4", contentType: "video/mp4", extension: "mp4" },
  ogg: { title: "Ogg", contentType: "application/ogg", extension: "ogg" },
  aac: { title: "AAC", contentType: "audio/aac", extension: "aac" },
  mp3: { title: "MP3", contentType: "audio/mpeg", extension: "mp3" },
  ivf: { title: "IVF", contentType: "video/x-ivf", extension: "ivf" },
  mjpeg: { title: "Motion JPEG", contentType: "video/x-motion-jpeg", extension: "mjpeg" },
  wav: { title: "WAV", contentType: "audio/wav", extension: "wav" },
  y4m: { title: "YUV4MPEG2", contentType: "video/x-yuv4mpeg", extension: "y4m" },
};

/** Whether `name` is that of a format. */
export function isFormat(name: string): name is Format {
  return Object.hasOwn(NAMES, name);
}

/** The format's name as people write it. */
export function formatTitle(format: Format): string {
  return NAMES[format].title;
}

/** The format's media type, for HTTP. */
export function contentType(format: Format): string {
  return NAMES[format].contentType;
}

/** What the names of files in the format end with. */
export function extension(format: Format): string {
  return NAMES[format].extension;
}
