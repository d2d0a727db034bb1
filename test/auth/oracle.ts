/**
 * Asks Python's own configparser, in a process that lives as long as the tests that ask it.
 */
import { afterAll } from "bun:test";
import { join } from "node:path";

/** What Python says of a file; see configparser_oracle.py. */
export interface Reading {
  readonly error?: string;
  readonly sections?: Record<string, Record<string, string>>;
  readonly password?: string | null;
}

/** Starts Python when it is first asked. Questions are asked one after the other. */
export function configparserOracle(): (text: string) => Promise<Reading> {
  let started: ReturnType<typeof startPython> | undefined;
  afterAll(async () => {
    await started?.child.stdin.end();
    await started?.child.exited;
  });
  return async (text) => {
    started ??= startPython();
    await started.child.stdin.write(Buffer.from(text, "utf8").toString("base64") + "\n");
    await started.child.stdin.flush();
    const { value } = await started.lines.next();
    const reading: Reading = JSON.parse(value ?? '{"error":"python3 ended"}');
    return reading;
  };
}

function startPython() {
  const child = Bun.spawn(["python3", join(import.meta.dir, "configparser_oracle.py")], {
    stdin: "pipe",
    stdout: "pipe",
  });
  return { child, lines: linesOf(child.stdout) };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
