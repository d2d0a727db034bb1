/**
 * Several servers under the same load, by turns: what the machine does besides falls on all of them.
 */
import type { Peer } from "../peers/peer.ts";
import type { Progress } from "../report/progress.ts";
import { runRound, type Load, type Round } from "./round.ts";
import type { Placement } from "./placement.ts";

export interface Contest {
  readonly peers: readonly Peer[];
  readonly load: Load;
  readonly rounds: number;
  readonly placement: Placement;
  /** Flags for servers of ours. */
  readonly flags: readonly string[];
  readonly progress: Progress;
}

/** The rounds of each peer. Every round has a server of its own, so that none inherits memory. */
export async function alternate(contest: Contest): Promise<ReadonlyMap<Peer, readonly Round[]>> {
  const all = new Map<Peer, Round[]>(contest.peers.map((peer) => [peer, []]));
  for (let i = 0; i < contest.rounds; i++) {
    for (const [peer, rounds] of all) {
      const title = `${peer.name}, round ${i + 1} of ${contest.rounds}`;
      rounds.push(await oneRound(contest, peer, title));
    }
  }
  contest.progress.clear();
  return all;
}

async function oneRound(contest: Contest, peer: Peer, title: string): Promise<Round> {
  const { load, placement, flags, progress } = contest;
  const subject = await peer.start({ prefix: placement.server, flags });
  try {
    return await runRound(subject, load, placement, progress.round(title));
  } finally {
    await subject.stop();
  }
}
