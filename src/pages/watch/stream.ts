/** Reads a stream over HTTP. */
import { ENDED, type Ending, type Playing } from "./player.ts";

const OVER = { done: true, value: undefined } as const;

/** Reads to the end, or until `take` has had enough. A connection that breaks ends the stream as well. */
export async function readStream(
  { url, signal, figures }: Playing,
  take: (chunk: Uint8Array) => boolean,
): Promise<Ending> {
  const response = await fetch(url, { signal, cache: "no-store", credentials: "omit" }).catch(
    () => null,
  );
  if (response === null) {
    return ENDED;
  }
  if (!response.ok || response.body === null) {
    const why = await response.text().catch(() => "");
    return { kind: "refused", status: response.status, why: why.trim() };
  }
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => OVER);
    if (done) {
      return ENDED;
    }
    figures.bytes += value.length;
    if (!take(value)) {
      await reader.cancel().catch(() => {});
      return ENDED;
    }
  }
}
