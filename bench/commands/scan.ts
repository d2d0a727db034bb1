/** `bun run bench scan`: how fast every format's scanner is. */
import { command, type Command } from "../../src/cli/command.ts";
import { FORMATS, type Format } from "../scan/formats.ts";
import { speedOf } from "../scan/speed.ts";
import { save } from "../report/publish.ts";
import { fixed } from "../report/table.ts";

/** Bytes of a chunk: a UDP source's, a paced camera's, a full pipe's. */
const CHUNKS = [1_316, 8_192, 65_536] as const;

interface Row {
  readonly name: string;
  /** MB/s by size of the chunks, or why there are none. */
  readonly speeds: readonly number[] | string;
}

export const scan: Command = command({
  meta: { name: "bun run bench scan", description: "Measure every format's scanner, in MB/s" },
  args: {
    json: { type: "string", valueHint: "file", description: "Write all figures to a file" },
  },
  async run({ args }) {
    const rows: Row[] = [];
    for (const format of FORMATS) {
      rows.push(await measure(format));
    }
    const heading = `${"MB/s by bytes a chunk".padEnd(24)}${CHUNKS.map((size) => cell(String(size))).join("")}`;
    process.stdout.write(`${[heading, ...rows.map(lineOf)].join("\n")}\n`);
    if (typeof args.json === "string" && args.json !== "") {
      save(args.json, `${JSON.stringify({ chunks: CHUNKS, rows }, null, 2)}\n`);
    }
  },
});

async function measure({ name, newScanner, make }: Format): Promise<Row> {
  const ffmpeg = Bun.which("ffmpeg");
  if (ffmpeg === null) {
    return { name, speeds: "needs ffmpeg, which is not installed" };
  }
  const child = Bun.spawn([ffmpeg, "-nostdin", "-v", "error", ...make.split(" ")], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [bytes, said] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  if ((await child.exited) !== 0) {
    return { name, speeds: `ffmpeg cannot make it: ${said.trim().split("\n")[0] ?? ""}` };
  }
  const speeds = CHUNKS.map((size) => speedOf(newScanner, Buffer.from(bytes.buffer), size));
  const known = speeds.filter((speed) => speed !== undefined);
  return { name, speeds: known.length === speeds.length ? known : "the scanner gave it up" };
}

function lineOf({ name, speeds }: Row): string {
  const cells =
    typeof speeds === "string"
      ? `  ${speeds}`
      : speeds.map((speed) => cell(fixed(speed, 0))).join("");
  return `${name.padEnd(24)}${cells}`;
}

function cell(text: string): string {
  return text.padStart(10);
}
