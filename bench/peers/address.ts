/** Any relay that takes our protocol, by its address. It runs already, and goes on when we leave. */
import { OUR_REQUESTS } from "./ours.ts";
import type { Peer } from "./peer.ts";

export const NAME = "elsewhere";

/** The requests alone: what load processes need of such a peer. */
export const elsewhere: Peer = {
  name: NAME,
  missing: () => "a relay elsewhere is given by its address",
  start: () => Promise.reject(new Error("a relay elsewhere is not started")),
  ...OUR_REQUESTS,
};

export function relayAt(
  host: string,
  port: number,
  user: string,
  password: string | undefined,
): Peer {
  return {
    ...elsewhere,
    name: `${host}:${port}`,
    missing: () => undefined,
    start: () =>
      Promise.resolve({
        target: { peer: NAME, host, port, user, password },
        parts: [],
        stop: () => Promise.resolve(),
      }),
  };
}
