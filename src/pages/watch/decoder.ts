/**
 * A decoder of WebCodecs that stays live.
 *
 *     keyframe ──► configured ──► decoding ──too far behind──► gap: frames are left out
 *                      ▲                                        │
 *                      └───────────── next keyframe ────────────┘
 *
 * A frame's timestamp is when it came, in microseconds, so that a picture tells its own delay.
 */
import type { Coding } from "./codecs.ts";
import type { Frame } from "./frames.ts";
import type { Playing } from "./player.ts";
import type { Screen } from "./screen.ts";

export interface Decoder {
  take(frame: Frame): void;
  hasFailed(): boolean;
  /** Why it has not shown one picture; undefined where it has, or where nothing failed. */
  refusal(): Promise<string | undefined>;
  close(): void;
}

/** Milliseconds behind the stream after which frames are left out. */
const LATE_MS = 1_000;

/**
 * Milliseconds after a start in which it may be late: what comes first is all since the last keyframe, at
 * once.
 */
const CATCH_UP_MS = 3_000;

/** Frames in the decoder's queue beyond which it is too late in any case. */
const QUEUE_MAX = 900;

/** A decoder at work, and how far it is. */
interface Run {
  readonly codec: string;
  readonly decoder: VideoDecoder;
  readonly startedAt: number;
  /** When the newest frame came that has been decoded. */
  decodedTo: number;
  hasPicture: boolean;
}

const UNSUPPORTED: VideoDecoderSupport = { supported: false };

export function newDecoder({ figures }: Playing, coding: Coding, screen: Screen): Decoder {
  let run: Run | undefined;
  let hasPlayed = false;
  let hasFailed = false;
  const codecs = new Set<string>();

  const stop = (): void => {
    hasPlayed ||= run?.hasPicture === true;
    if (run !== undefined && run.decoder.state !== "closed") {
      run.decoder.close();
    }
    run = undefined;
  };

  const start = (codec: string): void => {
    stop();
    codecs.add(codec);
    figures.decoder = `WebCodecs, ${codec}`;
    run = startRun(codec, screen, () => {
      hasFailed = true;
    });
  };

  const leaveOutLate = (): void => {
    if (run !== undefined && isLate(run)) {
      figures.dropped += run.decoder.decodeQueueSize;
      stop();
    }
  };

  return {
    take(frame) {
      leaveOutLate();
      if (frame.setup !== undefined) {
        const codec = coding.codecOf(frame) ?? run?.codec;
        if (codec !== undefined && codec !== run?.codec) {
          start(codec);
        }
      } else if (run === undefined) {
        figures.dropped += hasPlayed ? 1 : 0;
      }
      try {
        run?.decoder.decode(chunkOf(frame, coding));
      } catch {
        // It has failed before, or does not take where an intra refresh begins for a start.
        hasFailed = true;
      }
    },
    hasFailed: () => hasFailed,
    refusal: async () => (hasFailed && !hasPlayed ? refusalOf(codecs) : undefined),
    close: stop,
  };
}

function startRun(codec: string, screen: Screen, failed: () => void): Run {
  const decoder = new VideoDecoder({
    output(image) {
      run.hasPicture = true;
      run.decodedTo = image.timestamp / 1_000;
      const { displayWidth: width, displayHeight: height } = image;
      screen.show({ image, width, height, arrivedAt: run.decodedTo });
    },
    error: failed,
  });
  const startedAt = performance.now();
  const run: Run = { codec, decoder, startedAt, decodedTo: startedAt, hasPicture: false };
  decoder.configure({ codec, optimizeForLatency: true });
  return run;
}

async function refusalOf(codecs: ReadonlySet<string>): Promise<string> {
  for (const codec of codecs) {
    const { supported } = await VideoDecoder.isConfigSupported({ codec }).catch(() => UNSUPPORTED);
    if (supported !== true) {
      return `It has no decoder for ${codec}.`;
    }
  }
  return "Its decoder refuses this stream.";
}

function isLate({ decoder, startedAt, decodedTo }: Run): boolean {
  const now = performance.now();
  const queue = decoder.decodeQueueSize;
  const isStarting = now - startedAt < CATCH_UP_MS;
  return queue > QUEUE_MAX || (queue > 1 && !isStarting && now - decodedTo > LATE_MS);
}

function chunkOf(frame: Frame, coding: Coding): EncodedVideoChunk {
  return new EncodedVideoChunk({
    type: frame.setup === undefined ? "delta" : "key",
    timestamp: Math.round(frame.arrivedAt * 1_000),
    data: coding.payloadOf(frame),
  });
}
