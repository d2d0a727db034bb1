/**
 * GStreamer, a second reader of what a watcher receives.
 */

/**
 * How many pictures of `width` × `height` in 4:2:0 come out of `pipeline`. Throws where GStreamer fails
 * or complains.
 */
export async function decodedPictures(
  pipeline: string,
  size: { readonly width: number; readonly height: number },
  stream: Uint8Array,
): Promise<number> {
  const whole = `fdsrc fd=0 ! ${pipeline} ! videoconvert ! video/x-raw,format=I420 ! fdsink fd=1`;
  const child = Bun.spawn(["gst-launch-1.0", "-q", ...whole.split(" ")], {
    stdin: stream,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, complaints, code] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0 || complaints !== "") {
    throw new Error(`${whole} ended with ${code}: ${complaints}`);
  }
  return output.length / (size.width * size.height * 1.5);
}
