/**
 * The demo's two ends: a source that plays the clip in a loop at its own frame rate, and a sink
 * that compares every byte with the clip and times every frame.
 */
import { Readable, Writable } from "node:stream";

/**
 * Frames whose way is being timed. Beyond it the oldest is forgotten, so that a watcher that hangs
 * costs nothing.
 */
const FRAMES_ON_THE_WAY = 10_000;

/** What has been found out so far. */
export interface Findings {
  framesSent: number;
  bytesSent: number;
  framesBack: number;
  bytesBack: number;
  /** The offset at which something else came back than was sent. */
  wrongAt: number | undefined;
  /** Milliseconds from source to sink, a frame each; the newest last. */
  readonly delays: number[];
}

export interface Loop {
  readonly source: Readable;
  readonly sink: Writable;
  readonly findings: Findings;
  /** Sends the first frame, and from then on each one when it is due. */
  start(): void;
  /** Ends the source after the present frame. */
  stop(): void;
}

/** Plays `frames` in a loop, `fps` of them a second. */
export function newLoop(frames: readonly Uint8Array[], fps: number): Loop {
  const clip = Buffer.concat(frames);
  const findings: Findings = {
    framesSent: 0,
    bytesSent: 0,
    framesBack: 0,
    bytesBack: 0,
    wrongAt: undefined,
    delays: [],
  };
  const onTheWay: { end: number; sentAt: number }[] = [];
  const source = new Readable({ read() {} });
  let startedAt = 0;
  let timer: Timer | undefined;

  const sendFrame = (): void => {
    const frame = frames[findings.framesSent % frames.length] ?? clip;
    findings.framesSent++;
    findings.bytesSent += frame.length;
    onTheWay.push({ end: findings.bytesSent, sentAt: performance.now() });
    if (onTheWay.length > FRAMES_ON_THE_WAY) {
      onTheWay.shift();
    }
    source.push(frame);
    // Due times follow from the start, so that lateness does not add up.
    const due = startedAt + (findings.framesSent * 1_000) / fps;
    timer = setTimeout(sendFrame, Math.max(due - performance.now(), 0));
  };

  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      compare(chunk, clip, findings);
      findings.bytesBack += chunk.length;
      while (onTheWay[0] !== undefined && onTheWay[0].end <= findings.bytesBack) {
        findings.delays.push(performance.now() - onTheWay[0].sentAt);
        findings.framesBack++;
        onTheWay.shift();
      }
      done();
    },
  });
  return {
    source,
    sink,
    findings,
    start() {
      startedAt = performance.now();
      sendFrame();
    },
    stop() {
      clearTimeout(timer);
      source.push(null);
    },
  };
}

/** Compares `chunk`, which came back after `bytesBack` bytes, with the clip played in a loop. */
function compare(chunk: Buffer, clip: Buffer, findings: Findings): void {
  for (let from = 0; from < chunk.length && findings.wrongAt === undefined;) {
    const at = (findings.bytesBack + from) % clip.length;
    const length = Math.min(chunk.length - from, clip.length - at);
    if (chunk.compare(clip, at, at + length, from, from + length) !== 0) {
      findings.wrongAt = findings.bytesBack + from;
    }
    from += length;
  }
}
