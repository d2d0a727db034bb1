/**
 * What the parts of a node share: its own broadcasts, its mirrors of others', and how it speaks.
 */
import type { Clock } from "../core/clock.ts";
import type { Directory } from "../hub/directory.ts";
import type { Following } from "../hub/far.ts";
import type { Broadcast } from "../hub/model.ts";
import type { ClusterCounters } from "./figures.ts";
import type { Followings, InLink } from "./follow.ts";
import type { Lead, Own } from "./lead.ts";
import type { Node, Table } from "./table.ts";
import type { ToAll, ToOne } from "./words.ts";

/** Says what happens; `kind` is what it is counted by. */
export type Say = (level: "info" | "warn", kind: string, line: string) => void;

/** A broadcast of another node, in our hub. */
export interface Mirror {
  readonly node: Node;
  readonly link: InLink;
  readonly following: Following;
  /** Whether its broadcaster has gone, as far as the hub knows. */
  isSilent: boolean;
  /** Whether its node has given the channel up, so that another one is to be expected. */
  isReplaced: boolean;
  /** Whether that one was waited for. */
  isMissed: boolean;
  /** Whether the rest of its bytes is waited for. */
  waits: boolean;
}

export interface Office {
  readonly clock: Clock;
  readonly settings: { readonly takeover: "replace" | "refuse" };
  readonly directory: Directory;
  readonly counters: ClusterCounters;
  readonly say: Say;
  readonly table: Table;
  readonly lead: Lead;
  readonly followings: Followings;
  /** Our broadcasts, by number, by channel and by what the hub has. */
  readonly own: Map<number, Own>;
  readonly ownByKey: Map<string, Own>;
  readonly ownByBroadcast: Map<Broadcast, Own>;
  /** Broadcasts of other nodes, by channel. */
  readonly mirrors: Map<string, Mirror>;
  /** Channels that other nodes were asked to give up, by the number of the question. */
  readonly claims: Map<number, (isGiven: boolean) => void>;
  readonly isUp: () => boolean;
  readonly tellAll: (word: ToAll) => void;
  readonly tell: (node: string, word: ToOne) => void;
  lastSeq: number;
  lastClaim: number;
  /** Whether this node is about to stop: what ends now may go on elsewhere. */
  isRetiring: boolean;
}
