/** All peers by name. A new one is a file and a line here. */
import type { Target } from "../load/messages.ts";
import { elsewhere } from "./address.ts";
import { control } from "./control.ts";
import { fstream } from "./fstream.ts";
import { icecast } from "./icecast.ts";
import type { Peer } from "./peer.ts";

export const PEERS: readonly Peer[] = [fstream, control, icecast];

export function peerOf({ peer }: Target): Peer {
  const found = [...PEERS, elsewhere].find(({ name }) => name === peer);
  if (found === undefined) {
    throw new Error(`there is no peer ${peer}`);
  }
  return found;
}
