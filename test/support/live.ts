/**
 * A camera: a stream that comes as fast as it is played.
 */
import type { Program } from "./program.ts";

/** What is held back of each frame, so that no piece of the stream ends where a frame does. */
const HELD_BYTES = 200;

/**
 * Sends raw H.264 of `rate` frames a second at the pace at which it is played, in pieces that end in the middle of frames.
 * Calls `half` when half of the frames are sent.
 */
export async function sendLive(
  stream: Uint8Array,
  rate: number,
  to: Program,
  half: () => void,
): Promise<void> {
  const input = ["-re", "-f", "h264", "-framerate", String(rate), "-i", "-"];
  const output = ["-c", "copy", "-flush_packets", "1", "-f", "h264", "-"];
  const paced = Bun.spawn(["ffmpeg", "-v", "error", ...input, ...output], {
    stdin: stream,
    stdout: "pipe",
    stderr: "inherit",
  });
  let held: Uint8Array = new Uint8Array(0);
  let sent = 0;
  for await (const chunk of paced.stdout) {
    const bytes = Buffer.concat([held, chunk]);
    const length = Math.max(bytes.length - HELD_BYTES, 0);
    held = bytes.subarray(length);
    await to.write(bytes.subarray(0, length));
    sent += length;
    if (sent > stream.length / 2) {
      half();
    }
  }
  await to.write(held);
  await to.end();
}
