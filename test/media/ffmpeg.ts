/**
 * Runs ffmpeg, the maker and the judge of the streams in these tests.
 */

/**
 * What ffmpeg writes to its stdout when it is called with `args`, and with `input` on its stdin. It throws where ffmpeg
 * fails, and also where it only complains: a decoder hides a damaged picture and says so on stderr.
 */
export async function ffmpeg(args: readonly string[], input?: Uint8Array): Promise<Uint8Array> {
  return await run(["ffmpeg", "-v", "error", ...args], input);
}

/** What ffprobe, which comes with ffmpeg, writes about a stream. */
export async function ffprobe(args: readonly string[], input?: Uint8Array): Promise<string> {
  const output = await run(["ffprobe", "-v", "error", ...args], input);
  return new TextDecoder().decode(output).trim();
}

/** How many packets ffprobe counts in a stream, of the format that it calls `demuxer`. */
export async function ffprobePackets(demuxer: string, stream: Uint8Array): Promise<number> {
  const count = ["-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"];
  return Number(await ffprobe(["-f", demuxer, ...count, "-"], stream));
}

async function run(command: string[], input: Uint8Array = new Uint8Array()): Promise<Uint8Array> {
  const child = Bun.spawn(command, { stdin: input, stdout: "pipe", stderr: "pipe" });
  const [output, complaints, code] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0 || complaints !== "") {
    throw new Error(`${command.join(" ")} ended with ${code}: ${complaints}`);
  }
  return output;
}
