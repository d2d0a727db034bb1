/** Faults in a server's hub, each for a channel of its own. */
import type { Directory } from "../../src/hub/directory.ts";

export type Place = "receive" | "drained" | "leave" | "watch";

/** What the faulty channels' names begin with. */
export const PLANTED = "planted-";

export function fail(what: string): never {
  throw new Error(`planted in ${what}`);
}

/** Has the directory's ways in and out throw, for the channels that are named after them. */
export function plant(directory: Directory): void {
  const broadcast = directory.broadcast.bind(directory);
  const watch = directory.watch.bind(directory);
  directory.broadcast = (request, source) => {
    const result = broadcast(request, source);
    return request.channel === `${PLANTED}receive` && "feed" in result
      ? { feed: { ...result.feed, receive: () => fail("receive") } }
      : result;
  };
  directory.watch = (request, peer) => {
    const { channel } = request;
    if (channel === `${PLANTED}crash`) {
      process.exit(1);
    }
    const result = channel === `${PLANTED}watch` ? fail("watch") : watch(request, peer);
    const place = channel.startsWith(PLANTED) ? channel.slice(PLANTED.length) : "";
    return "seat" in result ? { seat: { ...result.seat, [place]: () => fail(place) } } : result;
  };
}
