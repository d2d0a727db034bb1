/**
 * The command line of the Python program: `fstream HOST:PORT broadcast,user=…` and `fstream
 * HOST:PORT watch,user=…`.
 */
import { readFields, readRequest } from "../protocol/request.ts";
import { runClient, targets, trustOf } from "./client.ts";
import { UsageError } from "./talk.ts";

/** Says whether these are the words of the Python program. */
export function isSeedForm(words: readonly string[]): boolean {
  return words.length === 2 && /^(?:broadcast|watch),/.test(words[1] ?? "");
}

/**
 * Sends the payload as it stands, and asks for a reply unless it says something about that itself.
 */
export async function runSeedForm(words: readonly string[]): Promise<never> {
  const [server = "", payload = ""] = words;
  const read = readRequest(payload);
  if (!read.ok) {
    const verb = payload.slice(0, payload.indexOf(","));
    throw new UsageError(`${read.bad.message}; the form is ${verb},user=NAME,channel=NAME`);
  }
  const text = readFields(payload).fields.has("reply") ? payload : `${payload},reply=1`;
  const ask = { verb: read.request.verb, text };
  const { addresses } = targets(server);
  return runClient(addresses, ask, { retry: false, quiet: false, trust: trustOf(addresses, {}) });
}
