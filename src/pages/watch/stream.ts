/** Reads a stream over HTTP. */
import { ENDED, type Ending, type Playing } from "./player.ts";

/** Reads to the end, or until `take` has had enough. A connection that breaks ends the stream as well. */
export async function readStream(
  { url, signal, figures }: Playing,
  take: (chunk: Uint8Array) => boolean,
): Promise<Ending> {
  try {
    const response = await fetch(url, { signal, cache: "no-store", credentials: "omit" });
    if (!response.ok || response.body === null) {
      return { kind: "refused", status: response.status, why: (await response.text()).trim() };
    }
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return ENDED;
      }
      figures.bytes += value.length;
      if (!take(value)) {
        await reader.cancel();
        return ENDED;
      }
    }
  } catch {
    return ENDED;
  }
}
