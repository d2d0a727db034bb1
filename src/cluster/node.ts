/**
 * One node of a cluster: what its hub has is told to all others, and what they have is in its hub.
 *
 *     hub ──began, silenced, ended──► ours.ts ──words──► NATS ◄──words──► other nodes
 *      ▲                                │ lead.ts ──bytes──►│
 *      └── mirrors.ts ◄── table.ts ◄── theirs.ts ◄──words───┤
 *               └── follow.ts ◄──bytes──────────────────────┘
 *
 * Nothing that is local waits for any of this, but a broadcaster who takes a channel over from another
 * node: that one is asked to give it up first, and has YIELD_MS to answer.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Refusal } from "../core/errors.ts";
import { BEAT_MS, MESSAGE_BYTES, NODE_FORGOTTEN_MS, NODE_LOST_MS } from "../core/limits.ts";
import { keyOf, type Directory, type Ears } from "../hub/directory.ts";
import { openBus, type Bus, type BusAddress } from "./bus.ts";
import { newClusterCounters, type ClusterFigures } from "./figures.ts";
import { newFollowings } from "./follow.ts";
import { newLead } from "./lead.ts";
import { forget, lose } from "./mirrors.ts";
import type { Office, Say } from "./office.ts";
import { announceSilence, began, claim, ended, recognised, silenced } from "./ours.ts";
import { ALL, allMedia, mediaSubject, subjectOfNode } from "./subjects.ts";
import { newNode as newRecord, newTable } from "./table.ts";
import { hear, tellBeat } from "./theirs.ts";
import { figuresOf } from "./view.ts";
import { readWord, writeWord, type Word } from "./words.ts";

export interface ClusterNode {
  readonly figures: ClusterFigures;
  readonly ears: Ears;
  /** Why a broadcaster may not have a channel; null where it may: no other node has it any more. */
  claim(user: string, channel: string): Promise<Refusal | null>;
  /** Joins the cluster under a name, as soon as there is a way to it. */
  start(name: string): void;
  /**
   * What is here is about to end, and may go on at another node. Resolves when the others know, so that
   * whoever goes there waits for what comes.
   */
  retire(): Promise<void>;
  /** Leaves the cluster. */
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly clock: Clock;
  /** Read anew each time. */
  readonly settings: { readonly takeover: "replace" | "refuse" };
  readonly address: BusAddress;
  readonly directory: () => Directory;
  readonly say: Say;
  readonly failed: (error: unknown) => void;
}

const ID_BYTES = 8;

/** A node that has not begun yet. */
export function newClusterNode(options: NodeOptions): ClusterNode {
  const { address, clock, failed, say } = options;
  let bus: Bus | null = null;
  let stopTicking: (() => void) | null = null;
  const office = newOffice(options, () => bus);
  const { self } = office.table;
  const hearWord = (bytes: Uint8Array): void => {
    const word = readWord(bytes);
    if (word !== undefined) {
      hear(office, word);
    }
  };
  return {
    figures: figuresOf(office),
    ears: earsOf(office),
    claim: (user, channel) => claim(office, user, channel),
    start(name) {
      self.name = name;
      bus = openBus({
        clock,
        address,
        name: `fstream ${name}`,
        heard: [
          [ALL, hearWord],
          [subjectOfNode(self.id), hearWord],
          [allMedia(self.id), (bytes) => office.followings.message(bytes)],
        ],
        ...tellingOf(office, address, say),
        room: () => office.lead.room(),
        failed,
      });
      stopTicking = everyBeat(clock, () => tick(office), failed);
    },
    async retire() {
      office.isRetiring = true;
      office.own.forEach((mine) => announceSilence(office, mine, true));
      await bus?.flush();
    },
    async stop() {
      stopTicking?.();
      office.tellAll({ k: "bye", from: self.id });
      await bus?.stop();
    },
  };
}

function newOffice(options: NodeOptions, bus: () => Bus | null): Office {
  const { clock, say, settings } = options;
  const counters = newClusterCounters();
  const id = randomBytes(ID_BYTES).toString("hex");
  const table = newTable(newRecord(id, id, clock.now()));
  table.self.v = 0;
  const tell = (subject: string, word: Word): void => bus()?.publish(subject, writeWord(word));
  const tellNode = (node: string, word: Word): void => tell(subjectOfNode(node), word);
  return {
    clock,
    settings,
    get directory() {
      return options.directory();
    },
    counters,
    say,
    table,
    lead: newLead({
      clock,
      counters,
      self: id,
      most: () => bus()?.most() ?? MESSAGE_BYTES,
      ready: () => bus()?.ready() === true,
      publish: (subject, message) => bus()?.publish(subject, message),
      tell: tellNode,
      subjectOf: ({ channel, user }, node) => mediaSubject(user, channel, node),
    }),
    followings: newFollowings({ clock, counters, self: id, tell: tellNode }),
    own: new Map(),
    ownByKey: new Map(),
    ownByBroadcast: new Map(),
    mirrors: new Map(),
    claims: new Map(),
    isUp: () => bus()?.isUp() === true,
    tellAll: (word) => tell(ALL, word),
    tell: tellNode,
    lastSeq: 0,
    lastClaim: 0,
    isRetiring: false,
  };
}

/** What becomes of the connection, for the others and for the log: each trouble once, until it is over. */
function tellingOf(
  office: Office,
  { servers, tls }: BusAddress,
  say: Say,
): { up: (server: string) => void; away: () => void; problem: (why: string) => void } {
  const said = new Set<string>();
  const all = servers.join(", ");
  const warn = (line: string): void => {
    if (!said.has(line)) {
      said.add(line);
      say("warn", "cluster", line);
    }
  };
  return {
    up(server) {
      said.clear();
      office.counters.connects++;
      say(
        "info",
        "cluster",
        `cluster: connected to ${tls ? "tls" : "nats"}://${server} as ${office.table.self.name}`,
      );
      tellBeat(office, true);
      office.followings.again();
    },
    away() {
      said.clear();
      say("warn", "cluster", "cluster: lost the connection to NATS; local channels go on");
    },
    problem(why) {
      warn(
        office.isUp()
          ? `cluster: NATS says: ${why}`
          : `cluster: cannot reach ${all}: ${why}; local channels are served, trying again`,
      );
    },
  };
}

function earsOf(office: Office): Ears {
  const { mirrors, ownByBroadcast, ownByKey } = office;
  return {
    began: (channel, broadcast) => began(office, channel, broadcast),
    silenced(_, broadcast) {
      const mine = ownByBroadcast.get(broadcast);
      if (mine !== undefined) {
        silenced(office, mine);
      }
    },
    ended(channel, broadcast) {
      const key = keyOf(channel.user, channel.name);
      const mine = ownByBroadcast.get(broadcast);
      const mirror = mirrors.get(key);
      if (mine !== undefined) {
        ended(office, mine);
      } else if (mirror !== undefined && mirror.link.upstream === broadcast.remote?.upstream) {
        forget(office, key, mirror);
      }
    },
    noticed(channel, notice) {
      const mine = ownByKey.get(keyOf(channel.user, channel.name));
      if (mine !== undefined && notice.kind === "format") {
        recognised(office, mine);
      }
    },
  };
}

/** Calls `work` every BEAT_MS, with how late it is. */
function everyBeat(clock: Clock, work: () => void, failed: (error: unknown) => void): () => void {
  const timer = { cancel: () => {} };
  const run = (): void => {
    timer.cancel = clock.after(BEAT_MS, run);
    try {
      work();
    } catch (error) {
      failed(error);
    }
  };
  run();
  return () => timer.cancel();
}

/** Once a beat: I am here, and who else is? */
function tick(office: Office): void {
  const { clock, counters, followings, say, table } = office;
  const now = clock.now();
  const { self } = table;
  const slept = now - self.heardAt;
  self.heardAt = now;
  tellBeat(office, false);
  for (const node of table.others.values()) {
    // Whoever has stood still itself has heard nobody.
    node.heardAt += slept > NODE_LOST_MS ? slept : 0;
    const quiet = now - node.heardAt;
    if (!node.lost && quiet > NODE_LOST_MS) {
      counters.nodesLost++;
      say("warn", "cluster node", `cluster: node ${node.name} is lost`);
      lose(office, node);
    } else if (quiet > NODE_FORGOTTEN_MS) {
      table.others.delete(node.id);
    }
  }
  followings.tick((id) => table.others.get(id)?.lost === false);
}
